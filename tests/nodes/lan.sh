#!/bin/bash
# lan.sh hold   takes a free LAN, prints "lan NUMBER", keeps it until its standard input ends, then takes it down
# lan.sh up     brings LAN $TD_LAN up, for a try by hand; lan.sh hold leaves it alone as long as it is up
# lan.sh down   ends all that belongs to LAN $TD_LAN: nodes, proxy, namespaces, control groups, files
# lan.sh sweep  does so for each LAN whose keeper is gone (killed); hold does it first, too
#
# A LAN is a switch in a network namespace of its own, without a way out. On it is an apt proxy, 10.78.NUMBER.1:3142,
# which knows only the Debian mirrors of the image. TD_NODES_KEEP=1 leaves the files (logs, cards) when a LAN goes down.
set -eu
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=groups.sh
. "$HERE/groups.sh"

proxy_start() {
  local mirrors
  "$HERE/image.sh" >/dev/null
  mapfile -t mirrors < <(awk '$1 == "deb" { print $2 }' "$TD_NODES"/image/*.list | sort -u)
  mkdir -p "$TD_NODES/apt" "$RUN/proxy"
  spawn "$GROUP/net" "$RUN/proxy.log" /usr/bin/python3 "$HERE/apt-proxy.py" "$NET.1" 3142 "$TD_NODES/apt" "$RUN/proxy" "${mirrors[@]}"
  for _ in $(seq 100); do
    (exec 3<>"/dev/tcp/$NET.1/3142") 2>/dev/null && return 0
    sleep 0.1
  done
  cat "$RUN/proxy.log" >&2
  die "the apt proxy does not start"
}

up() {
  ! [ -e "/run/netns/$NS" ] || die "LAN $LAN is up already"
  mkdir -p "$RUN"
  group_make "$GROUP/net" || die "cannot make a control group"
  ip netns add "$NS"
  in_lan ip link set lo up
  in_lan ip link add br0 type bridge
  in_lan ip link set br0 up
  ip link add "$NS" type veth peer name uplink netns "$NS"
  ip addr add "$NET.1/24" dev "$NS"
  ip link set "$NS" up
  in_lan ip link set uplink master br0 up
  proxy_start
}

down() {
  group_kill "$GROUP" || true
  local ns
  for ns in $(ip netns list | awk -v ns="$NS" '$1 == ns || index($1, ns "-") == 1 { print $1 }'); do ip netns del "$ns"; done
  # It goes with its other end; not always at once.
  ip link del "$NS" 2>/dev/null || true
  group_remove "$GROUP"
  [ "${TD_NODES_KEEP:-}" = 1 ] || rm -rf --one-file-system "$RUN"
}

locked() { # NUMBER FD: whether the lock of that LAN could be taken
  mkdir -p "$TD_NODES/lock"
  eval "exec $2>\"$TD_NODES/lock/$1\""
  flock -n "$2"
}

# A LAN that is up without a keeper was brought up by hand, unless a keeper left its mark there.
sweep() {
  local number
  for number in "$TD_NODES"/lock/*; do
    number=${number##*/}
    [[ $number =~ ^[0-9]+$ ]] || continue
    use_lan "$number"
    if locked "$number" 8 && [ -e "$RUN/kept" ]; then
      echo "taking down LAN $number, whose keeper was killed" >&2
      down
    fi
    exec 8>&-
  done
}

hold() {
  local number mine=
  sweep
  for number in $(seq 0 63); do
    use_lan "$number"
    if locked "$number" 9 && ! [ -e "/run/netns/$NS" ]; then mine=1; break; fi
  done
  [ -n "$mine" ] || die "all LANs are in use"
  rm -rf --one-file-system "$RUN"
  mkdir -p "$RUN"
  : >"$RUN/kept"
  trap down EXIT
  trap 'exit 1' INT TERM HUP
  up
  echo "lan $LAN"
  # `read` ends by a signal too, where `cat` would be waited for.
  while read -r _; do :; done
}

case ${1:-} in
  hold) hold ;;
  sweep) sweep ;;
  up | down) use_lan "${TD_LAN:-}"; "$1" ;;
  *) usage ;;
esac
