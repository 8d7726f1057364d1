#!/bin/bash
# run.sh: every benchmark beside this file, in order; ends with 1 when any failed.
set -u
cd "$(dirname "$0")/.." || exit 2
failed=0
for bench in benches/*.sh; do
  if [ "$bench" = benches/run.sh ] || [ ! -x "$bench" ]; then continue; fi
  echo "== $bench"
  "$bench" || { echo "$bench failed ($?)" >&2; failed=1; }
done
exit "$failed"
