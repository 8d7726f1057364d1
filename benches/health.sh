#!/bin/bash
# health.sh: how long `td health` takes, and how much memory: with eight nodes of which three are dead (off, behind a
# firewall that drops, stopped with SIGSTOP), and with a thousand agents in four processes, all over mutual TLS.
# TD_BENCH_AGENTS: how many (1000). TD_BENCH_PROGRAMS names a folder with td, td-agent, td-provision and health-agents to use
# instead of building them. The firewall needs root; without, the node there is one more that is stopped. Ends with 1 when a
# bound is missed.
set -eu
cd "$(dirname "$0")/.."
target=${CARGO_TARGET_DIR:-target}
mkdir -p "$target/bench"
kept=$(cd "$target/bench" && pwd)
if [ -z "${TD_BENCH_PROGRAMS:-}" ]; then
  cargo build --quiet --release --locked -p td -p td-agent -p td-provision -p td-benches
  TD_BENCH_PROGRAMS=$target/release
fi
exec benches/health.py "$(cd "$TD_BENCH_PROGRAMS" && pwd)" "$kept" "${TD_BENCH_AGENTS:-1000}"
