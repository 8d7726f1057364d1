#!/bin/bash
# many-agents.sh: the real master with 500 agents that replay recorded bands over real sockets and mutual TLS: its CPU for
# each event, and its memory. Takes four minutes, of which the master works a few seconds.
# TD_BENCH_AGENTS: how many (500). TD_BENCH_PROGRAMS names a folder with td, td-agent, td-provision and replay-agents to
# use instead of building them. Ends with 1 when a bound is missed.
set -eu
cd "$(dirname "$0")/.."
target=${CARGO_TARGET_DIR:-target}
mkdir -p "$target/bench"
kept=$(cd "$target/bench" && pwd)
if [ -z "${TD_BENCH_PROGRAMS:-}" ]; then
  cargo build --quiet --release --locked -p td -p td-agent -p td-provision -p td-benches
  TD_BENCH_PROGRAMS=$target/release
fi
exec benches/many-agents.py "$(cd "$TD_BENCH_PROGRAMS" && pwd)" "$kept" "${TD_BENCH_AGENTS:-500}"
