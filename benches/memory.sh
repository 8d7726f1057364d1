#!/bin/bash
# memory.sh: how small the agent is, in a file and in memory; what the master needs for a strip, in CPU and memory.
# "carrying" is td-agent itself without its POV-Rays, at its peak since it started (VmHWM). The master's CPU is that of
# `td render --agent` without its children (its own probe's POV-Ray): the bound is 5 ms a strip and 4 ms a MB of raw rows.
# What a job needs once (the program's start, scene, settings, journal, probe) is in the whole pictures, and not in what
# each strip more costs.
# TD_BENCH_PROGRAMS names a folder with td and td-agent to use instead of building them. Ends with 1 when a bound is missed.
set -eu
cd "$(dirname "$0")/.."
target=${CARGO_TARGET_DIR:-target}
mkdir -p "$target/bench"
kept=$(cd "$target/bench" && pwd)
scene=/usr/share/doc/povray/examples/objects/blob.pov
[ -e "$scene" ] || { echo "no $scene: apt-get install povray-examples" >&2; exit 2; }
if [ -z "${TD_BENCH_PROGRAMS:-}" ]; then
  cargo build --quiet --release -p td -p td-agent
  TD_BENCH_PROGRAMS=$target/release
fi
td=$(cd "$TD_BENCH_PROGRAMS" && pwd)/td
measure=$PWD/benches/measure.py

work=$(mktemp -d "$kept/memory-XXXXXX")
trap 'rm -rf "$work"' EXIT
missed=0
row() { # text, value, most, unit
  local says=ok
  if awk "BEGIN { exit !($2 > $3) }"; then says=MISSED; missed=1; fi
  echo "| $1 | $2 $4 | $3 $4 | $says |"
}
served() { # slots, switches ... ; sets master, agent, povray (CPU seconds), td_peak, agent_peak (MB), strips, bytes
  local slots=$1
  shift
  local said
  said=$(timeout 600 "$measure" served "$td" "$work/cache" "$slots" "$scene" "$@" -o "$work/td.png")
  # shellcheck disable=SC2034 # some are only for looking at
  read -r master agent povray td_peak agent_peak strips bytes <<<"$said"
}
mb() { awk "BEGIN { print ($1) / 1048576 }"; }

cp "$td-agent" "$work/stripped"
strip "$work/stripped"
"$measure" idle "$td" "$work/cache" >/dev/null # takes the fingerprint, which is kept
echo "| what | measured | bound | |"
echo "|---|---|---|---|"
row "td-agent, stripped" "$(mb "$(stat -c %s "$work/stripped")")" 5 MB
row "td-agent idle, resident" "$("$measure" idle "$td" "$work/cache")" 8 MB

served 2 +W12800 +H9600 +SR4673 +ER5184
row "td-agent carrying rows of 12800, 2 slots" "$agent_peak" 24 MB
served 2 +W12800 +H9600 +SR4673 +ER5184 +FN16 +UA
row "td-agent carrying rows of 12800, 16 bit and alpha, 2 slots" "$agent_peak" 24 MB

# cost TEXT, ms, strips, bytes of raw rows
cost() {
  row "master's CPU, $1: $3 strips, $(awk "BEGIN { printf \"%.1f\", $4 / 1048576 }") MB of raw rows" "$2" \
    "$(awk "BEGIN { printf \"%.1f\", 5 * $3 + 4 * $4 / 1048576 }")" ms
}
ms() { awk "BEGIN { printf \"%.1f\", 1000 * ($1) }"; }
middle_cpu() { # switches ... ; the median of five
  for _ in 1 2 3 4 5; do served 1 "$@"; echo "$master"; done | sort -n | sed -n 3p
}
middle_plan() {
  for _ in 1 2 3 4 5; do timeout 600 "$measure" planned "$td" "$work/cache" 1 "$scene" "$@" -o "$work/td.png"; done | sort -n | sed -n 3p
}
rows=(+W6400 +H4800 +SR2369 +ER2432)
echo "| master's CPU, 64 rows of 6400, all of it / \`td plan\` of the same | $(ms "$(middle_cpu "${rows[@]}")") / $(ms "$(middle_plan "${rows[@]}")") ms | | |"
# What one strip more costs: the same picture in many strips and in one.
few=() many=()
for _ in 1 2 3 4 5; do
  served 1 +W800 +H640
  few+=("$master $strips")
  served 16 +W800 +H640
  many+=("$master $strips")
done
each=$(paste -d' ' <(printf '%s\n' "${few[@]}") <(printf '%s\n' "${many[@]}") | awk '{ print 1000 * ($3 - $1) / ($4 - $2) }' | sort -n | sed -n 3p)
row "master's CPU for each strip more, 800x640 in 1 and in $strips strips" "$each" 5 ms
served 2 +W6400 +H4800
cost "6400x4800, start included" "$(ms "$master")" "$strips" $((4800 * 19201))
row "td at 6400x4800, peak" "$td_peak" 32 MB
served 2 +W6400 +H4800 +FN16
cost "6400x4800, 16 bit, start included" "$(ms "$master")" "$strips" $((4800 * 38401))
exit "$missed"
