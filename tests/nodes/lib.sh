# Sourced by the scripts beside it: where things lie, what they are called, and how processes are told apart.
#
# Everything of one LAN carries its number, 0 to 250 ($TD_LAN), so that several test runs stand side by side:
#   10.78.NUMBER.0/24   its addresses: this machine is .1, node N is .(100 + N)
#   tnNUMBER            its network namespace (the switch) and this machine's end of the cable to it
#   tnNUMBER-N          the network namespace of node N
#   td-nodes/lanNUMBER  its control group, in which all its processes live
#   $TD_NODES/lanNUMBER its files: logs, and the card of each node
# shellcheck shell=bash disable=SC2034 # used by those who source it
set -u
HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
TD_NODES=${TD_NODES:-/var/tmp/td-nodes}
KEYS=$TD_NODES/keys
export LC_ALL=C PATH=$PATH:/usr/sbin:/sbin

die() { echo "${0##*/}: $*" >&2; exit 1; }
usage() { sed -n '2,/^$/s/^# \{0,1\}//p' "$0" >&2; exit 2; }
[ "$(id -u)" = 0 ] || die "must be root: nodes need namespaces, mounts and control groups"

use_lan() { # NUMBER
  case ${1:-} in '' | *[!0-9]*) die "set TD_LAN to the number of a LAN, 0 to 250" ;; esac
  [ "$1" -le 250 ] || die "LAN $1 is not 0 to 250"
  LAN=$1
  NET=10.78.$LAN
  NS=tn$LAN
  RUN=$TD_NODES/lan$LAN
  GROUP=td-nodes/lan$LAN
}

use_node() { # NUMBER
  use_lan "${TD_LAN:-}"
  case ${1:-} in '' | *[!0-9]*) die "give a node's number, 1 to 40" ;; esac
  { [ "$1" -ge 1 ] && [ "$1" -le 40 ]; } || die "node $1 is not 1 to 40"
  N=$1
  NODE=$RUN/node$N
  NODE_NS=$NS-$N
  ADDRESS=$NET.$((100 + N))
}

in_lan() { ip netns exec "$NS" "$@"; }

# The SSH keys of the person who owns the test nodes, made once. Tests side by side start nodes at the same time: the second
# one waits, or it would find half of a pair, or be asked by ssh-keygen whether to write over it.
make_keys() {
  mkdir -p "$KEYS"
  chmod 700 "$KEYS"
  # In a shell of its own, and not the 9 of the image's lock, which uml.sh holds meanwhile.
  (
    flock 7
    [ -f "$KEYS/id_ed25519" ] || ssh-keygen -q -t ed25519 -N '' -C td-nodes -f "$KEYS/id_ed25519"
  ) 7>"$KEYS/lock"
}

# Runs a command in the background in a control group of this LAN, with no tie to this shell: own session, own log,
# no open files of ours (a lock that it held on to would outlive us).
spawn() { # GROUP LOG COMMAND...
  local group=$1 log=$2
  shift 2
  (
    for fd in /proc/self/fd/*; do
      fd=${fd##*/}
      [ "$fd" -le 2 ] || eval "exec $fd>&-"
    done
    group_enter "$group"
    exec setsid "$@"
  ) </dev/null >>"$log" 2>&1 &
  disown
}

# This machine's own Debian mirrors, as lines of a sources.list; nothing where it has not that release (mmdebstrap then
# knows Debian's own).
debian_sources() { # RELEASE COMPONENTS
  apt-get indextargets --format "deb \$(SITE) \$(RELEASE) $2" 'Created-By: Packages' 'Origin: Debian' 2>/dev/null |
    grep -E " $1(-updates|-security)? " | sort -u || true
}

# Before a node starts (the script says by `runs` whether it does): with WIPE=1 one that runs is ended, and its card is
# thrown away.
make_way() {
  [ -e "/run/netns/$NS" ] || die "LAN $LAN is not up"
  if runs; then
    [ "${WIPE:-}" = 1 ] || die "node $N runs already"
    group_kill "$GROUP/node$N"
  fi
  [ "${WIPE:-}" != 1 ] || rm -rf --one-file-system "$NODE"
}
