#!/bin/bash
# i386.sh FOLDER povray ARGS...     runs Debian's POV-Ray for i386, natively, in FOLDER
# i386.sh FOLDER td-agent ARGS...   runs this machine's td-agent beside it, as on a node whose POV-Ray is of 32 bit
#
# In a root of its own (target/foreign/i386, made by foreign.sh the first time), with FOLDER at /work. The mounts end with the
# program. PRELOAD=FILE, as seen in there, is a library that is loaded first. ADDRESS_SPACE=KIB limits it. The agent is that of
# $TD_BIN_DIR (target/release). Needs root, for the change of root.
set -euo pipefail
folder=$(cd "${1:?folder}" && pwd)
program=${2:?povray or td-agent}
shift 2
if [ "${TD_I386_INSIDE:-}" != 1 ]; then
  [ "$(id -u)" = 0 ] || { echo 'i386.sh: needs root' >&2; exit 2; }
  TD_I386_INSIDE=1 exec unshare --mount --propagation private "$0" "$folder" "$program" "$@"
fi
top=$(cd "$(dirname "$0")/.." && pwd)
target=${CARGO_TARGET_DIR:-$top/target}
root=$target/foreign/i386
"$top/tests/foreign.sh" i386 "$root"
mkdir -p "$root"/{proc,dev,tmp,work,td,lib64,lib/x86_64-linux-gnu}
mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"
mount -t tmpfs tmpfs "$root/tmp"
mount --bind "$folder" "$root/work"
case $program in
  povray) path=/usr/bin/povray ;;
  td-agent)
    # The agent of 64 bit and its libraries, beside those of 32 bit.
    path=/td/td-agent
    mount --bind "${TD_BIN_DIR:-$target/release}" "$root/td"
    mount --bind /lib64 "$root/lib64"
    mount --bind /lib/x86_64-linux-gnu "$root/lib/x86_64-linux-gnu"
    ;;
  *) echo "i386.sh: '$program' is neither povray nor td-agent" >&2; exit 2 ;;
esac
exec python3 -c '
import os, resource, sys

os.chroot(sys.argv[1])
os.chdir("/work")
if os.environ.get("ADDRESS_SPACE"):
    resource.setrlimit(resource.RLIMIT_AS, (int(os.environ["ADDRESS_SPACE"]) << 10,) * 2)
environment = {"PATH": "/usr/bin:/bin", "HOME": "/tmp", "POV_TEMP_DIR": "/work", "LC_ALL": "C"}
if os.environ.get("PRELOAD"):
    environment["LD_PRELOAD"] = os.environ["PRELOAD"]
os.execve(sys.argv[2], [os.path.basename(sys.argv[2]), *sys.argv[3:]], environment)
' "$root" "$path" "$@"
