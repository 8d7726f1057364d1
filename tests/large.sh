#!/bin/bash
# large.sh part    a strip of the paper's 12800x9600 on a 32-bit POV-Ray: without td, with td, and what 64 bit draws
# large.sh whole   the whole picture through two agents with 32-bit POV-Rays, read back by two readers
#
# The 32-bit POV-Ray is Debian's for i386, natively (i386.sh): under qemu-user the failure does not show. Agent and POV-Ray
# together have 450 MB of memory at most, by a control group. Prints what it finds; ends with 1 where it is not as it has to be. Needs
# root, and for `whole` 6 GB of room in $TMPDIR (/tmp).
set -euo pipefail
cd "$(dirname "$0")/.."
top=$PWD
# shellcheck source=nodes/groups.sh
. tests/nodes/groups.sh
[ "$(id -u)" = 0 ] || { echo 'large.sh: needs root' >&2; exit 2; }
what=${1:?part or whole}
bin=${TD_BIN_DIR:-${CARGO_TARGET_DIR:-$top/target}/release}
work=$(mktemp -d "${TMPDIR:-/tmp}/td-large.XXXXXX")
group=td-large/$$
memory=450 # MB
size=(+W12800 +H9600)
agents=()
watches=()
cp tests/scenes/cheap.pov "$work/"

finish() {
  [ ${#watches[@]} = 0 ] || kill "${watches[@]}" 2>/dev/null || true
  group_kill "$group" || true
  group_remove "$group"
  rm -rf "$work"
}
trap finish EXIT
trap 'exit 130' INT TERM

wrong() { echo "WRONG: $*"; exit 1; }
agent() { # NAME SLOTS: an agent on a node whose POV-Ray is of 32 bit
  mkdir -p "$work/$1"
  group_make "$group/$1" || wrong 'no control groups here'
  group_limit_memory "$group/$1" $memory
  (
    group_enter "$group/$1"
    exec "$top/tests/i386.sh" "$work/$1" td-agent serve --socket /work/socket --cache /work/cache --name "$1" --slots "$2"
  ) </dev/null >"$work/$1.log" 2>&1 &
  disown
  watch "$1" 2>/dev/null &
  watches+=($!)
  disown
  agents+=(--agent "$work/$1/socket")
  for _ in $(seq 600); do [ ! -S "$work/$1/socket" ] || return 0; sleep 0.1; done
  cat "$work/$1.log"
  wrong "agent $1 does not start"
}
# What the programs of a node have in memory, at most, in MB. (The group's own count has the pages of files in it, which fill
# whatever there is.)
watch() { # NAME
  local pid now most=0
  while :; do
    now=0
    for pid in $(group_pids "$group/$1"); do
      now=$((now + $(awk '$1 == "VmRSS:" { print $2 }' "/proc/$pid/status" 2>/dev/null || echo 0)))
    done
    [ "$now" -le "$most" ] || { most=$now; echo $((most / 1000)) >"$work/$1.peak"; }
    sleep 0.2
  done
}
peak() { cat "$work/$1.peak"; }
render() { # OUT ARGS...
  local out=$1
  shift
  env HOME="$work" XDG_CACHE_HOME="$work/cache" XDG_STATE_HOME="$work/state" XDG_CONFIG_HOME="$work/config" \
    "$bin/td" render "$work/cheap.pov" -o "$out" "${agents[@]}" "${size[@]}" "$@"
}
# A strip, for programs that will not read a picture of 123 million pixels: the rows alone, as raw bytes.
rows() { # PICTURE FIRST LAST
  /usr/bin/python3 -c '
import sys
from PIL import Image
Image.MAX_IMAGE_PIXELS = None
picture = Image.open(sys.argv[1])
width, first, last = picture.size[0], int(sys.argv[2]), int(sys.argv[3])
sys.stdout.buffer.write(picture.crop((0, first - 1, width, last)).convert("RGB").tobytes())' "$@"
}

part() {
  local first=5057 last=5152 code=0 own=("+SR5057" "+ER5152" +WT1 -D -V -TH +FN8)
  echo "the paper's picture, 12800x9600, rows $first to $last"
  echo '== POV-Ray for i386 as it is'
  ADDRESS_SPACE=$((memory * 1024)) tests/i386.sh "$work" povray +Icheap.pov +Oplain.png "${size[@]}" "${own[@]}" 2>"$work/said" || code=$?
  grep -vE '^povray: cannot open|^$' "$work/said" | tail -n 1
  [ "$code" != 0 ] || wrong 'it rendered, where it had to fail'
  echo "it fails with exit code $code"
  rm -f "$work"/plain* "$work"/pov*

  echo "== td with that POV-Ray, $memory MB for both"
  agent node 1
  render "$work/td.png" +SR$first +ER$last
  echo "peak memory of agent and POV-Ray: $(peak node) MB, of $memory"

  echo '== the same rows by that POV-Ray in one go, with the library that the agent brings'
  "$bin/td-agent" large-file-library i386 >"$work/large-file.so"
  PRELOAD=/work/large-file.so ADDRESS_SPACE=$((memory * 1024)) \
    tests/i386.sh "$work" povray +Icheap.pov +Oone-go.png "${size[@]}" "${own[@]}" 2>"$work/said" || { cat "$work/said"; wrong 'it fails with it, too'; }
  rows "$work/td.png" $first $last >"$work/td.rows"
  rows "$work/one-go.png" $first $last >"$work/one-go.rows"
  cmp "$work/td.rows" "$work/one-go.rows" || wrong 'they differ'
  echo "equal: $(stat -c %s "$work/td.rows") bytes of samples"

  echo "== this machine's own POV-Ray, of 64 bit"
  (cd "$work" && POV_TEMP_DIR=$work povray +Icheap.pov +Oown.png "${size[@]}" "${own[@]}" 2>said) || { cat "$work/said"; wrong 'it fails'; }
  rows "$work/own.png" $first $last >"$work/own.rows"
  /usr/bin/python3 - "$work/td.rows" "$work/own.rows" <<'END'
import sys

one, other = (open(name, "rb").read() for name in sys.argv[1:])
pixels = [at for at in range(0, len(one), 3) if one[at : at + 3] != other[at : at + 3]] if one != other else []
most = max((abs(a - b) for at in pixels for a, b in zip(one[at : at + 3], other[at : at + 3])), default=0)
print(f"{len(pixels)} of {len(one) // 3} px differ between 32 and 64 bit, by up to {most}")
END
}

whole() {
  echo "the paper's picture, 12800x9600, whole, through two agents with 32-bit POV-Rays of $memory MB each"
  agent one 1
  agent two 1
  render "$work/whole.png"
  echo "peak memory: agent one $(peak one) MB, agent two $(peak two) MB"
  stat -c '%s bytes' "$work/whole.png"
  echo '== read back'
  pngcheck -q "$work/whole.png" && echo 'pngcheck: ok'
  local pillow netpbm
  pillow=$(rows "$work/whole.png" 1 9600 | sha256sum | cut -c1-64)
  netpbm=$(pngtopnm "$work/whole.png" | tail -c +$((1 + $(printf 'P6\n12800 9600\n255\n' | wc -c))) | sha256sum | cut -c1-64)
  echo "Pillow: $pillow"
  echo "libpng: $netpbm"
  [ "$pillow" = "$netpbm" ] || wrong 'the two readers see different pictures'
}

case $what in
  part | whole) "$what" ;;
  *) echo "large.sh: '$what' is neither part nor whole" >&2; exit 2 ;;
esac
echo 'all is as it has to be'
