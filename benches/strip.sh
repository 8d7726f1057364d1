#!/bin/bash
# strip.sh: the CPU of a 64-row strip of blob.pov at 6400x4800, through td against plain `povray` writing those rows as PNG.
# "td" is from request to rows on the master: td, a td-agent that runs already, its POV-Rays (the probe too). The last
# column is the whole command `td render --slots 1 --fresh`, which also starts and stops an agent. Medians of
# TD_BENCH_RUNS (5) pairs. TD_BENCH_PROGRAMS names a folder with td and td-agent to use instead of building them.
# Ends with 1 when a bound is missed.
set -eu
cd "$(dirname "$0")/.."
runs=${TD_BENCH_RUNS:-5}
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

work=$(mktemp -d "$kept/strip-XXXXXX")
trap 'rm -rf "$work"' EXIT
median() { sort -n | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'; }
missed=0

cd "$(dirname "$scene")"
# Takes the agent's fingerprint of this POV-Ray, which it keeps.
"$measure" cpu timeout 300 "$td" render "$scene" +W32 +H24 --slots 1 --cache "$work/cache" -o "$work/warm.png" >/dev/null
echo "blob.pov 6400x4800, 64 rows, CPU seconds; load $(cut -d' ' -f1 /proc/loadavg) on $(nproc) cores, $runs pairs"
echo
echo "| rows | povray PNG | td | td / povray | bound | | of td: master | agent | its povray | whole command |"
echo "|---|---|---|---|---|---|---|---|---|---|"
for rows in "top 1 64" "middle 2369 2432" "bottom 4737 4800"; do
  read -r where first last <<<"$rows"
  size="+W6400 +H4800 +SR$first +ER$last"
  : >"$work/pairs"
  for _ in $(seq "$runs"); do
    # shellcheck disable=SC2086 # words are meant
    plain=$("$measure" cpu timeout 300 povray +Iblob.pov "+O$work/plain.png" $size +FN8 +WT1 -D -V)
    # shellcheck disable=SC2086
    split=$(timeout 300 "$measure" served "$td" "$work/cache" 1 "$scene" $size -o "$work/served.png")
    # shellcheck disable=SC2086
    whole=$("$measure" cpu timeout 300 "$td" render "$scene" $size --slots 1 --fresh --cache "$work/cache" -o "$work/td.png")
    echo "${plain#* } $split ${whole#* }" | awk '{ print $1, $2 + $3 + $4, ($2 + $3 + $4) / $1, $2, $3, $4, $9 }' >>"$work/pairs"
    rm -f "$work"/*.png
  done
  column() { cut -d' ' -f"$1" "$work/pairs" | median; }
  ratio=$(column 3)
  says=ok
  awk "BEGIN { exit !($ratio > 0.25) }" && { says=MISSED; missed=1; }
  printf '| %s | %.2f | %.2f | %.3f | 0.25 | %s | %.3f | %.2f | %.2f | %.2f |\n' "$where" "$(column 1)" "$(column 2)" \
    "$ratio" "$says" "$(column 4)" "$(column 5)" "$(column 6)" "$(column 7)"
done
exit "$missed"
