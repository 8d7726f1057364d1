#!/bin/bash
# compose.sh: joining strips into one PNG, against ImageMagick; the check of segments; sizes.
# blob.pov at 6400x4800 (TD_BENCH_WIDTH=1600 for a quick look), cut into 8 strips; then the same picture, each pixel
# four times, at 12800x9600. The rendering (a minute) is kept in target/bench. Ends with 1 when a bound is missed.
set -eu
cd "$(dirname "$0")/.."
width=${TD_BENCH_WIDTH:-6400}
height=$((width * 3 / 4))
runs=${TD_BENCH_RUNS:-5}
target=${CARGO_TARGET_DIR:-target}
mkdir -p "$target/bench"
kept=$(cd "$target/bench" && pwd)
scene=/usr/share/doc/povray/examples/objects/blob.pov
[ -e "$scene" ] || { echo "no $scene: apt-get install povray-examples" >&2; exit 2; }

# ImageMagick's own program: another `convert` may come first in PATH.
convert=
for name in /usr/bin/convert-im6.q16 /usr/bin/convert-im7.q16 /usr/bin/convert /usr/bin/magick; do
  if [ -x "$name" ] && "$name" -version | grep -q ImageMagick; then convert=$name; break; fi
done
[ -n "$convert" ] || { echo "no ImageMagick: apt-get install imagemagick" >&2; exit 2; }

cargo build --quiet --release -p td-benches
join=$target/release/join
picture=$kept/blob-${width}x$height.png
if [ ! -e "$picture" ]; then
  echo "rendering $picture (once)"
  (cd "$(dirname "$scene")" && povray +Iblob.pov "+O$kept/part.png" "+W$width" "+H$height" +FN8 -D -V) 2>"$kept/blob.log" ||
    { tail -5 "$kept/blob.log" >&2; exit 1; }
  mv "$kept/part.png" "$picture"
fi

work=$(mktemp -d "$kept/compose-XXXXXX")
trap 'rm -rf "$work"' EXIT
median() { sort -n | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'; }
missed=0
bound() { # text, value, most
  if awk "BEGIN { exit !($2 <= $3) }"; then echo "  ok: $1: $2 (at most $3)"; else echo "  MISSED: $1: $2 (at most $3)"; missed=1; fi
}

echo "== ${width}x$height, 8 strips, segments of 32 rows"
mkdir "$work/small"
"$join" strips "$picture" "$work/small" 8
checked=$("$join" spool "$work/small" 8 32)
echo "$checked"
bound "ms per MB of raw rows" "$(echo "$checked" | sed 's/.*: \([0-9.]*\) ms per MB.*/\1/')" 4
read -r ours safe memory bytes < <("$join" compose "$work/small" "$work/td.png" 21)
"$join" same "$work/td.png" "$picture"
: >"$work/convert.txt"
for _ in $(seq "$runs"); do
  "$join" run "$convert" "$work"/small/s{1,2,3,4,5,6,7,8}.png -append "$work/convert.png" >>"$work/convert.txt"
done
theirs=$(median <"$work/convert.txt")
echo "joining: $ours ms, $memory MB; convert -append: $theirs ms, $(awk '{ print $3 }' "$work/convert.txt" | median) MB"
# convert leaves the file in the page cache; td also waits for the disk (fsync) and renames.
awk "BEGIN { printf \"ratio of medians: %.0f; with fsync and rename (%s ms): %.0f\n\", $theirs / $ours, $safe, $theirs / $safe }"
[ "$width" -lt 6400 ] || bound "1000 * joining / convert" "$(awk "BEGIN { print 1000 * $ours / $theirs }")" 2
bound "peak MB of joining" "$memory" 32
povray_bytes=$(stat -c %s "$picture")
echo "sizes: joined $bytes, POV-Ray $povray_bytes, convert $(stat -c %s "$work/convert.png")"
bound "bytes" "$bytes" "$((povray_bytes * 105 / 100 + 64 * ((height + 31) / 32)))"
echo "whole process, spool read and hashed again: $(for _ in 1 2 3 4 5; do "$join" run "$join" compose "$work/small" "$work/td.png" 1 | tail -1; done | median) ms"

echo "== $((width * 2))x$((height * 2)), 8 strips, under ulimit -v 450000"
mkdir "$work/large"
"$join" strips "$picture" "$work/large" 8 2
(ulimit -v 450000 && "$join" spool "$work/large" 8 32)
read -r ours safe memory bytes < <(ulimit -v 450000 && "$join" compose "$work/large" "$work/td.png" 11)
echo "joining: $ours ms ($safe ms with fsync and rename), $memory MB, $bytes bytes"
bound "peak MB of joining" "$memory" 32
if said=$(ulimit -v 450000 && "$join" run "$convert" "$work"/large/s{1,2,3,4,5,6,7,8}.png -append "$work/convert.png" 2>&1); then
  echo "convert -append: $said"
else
  echo "convert -append fails: $(echo "$said" | grep -v '^Error' | head -1 | cut -c1-120)"
fi
exit "$missed"
