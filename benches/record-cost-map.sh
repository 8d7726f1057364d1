#!/bin/sh
# Records how the cost of a scene is spread over its height, for `td simulate --map`.
#
#   benches/record-cost-map.sh SCENE.pov OUT.txt [CELLS] [WIDTH HEIGHT] [POV-Ray switches ...]
#
# Cuts the view into CELLS equal runs of rows, renders each with one thread of a real POV-Ray and no output file,
# and writes POV-Ray's own trace time of each ("using 1 thread(s) with S CPU-seconds total") as one number a line,
# top down. Parsing and the fixed cost of a start are not in these numbers. Takes about 0.7 s a cell plus the render.
set -eu

[ $# -ge 2 ] || { sed -n '2,9s/^# \{0,1\}//p' "$0"; exit 2; }
scene=$1; out=$2; cells=${3:-120}; width=${4:-1600}; height=${5:-1200}
if [ $# -gt 5 ]; then shift 5; else set -- +A0.3; fi
[ -f "$scene" ] || { echo "no such scene: $scene" >&2; exit 2; }
[ $((height % cells)) -eq 0 ] || { echo "HEIGHT ($height) must be a multiple of CELLS ($cells)" >&2; exit 2; }

case $out in /*) ;; *) out=$PWD/$out ;; esac
cd "$(dirname "$scene")"
name=$(basename "$scene")
rows=$((height / cells))
new=$(mktemp "$out.XXXXXX")
trap 'rm -f "$new"' EXIT INT TERM

{
    echo "# $name ${width}x${height} $*: CPU seconds of the trace, $rows rows a line, top down"
    cell=0
    while [ "$cell" -lt "$cells" ]; do
        first=$((cell * rows + 1)); last=$(((cell + 1) * rows))
        seconds=$(timeout 600 povray "+I$name" -F -D -V +WT1 "+W$width" "+H$height" "+SR$first" "+ER$last" "$@" 2>&1 |
            sed -n 's/.*using 1 thread(s) with \([0-9.]*\) CPU-seconds total.*/\1/p' | tail -n 1)
        [ -n "$seconds" ] || { echo "POV-Ray gave no trace time for rows $first to $last of $name" >&2; exit 1; }
        echo "$seconds"
        cell=$((cell + 1))
    done
} >"$new"
chmod 644 "$new"
mv "$new" "$out"
