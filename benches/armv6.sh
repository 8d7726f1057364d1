#!/bin/bash
# armv6.sh: the agent for the Raspberry Pi 1: its size, and how long its build takes
#
# Cached: nothing has changed, so nothing is built. Cold (TD_BENCH_COLD=1): an empty folder, std and all crates from source; the
# tools (Rust, zig) are those that are here. What it takes in memory and in instructions `make pi1` prints, from inside.
set -euo pipefail
cd "$(dirname "$0")/.."
target=${CARGO_TARGET_DIR:-target}
builder=$target/release/td-build-agent
[ -x "$builder" ] || setup/cargo.sh build -q --release --locked -p td-build-agent
"$builder" --target armv6 --with zig --quiet
agent=$target/arm-unknown-linux-musleabihf/release/td-agent
printf 'size, stripped            %9d bytes\n' "$(stat -c %s "$agent")"
timed() { # NAME COMMAND...: wall and CPU time
  local name=$1
  shift
  local TIMEFORMAT="%R %U %S"
  { time "$@" >/dev/null 2>&1; } 2>&1 | awk -v name="$name" '{ printf "%-25s %9.1f s, %.1f s of CPU\n", name, $1, $2 + $3 }'
}
timed 'build, nothing changed' "$builder" --target armv6 --with zig --quiet
if [ -n "${TD_BENCH_COLD:-}" ]; then
  cold=$(mktemp -d)
  trap 'rm -rf "$cold"' EXIT
  mkdir -p "$cold/agents"
  ln -s "$(cd "$target/agents/tools" && pwd)" "$cold/agents/tools"
  CARGO_TARGET_DIR=$cold timed 'build, cold' "$builder" --target armv6 --with zig --quiet
  cmp "$agent" "$cold/arm-unknown-linux-musleabihf/release/td-agent" && echo 'both builds are the same bytes'
fi
