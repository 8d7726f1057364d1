# Sourced by the scripts beside it: control groups, version 1 or 2.
#
# A group carries limits, and it says which processes are ours: those in it, whoever their parent is. So nothing is
# ever ended by name, and a process id that the kernel gave to a stranger is never signalled.
# shellcheck shell=bash
G=/sys/fs/cgroup

group_version() { if [ -e $G/cgroup.controllers ]; then echo 2; else echo 1; fi; }

# The hierarchies that a group is made in: one with version 2; with version 1 those for limits, and the two in which a
# node's systemd keeps its services.
group_trees() {
  if [ "$(group_version)" = 2 ]; then
    echo "$G"
  else
    printf '%s\n' $G/cpu $G/memory $G/systemd $G/unified
    # Only counts, so it may be missing; on many systems it is the same hierarchy as cpu.
    [ ! -d $G/cpuacct ] || echo "$G/cpuacct"
  fi
}

# Where no systemd runs (a container, a small virtual machine), some hierarchies of version 1 may not be mounted yet.
group_ready() {
  local name
  if [ "$(group_version)" = 2 ]; then
    echo '+cpu +memory' 2>/dev/null >$G/cgroup.subtree_control || true
    return 0
  fi
  mountpoint -q $G || mount -t tmpfs -o mode=755 cgroup $G
  for name in cpu memory; do
    mountpoint -q "$(readlink -f $G/$name)" || { mkdir -p $G/$name && mount -t cgroup -o $name cgroup $G/$name; }
  done
  mountpoint -q $G/systemd || { mkdir -p $G/systemd && mount -t cgroup -o none,name=systemd cgroup $G/systemd; }
  mountpoint -q $G/unified || { mkdir -p $G/unified && mount -t cgroup2 cgroup2 $G/unified; }
}

group_make() { # GROUP
  local tree up path
  group_ready || return 1
  for tree in $(group_trees); do
    mkdir -p "$tree/$1" || return 1
    # With version 2 a controller reaches a group only when each group above hands it down.
    if [ "$tree" = $G ]; then
      up=$G
      for path in $(dirname "$1" | tr / ' '); do
        [ "$path" = . ] || up=$up/$path
        [ "$up" = $G ] || echo '+cpu +memory' 2>/dev/null >"$up/cgroup.subtree_control" || true
      done
    fi
  done
}

group_limit_cpu() { # GROUP SHARE: of one core; 0 lifts the limit
  # The kernel's least quota is 1 ms, so small shares are counted over a longer period.
  local period=20000 quota
  awk -v s="$2" 'BEGIN { exit !(s > 0 && s < 0.06) }' && period=100000
  quota=$(awk -v s="$2" -v p=$period 'BEGIN { printf "%d", s * p + 0.5 }')
  group_limit_quota "$1" "$quota" $period
}

group_limit_quota() { # GROUP QUOTA PERIOD: microseconds; quota 0 lifts the limit
  if [ "$(group_version)" = 2 ]; then
    if [ "$2" = 0 ]; then echo "max $3"; else echo "$2 $3"; fi >"$G/$1/cpu.max"
  else
    # The old quota must fit the new period, so it goes first.
    echo -1 >"$G/cpu/$1/cpu.cfs_quota_us"
    echo "$3" >"$G/cpu/$1/cpu.cfs_period_us"
    [ "$2" = 0 ] || echo "$2" >"$G/cpu/$1/cpu.cfs_quota_us"
  fi
}

group_limit_memory() { # GROUP MIB: 0 lifts the limit
  if [ "$(group_version)" = 2 ]; then
    if [ "$2" = 0 ]; then echo max; else echo $(($2 * 1048576)); fi >"$G/$1/memory.max"
  else
    if [ "$2" = 0 ]; then echo -1; else echo $(($2 * 1048576)); fi >"$G/memory/$1/memory.limit_in_bytes"
  fi
}

# Moves the shell that calls this (not a subshell's parent) into the group.
group_enter() { # GROUP
  local tree
  for tree in $(group_trees); do echo "$BASHPID" >"$tree/$1/cgroup.procs" || return 1; done
}

# The processes in the group and in the groups below it.
group_pids() { # GROUP
  local tree
  for tree in $(group_trees); do
    [ ! -d "$tree/$1" ] || find "$tree/$1" -name cgroup.procs -exec cat {} + 2>/dev/null
  done | sort -un | sed '/^0$/d'
}

group_kill() { # GROUP: all of it, at once
  local pids
  for _ in $(seq 50); do
    pids=$(group_pids "$1")
    [ -n "$pids" ] || return 0
    # shellcheck disable=SC2086 # a list of numbers
    kill -KILL $pids 2>/dev/null || true
    sleep 0.1
  done
  echo "processes do not end: $pids" >&2
  return 1
}

group_remove() { # GROUP
  local tree
  for tree in $(group_trees); do
    [ ! -d "$tree/$1" ] || find "$tree/$1" -depth -type d -exec rmdir {} \; 2>/dev/null
  done
  return 0
}

# CPU seconds that the group has used so far, with those of the groups below it.
group_cpu_seconds() { # GROUP
  if [ "$(group_version)" = 2 ]; then
    awk '$1 == "usage_usec" { printf "%.6f\n", $2 / 1e6 }' "$G/$1/cpu.stat"
  elif [ -e "$G/cpuacct/$1/cpuacct.usage" ]; then
    awk '{ printf "%.6f\n", $1 / 1e9 }' "$G/cpuacct/$1/cpuacct.usage"
  else
    echo unknown
  fi
}
