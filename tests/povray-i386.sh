#!/bin/bash
# povray-i386.sh FOLDER ARGS...   runs Debian's POV-Ray for i386, natively, in FOLDER
#
# In a root of its own (target/foreign/i386, made by foreign.sh the first time), with FOLDER at /work and the machine's own
# /usr/share/povray-3.7 of that package. PRELOAD=FILE (as seen in there) loads a library first, MEMORY=KIB limits its address
# space. Needs root, for the change of root; all mounts end with it.
set -euo pipefail
folder=$(cd "${1:?folder}" && pwd)
shift
if [ "${TD_I386_INSIDE:-}" != 1 ]; then
  [ "$(id -u)" = 0 ] || { echo 'povray-i386.sh: needs root' >&2; exit 2; }
  TD_I386_INSIDE=1 exec unshare --mount --propagation private "$0" "$folder" "$@"
fi
top=$(cd "$(dirname "$0")/.." && pwd)
root=${CARGO_TARGET_DIR:-$top/target}/foreign/i386
"$top/tests/foreign.sh" i386 "$root"
mkdir -p "$root"/{proc,dev,tmp,work}
mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"
mount -t tmpfs tmpfs "$root/tmp"
mount --bind "$folder" "$root/work"
exec python3 - "$root" "$@" <<'END'
import os, resource, sys

os.chroot(sys.argv[1])
os.chdir("/work")
limit = os.environ.get("MEMORY")
if limit:
    resource.setrlimit(resource.RLIMIT_AS, (int(limit) << 10,) * 2)
environment = {"PATH": "/usr/bin:/bin", "HOME": "/tmp", "POV_TEMP_DIR": "/work", "LC_ALL": "C"}
if os.environ.get("PRELOAD"):
    environment["LD_PRELOAD"] = os.environ["PRELOAD"]
os.execve("/usr/bin/povray", ["povray", *sys.argv[2:]], environment)
END
