#!/bin/bash
# foreign.sh ARCH DIR [PACKAGE...]     (default: povray povray-includes)
#
# Unpacks Debian packages of another architecture (armel, i386, ...) into DIR, with all that they depend on: a root that
# programs of that architecture find their libraries in, by qemu-user's -L or by chroot. Nothing is installed: apt works
# on lists, a cache and a package status of its own, and no package's scripts run. Needs no root.
# DIR is made whole or not at all; when it is there nothing is done.
set -euo pipefail
arch=${1:?architecture}
dir=${2:?folder}
shift 2
packages=("$@")
[ ${#packages[@]} -gt 0 ] || packages=(povray povray-includes)
[ ! -e "$dir" ] || exit 0

mkdir -p "$(dirname "$dir")"
work=$(mktemp -d "$dir.XXXXXX")
trap 'rm -rf "$work"' EXIT
mkdir -p "$work"/apt/{lists,cache/archives}/partial "$work/root"
: >"$work/apt/status"
# The files of Debian's own archives only: others often lack the architecture.
mapfile -t sources < <(grep -lrE '(deb|security)[a-z.-]*debian\.org|/debian' /etc/apt/sources.list /etc/apt/sources.list.d 2>/dev/null |
  grep -E '\.(list|sources)$')
mkdir "$work/apt/sources"
[ ${#sources[@]} -eq 0 ] || cp "${sources[@]}" "$work/apt/sources/"
apt() {
  apt-get -q -y -o "Dir::State::lists=$work/apt/lists" -o "Dir::Cache=$work/apt/cache" \
    -o "Dir::State::status=$work/apt/status" -o "Dir::Etc::sourcelist=/dev/null" -o "Dir::Etc::sourceparts=$work/apt/sources" \
    -o "APT::Architecture=$arch" -o "APT::Architectures=$arch" -o Debug::NoLocking=1 -o Acquire::Retries=3 \
    -o "APT::Sandbox::User=$([ "$(id -u)" != 0 ] || echo root)" "$@" </dev/null
}
# A mirror that is just being updated fails some of its files once.
{ apt update || apt update || true; apt install --no-install-recommends --download-only "${packages[@]}"; } >"$work/log" 2>&1 ||
  { tail -n 20 "$work/log" >&2; echo "foreign.sh: the packages ${packages[*]} of $arch could not be fetched" >&2; exit 1; }
for package in "$work"/apt/cache/archives/*.deb; do dpkg-deb -x "$package" "$work/root"; done
# A leftover of a run that was killed is in nobody's way: the name is taken only now.
mv -T "$work/root" "$dir" 2>/dev/null || [ -e "$dir" ]
