#!/bin/bash
# overhead.sh: td on this machine against one plain `povray`: CPU with one slot, wall time with two.
# Renders of about three minutes with one thread, of more than two with two: an hour in all. TD_BENCH_QUICK=1 takes
# small sizes (fixed costs weigh more there, so nothing fails) and one pair; TD_BENCH_RUNS pairs (3), in alternating order, of which
# the median ratio counts. CPU is of all processes: td, td-agent, each POV-Ray. TD_BENCH_PROGRAMS names a folder with td
# and td-agent to use instead of building them. Wall time means something only when nothing else runs.
# Ends with 1 when a bound is missed.
set -eu
cd "$(dirname "$0")/.."
quick=${TD_BENCH_QUICK:-}
runs=${TD_BENCH_RUNS:-${quick:+1}}
runs=${runs:-3}
target=${CARGO_TARGET_DIR:-target}
mkdir -p "$target/bench"
kept=$(cd "$target/bench" && pwd)
examples=/usr/share/doc/povray/examples
[ -e "$examples/advanced/wineglass.pov" ] || { echo "no $examples: apt-get install povray-examples" >&2; exit 2; }
if [ -z "${TD_BENCH_PROGRAMS:-}" ]; then
  cargo build --quiet --release -p td -p td-agent
  TD_BENCH_PROGRAMS=$target/release
fi
td=$(cd "$TD_BENCH_PROGRAMS" && pwd)/td
measure=$PWD/benches/measure.py

work=$(mktemp -d "$kept/overhead-XXXXXX")
trap 'rm -rf "$work"' EXIT
median() { sort -n | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'; }
missed=0

# Takes the agent's fingerprint of this POV-Ray, which it keeps.
"$measure" cpu timeout 300 "$td" render "$examples/objects/blob.pov" +W32 +H24 --slots 1 --cache "$work/cache" -o "$work/warm.png" >/dev/null

plain() { # scene, threads, switches ...
  local scene=$1 threads=$2
  shift 2
  (cd "$(dirname "$scene")" && "$measure" cpu timeout 3600 povray "+I$(basename "$scene")" "+O$work/plain.png" "$@" +FN8 "+WT$threads" -D -V)
}
ours() {
  local scene=$1 slots=$2
  shift 2
  "$measure" cpu timeout 3600 "$td" render "$scene" "$@" --slots "$slots" --fresh --cache "$work/cache" -o "$work/td.png"
}
compare() { # scene, threads, what counts (wall or cpu), most percent, switches ...
  local scene=$1 threads=$2 counts=$3 most=$4 pair theirs own says=ok
  shift 4
  : >"$work/pairs"
  for pair in $(seq "$runs"); do
    # A machine that warms up or slows down must not always meet the same one second.
    if [ $((pair % 2)) -eq 1 ]; then
      theirs=$(plain "$scene" "$threads" "$@"); own=$(ours "$scene" "$threads" "$@")
    else
      own=$(ours "$scene" "$threads" "$@"); theirs=$(plain "$scene" "$threads" "$@")
    fi
    echo "$theirs $own" | awk '{ print $1, $2, $3, $4, 100 * ($3 / $1 - 1), 100 * ($4 / $2 - 1) }' >>"$work/pairs"
    rm -f "$work"/*.png
  done
  column() { cut -d' ' -f"$1" "$work/pairs" | median; }
  local more
  more=$(column "$([ "$counts" = wall ] && echo 5 || echo 6)")
  if awk "BEGIN { exit !($more > $most) }"; then says=MISSED; missed=1; fi
  printf '| %s %s | %s | %s | %.1f | %.1f | %+.1f %% | %.1f | %.1f | %+.1f %% | %s +%s %% | %s |\n' "$(basename "$scene" .pov)" "$*" "$threads" "$runs" \
    "$(column 1)" "$(column 3)" "$(column 5)" "$(column 2)" "$(column 4)" "$(column 6)" "$counts" "$most" "$says"
}

blob=$examples/objects/blob.pov
wineglass=$examples/advanced/wineglass.pov
echo "seconds, medians (load $(cut -d' ' -f1 /proc/loadavg) on $(nproc) cores)${quick:+; quick: SMALL SIZES, fixed costs weigh more, nothing fails}"
echo
echo "| scene | threads or slots | pairs | povray wall | td wall | more wall | povray CPU | td CPU | more CPU | bound | |"
echo "|---|---|---|---|---|---|---|---|---|---|---|"
if [ -n "$quick" ]; then
  compare "$blob" 1 cpu 3 +W1600 +H1200 +A0.0 +AM2 +R3
  compare "$blob" 2 wall 5 +W1600 +H1200 +A0.0 +AM2 +R3
  compare "$wineglass" 2 wall 8 +W1200 +H900 +A0.3
  exit 0
fi
compare "$blob" 1 cpu 3 +W3840 +H2880 +A0.0 +AM2 +R3
compare "$blob" 2 wall 5 +W4800 +H3600 +A0.0 +AM2 +R3
compare "$wineglass" 2 wall 8 +W4800 +H3600 +A0.3
exit "$missed"
