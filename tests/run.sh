#!/bin/bash
# run.sh       what `make test` runs once the packages are there: build, unit tests, end-to-end tests
# run.sh e2e   what `make e2e` runs: the release build and all end-to-end tests, the long ones too
#
# Ends with the tests that could not run here and one line of counts; exits 1 when any failed.
set -uo pipefail
cd "$(dirname "$0")/.." || exit 2
mkdir -p target
log=$(mktemp target/test-log.XXXXXX)
skips=$(mktemp target/test-skips.XXXXXX)
trap 'rm -f "$log" "$skips"' EXIT
TD_SKIPS=$PWD/$skips
export TD_SKIPS
failed=0

step() { # NAME COMMAND...
  echo "== $1"
  shift
  local start=$SECONDS
  "$@" 2>&1 | tee -a "$log" || failed=1
  echo "   ($((SECONDS - start)) s)"
}

step 'release build' cargo build --release --locked
# Without the binaries nothing that follows means anything.
[ "$failed" = 0 ] || exit 1
# For the tests on an emulated Raspberry Pi 1: some minutes the first time, nothing when nothing changed. It prints the agent's size;
# its memory when idle is printed by benches/armv6.sh, on an emulated Pi, since what it takes under qemu-user is not the Pi's.
step 'agent for ARMv6' "${CARGO_TARGET_DIR:-target}/release/td-provision" build-agent --with zig
[ "${1:-all}" != e2e ] || step 'agents for ARMv7 and ARM64' "${CARGO_TARGET_DIR:-target}/release/td-provision" build-agent \
  --target armv7 --target arm64 --with zig
# One call for the whole workspace: cargo then builds each dependency once, with the features that all need together.
case ${1:-all} in
  all) step 'unit tests and end-to-end tests' cargo test --workspace --locked --no-fail-fast ;;
  e2e)
    # With it 10,000 simulated schedules of faults.
    step 'end-to-end tests, the long ones too' cargo test --workspace --locked --no-fail-fast --test schedule_simulations \
      --test e2e -- --include-ignored ;;
  *) echo "run.sh: '$1' is not e2e" >&2; exit 2 ;;
esac

echo
if [ -s "$skips" ]; then
  echo "Not run on this machine (tests/SKIPPED.md):"
  sort -u "$skips" | sed 's/^/    /'
fi
# shellcheck disable=SC2016 # the backticks are Markdown's
sed -n 's/^| `\(make [a-z0-9-]*\)` | \(.*\) |$/Left to `\1`: \2/p' tests/SKIPPED.md
awk -v skipped="$(sort -u "$skips" | wc -l)" '
  /^test result:/ { passed += $4; broken += $6 }
  END { printf "%d passed, %d failed, %d skipped\n", passed, broken, skipped }' "$log"
# No test at all is no success either.
grep -q '^test result: ok' "$log" || failed=1
exit "$failed"
