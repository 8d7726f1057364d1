#!/bin/bash
# two-pass.sh: what `--two-pass` makes of radiosity, beside one POV-Ray in one go and beside `--allow-seams`.
# For each scene of POV-Ray's radiosity examples: how many pixels differ from one go, by how much at most and on average
# (levels of 255, over all samples), and whether the picture hangs on how it was cut: the same job in one strip and in
# many. TD_BENCH_SIZE picks another size (320x240). TD_BENCH_PROGRAMS names a folder with td and td-agent.
set -eu
cd "$(dirname "$0")/.."
size=${TD_BENCH_SIZE:-320x240}
target=${CARGO_TARGET_DIR:-target}
mkdir -p "$target/bench"
examples=/usr/share/doc/povray/examples/radiosity
[ -e "$examples/cornell.pov" ] || { echo "no $examples: apt-get install povray-examples" >&2; exit 2; }
if [ -z "${TD_BENCH_PROGRAMS:-}" ]; then
  cargo build --quiet --release -p td -p td-agent
  TD_BENCH_PROGRAMS=$target/release
fi
td=$(cd "$TD_BENCH_PROGRAMS" && pwd)/td
differences=$PWD/benches/differences.py
work=$(mktemp -d "$(cd "$target/bench" && pwd)/two-pass-XXXXXX")
trap 'rm -rf "$work"' EXIT
switches=("+W${size%x*}" "+H${size#*x}" +FN8)

render() { # output, options of td ...
  local out=$1
  shift
  timeout 1800 "$td" render "$examples/$scene.pov" "${switches[@]}" -q --fresh --cache "$work/cache" -o "$work/$out.png" "$@" 2>"$work/said" ||
    { cat "$work/said" >&2; exit 1; }
}

echo "$size; pixels that differ, most and average levels"
echo
echo "| scene | two passes / one go | seams allowed / one go | two passes, one strip / many |"
echo "|---|---|---|---|"
for scene in ${*:-cornell rad_def_test_37 radiosity2 radiosity3 radiosity_37 patio-radio_37}; do
  (cd "$examples" && timeout 1800 povray "+I$scene.pov" "+O$work/one-go.png" "${switches[@]}" +WT1 -D -V) 2>"$work/said" ||
    { tail -5 "$work/said" >&2; exit 1; }
  render one-strip --two-pass --slots 1
  TD_TEST_FORCE_STEALS=1 render many --two-pass --slots 5
  TD_TEST_FORCE_STEALS=1 render seams --allow-seams --slots 5
  echo "| $scene | $("$differences" "$work/many.png" "$work/one-go.png") | $("$differences" "$work/seams.png" "$work/one-go.png") |" \
    "$("$differences" "$work/one-strip.png" "$work/many.png") |"
done
