#!/bin/bash
# simulate.sh: the scheduler on simulated nodes: against the ideal, against the methods of the literature on each recorded
# cost map, and what its decisions cost (CPU) as the cluster grows. Some minutes. TD_BENCH_QUICK=1 leaves the 10,000
# nodes out. TD_BENCH_PROGRAMS names a folder with td to use instead of building it. Ends with 1 when a bound is missed.
set -eu
cd "$(dirname "$0")/.."
target=${CARGO_TARGET_DIR:-target}
if [ -z "${TD_BENCH_PROGRAMS:-}" ]; then
  cargo build --quiet --release --locked
  TD_BENCH_PROGRAMS=$target/release
fi
exec benches/simulate.py "$(cd "$TD_BENCH_PROGRAMS" && pwd)/td" ${TD_BENCH_QUICK:+quick}
