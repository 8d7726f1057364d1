#!/bin/bash
# run.sh: every benchmark beside this file, in order; ends with 1 when any failed or missed a bound.
# TD_BENCH_QUICK=1: those of a cluster and the overhead, in their small forms.
set -u
cd "$(dirname "$0")/.." || exit 2
failed=0
# A build of the agent for ARMv6 from nothing takes some minutes: no part of the quick form.
[ -n "${TD_BENCH_QUICK:-}" ] || export TD_BENCH_COLD=1
begun=$SECONDS
for bench in benches/*.sh; do
  name=$(basename "$bench" .sh)
  case "$name" in run | record-cost-map) continue ;; esac
  if [ -n "${TD_BENCH_QUICK:-}" ]; then
    case "$name" in many-agents | overhead | simulate | speed) ;; *) continue ;; esac
  fi
  echo "== $bench"
  since=$SECONDS
  "$bench" || { echo "$bench failed or missed a bound ($?)" >&2; failed=1; }
  echo "== $bench took $((SECONDS - since)) s"
done
echo "== all took $(((SECONDS - begun + 59) / 60)) minutes"
exit "$failed"
