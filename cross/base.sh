#!/bin/bash
# base.sh [ENGINE]   makes localhost/td-debian:12, the base of Containerfile, from Debian packages (ENGINE: podman or docker)
#
# For machines that cannot pull images. Needs root and mmdebstrap; the packages come from this machine's own mirrors.
set -euo pipefail
engine=${1:-podman}
[ "$(id -u)" = 0 ] || { echo 'base.sh: needs root' >&2; exit 2; }
command -v mmdebstrap >/dev/null || { echo 'base.sh: mmdebstrap is missing: apt-get install mmdebstrap' >&2; exit 2; }
mapfile -t sources < <(grep -lrE '(deb|security)[a-z.-]*debian\.org|/debian' /etc/apt/sources.list /etc/apt/sources.list.d 2>/dev/null |
  grep -E '\.(list|sources)$')
packages=gcc,libc6-dev,python3-venv,ca-certificates,libcurl4,libedit2,libsqlite3-0,libssh2-1,libxml2,libz3-4
mmdebstrap --quiet --mode=root --variant=minbase --include=$packages \
  --aptopt='Acquire::Check-Valid-Until "false"' --aptopt='Acquire::Check-Date "false"' bookworm - "${sources[@]}" |
  "$engine" import --change 'CMD /bin/sh' - localhost/td-debian:12 >/dev/null
"$engine" image inspect --format '{{.Id}} {{.Size}}' localhost/td-debian:12
