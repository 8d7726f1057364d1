#!/bin/bash
# bare-debian.sh root|user [MAKE TARGET...]     (as root; default target: demo)
#
# Shows that a bare Debian 12 with git and make is enough: makes one in a folder with mmdebstrap, clones this
# checkout's HEAD into it, and runs make there. `user` first runs make as an ordinary user without sudo, which must
# print the line to run and end with 2, then runs that line as root, then make again as the user.
#
# Everything happens in a mount namespace of its own, so no mount is left; the folder goes at the end unless
# KEEP=1. This machine's apt sources, name resolution, certificates and cargo settings come along.
set -euo pipefail
who=${1:?root or user}
shift
targets=${*:-demo}
here=$(cd "$(dirname "$0")/.." && pwd)
root=${BARE_DIR:-/var/tmp/td-bare-$$}

if [ "${TD_BARE_INSIDE:-}" != 1 ]; then
  command -v mmdebstrap >/dev/null || { echo "bare-debian.sh: mmdebstrap is missing: apt-get install mmdebstrap" >&2; exit 2; }
  [ "$(id -u)" = 0 ] || { echo "bare-debian.sh: needs root" >&2; exit 2; }
  TD_BARE_INSIDE=1 exec unshare --mount --propagation private "$0" "$who" "$@"
fi

finish() {
  cd /
  umount -l "$root/proc" "$root/sys" "$root/dev" 2>/dev/null || true
  [ "${KEEP:-}" = 1 ] || rm -rf --one-file-system "$root"
}
trap finish EXIT

if [ ! -x "$root/usr/bin/make" ]; then
  mapfile -t sources < <(grep -lr debian /etc/apt/sources.list /etc/apt/sources.list.d 2>/dev/null | grep -E '\.(list|sources)$')
  mmdebstrap -q --mode=root --variant=minbase --include=git,make bookworm "$root" "${sources[@]}"
fi
cp -L /etc/resolv.conf /etc/hosts "$root/etc/"
cp /etc/apt/apt.conf.d/9* "$root/etc/apt/apt.conf.d/" 2>/dev/null || true
# A machine behind a gateway of its own trusts more than Debian's certificates.
cp -L /etc/ssl/certs/ca-certificates.crt "$root/carried-ca.crt" 2>/dev/null || true
mkdir -p "$root/proc" "$root/sys" "$root/dev"
mount -t proc proc "$root/proc"
mount --rbind /sys "$root/sys"
mount --rbind /dev "$root/dev"
mkdir -p "$root/dev/shm"

inside() { # USER SCRIPT: as on a machine of that user, with this machine's way to the registries
  local home=/root name=$1
  [ "$name" = root ] || home=/home/$name
  local carry=()
  [ ! -f "$root/carried-ca.crt" ] || carry+=(CARGO_HTTP_CAINFO=/carried-ca.crt PIP_CERT=/carried-ca.crt)
  while IFS='=' read -r key _; do carry+=("$key=${!key}"); done < <(env | grep -iE '^(https?_proxy|no_proxy|cargo_(registr|http|net|source)[a-z_]*|ssl_cert_[a-z]*)=')
  chroot "$root" setpriv --reuid="$name" --regid="$name" --init-groups \
    env -i PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin HOME="$home" USER="$name" LANG=C.UTF-8 "${carry[@]}" \
    /bin/sh -euc "$2" </dev/null
}

user=root
if [ "$who" = user ]; then
  user=artist
  chroot "$root" id artist >/dev/null 2>&1 || chroot "$root" useradd -m -s /bin/bash artist
fi
home=$(chroot "$root" getent passwd "$user" | cut -d: -f6)
if [ -f "${CARGO_HOME:-$HOME/.cargo}/config.toml" ]; then
  mkdir -p "$root$home/.cargo"
  cp "${CARGO_HOME:-$HOME/.cargo}/config.toml" "$root$home/.cargo/"
fi
rm -rf "${root:?}$home/td"
git clone -q "$here" "$root$home/td"
chroot "$root" chown -R "$user:" "$home"

if [ "$who" = user ]; then
  echo "== as an ordinary user without sudo: the line to run, and exit code 2"
  code=0
  inside artist "cd ~/td && make $targets" >"$root/said" 2>&1 || code=$?
  cat "$root/said"
  [ "$code" = 2 ] || { echo "wanted exit code 2, got $code" >&2; exit 1; }
  line=$(sed -n "s/^ *su -c '\(.*\)'$/\1/p" "$root/said")
  [ -n "$line" ] || { echo "no line to run was printed" >&2; exit 1; }
  echo "== root runs that line"
  inside root "$line" >"$root/said" 2>&1 || { tail -n 30 "$root/said" >&2; exit 1; }
fi
echo "== as $user: make $targets"
inside "$user" "cd ~/td && make $targets"
