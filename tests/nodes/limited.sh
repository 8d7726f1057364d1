#!/bin/bash
# limited.sh QUOTA PERIOD COMMAND...   runs COMMAND with all it starts on QUOTA of each PERIOD microseconds of one core
#
# For example `limited.sh 1600 100000 td-agent serve ...` is an agent at about the speed of a Pi 1. PERIOD is at most a
# second, QUOTA at least 1000 (the kernel's bounds). MEM=MiB limits memory, too. GROUP_NAME=x names the control group
# td-nodes/limited-x; then `limited.sh set x QUOTA PERIOD` changes the quota while it runs, `limited.sh cpu x` prints the
# CPU seconds used so far, and `limited.sh pids x` its processes.
# When COMMAND ends, or this script is told to (INT, TERM, HUP), what COMMAND left behind is ended, too. Should this
# script be killed, the next one of that name, or `limited.sh sweep`, ends the rest. The exit code is COMMAND's.
set -eu
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=groups.sh
. "$HERE/groups.sh"

clean() { group_kill "$1" && group_remove "$1"; }

# A group belongs to the script whose id its name ends with, or to whoever holds its name's lock.
lock() { # NAME
  mkdir -p "$TD_NODES/lock"
  exec 9>"$TD_NODES/lock/limited-$1"
  flock -n 9
}

sweep() {
  local tree group name
  tree=$(group_trees | head -n 1)
  for group in "$tree"/td-nodes/limited-*; do
    [ -d "$group" ] || continue
    name=${group##*/limited-}
    if lock "$name"; then
      clean "td-nodes/limited-$name"
    fi
    exec 9>&-
  done
}

case ${1:-} in
  sweep) sweep; exit ;;
  set) group_limit_quota "td-nodes/limited-$2" "$3" "$4"; exit ;;
  cpu) group_cpu_seconds "td-nodes/limited-$2"; exit ;;
  pids) group_pids "td-nodes/limited-$2"; exit ;;
  '' | *[!0-9]*) usage ;;
esac
[ $# -ge 3 ] || usage
quota=$1 period=$2
shift 2
name=${GROUP_NAME:-$$}
group=td-nodes/limited-$name
lock "$name" || die "$group is in use"
clean "$group"
group_make "$group" || die "cannot make a control group"
group_limit_quota "$group" "$quota" "$period"
group_limit_memory "$group" "${MEM:-0}"
child=
finish() {
  trap '' INT TERM HUP
  clean "$group"
}
trap finish EXIT
trap 'stopped=1; [ -z "$child" ] || kill -TERM "$child" 2>/dev/null' INT TERM HUP
stopped=
(
  trap - INT TERM HUP EXIT
  exec 9>&-
  group_enter "$group"
  exec "$@"
) <&0 &
child=$!
code=0
# A signal to us ends `wait` early: then COMMAND has been told, and has five seconds.
wait "$child" || code=$?
if [ -n "$stopped" ]; then
  for _ in $(seq 50); do kill -0 "$child" 2>/dev/null || break; sleep 0.1; done
  kill -KILL "$child" 2>/dev/null || true
  code=0
  wait "$child" || code=$?
fi
exit "$code"
