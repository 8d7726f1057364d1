#!/bin/bash
# speed.sh: td against the paper's way on eight nodes at a Raspberry Pi 1's speed (control groups with a CPU quota), and
# against what the nodes' speeds allow: three sizes of blob.pov, uneven scenes, a long parse, unequal and changing speeds.
# Fifty minutes; TD_BENCH_QUICK=1 takes the small sizes, and faster nodes for the other tables (a quarter of an hour). Needs root, for the control groups.
# TD_BENCH_PROGRAMS names a folder with td and td-agent to use instead of building them; TD_BENCH_ONLY some of
# sizes,uneven,parse,changing; TD_BENCH_RECORD a file for all numbers; TD_BENCH_EVENTS a folder for each render's events.
# Ends with 1 when a bound is missed.
set -eu
cd "$(dirname "$0")/.."
target=${CARGO_TARGET_DIR:-target}
[ -e /usr/share/doc/povray/examples/objects/blob.pov ] || { echo "no blob.pov: apt-get install povray-examples" >&2; exit 2; }
if [ -z "${TD_BENCH_PROGRAMS:-}" ]; then
  cargo build --quiet --release --locked
  TD_BENCH_PROGRAMS=$target/release
fi
# Caches and pictures lie in memory: other work on this machine's disk is not what is measured.
folder=$(mktemp -d "/dev/shm/td-speed-XXXXXX")
# It ends its nodes and removes the folder, also when it is told to end.
exec benches/speed.py "$(cd "$TD_BENCH_PROGRAMS" && pwd)/td" "$folder" ${TD_BENCH_QUICK:+quick}
