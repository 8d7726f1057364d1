#!/bin/bash
# node.sh start N      a fresh node, or one that was stopped or killed and keeps its card; returns before it has booted
# node.sh wait N [S]   until it is up and answers SSH, S seconds at most (60)
# node.sh stop N       powers it off in order
# node.sh kill N       the power is cut
# node.sh cut N        the network cable is pulled
# node.sh join N       ... and put back
# node.sh exec N CMD   a command as root inside it, without SSH or sudo: for the test's own eyes
# node.sh card N       the folder that holds what differs from the image
# node.sh cpu N        CPU seconds used since it was made
#
# Node N of LAN $TD_LAN is a Debian 12 with systemd in a container of its own, 10.78.LAN.(100 + N): user pi, password
# raspberry, root locked. Like a Pi it reads config.txt at each boot (vcgencmd). It can reboot and power off.
# At each start:      CPU=share of one core (no limit)  MEM=MiB (512)  MBIT=network, both ways (no limit)
# When it is fresh:   WIPE=1 fresh again  NAME=its name (raspberrypi)  SUDO=password: sudo asks
#                     PIKEY=no: no key, the password only  MODEL=as in its device tree, "" for no Pi
#                     PROXY=no: apt knows no proxy
set -eu
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=groups.sh
. "$HERE/groups.sh"

runs() { [ -n "$(group_pids "$GROUP/node$N")" ]; }

# Writes to the card what a node has of its own; folders get the owners that they have in the image.
fresh() {
  local card=$NODE/card name=${NAME:-raspberrypi} model=${MODEL-Raspberry Pi Model B Rev 2} tree=$NODE/sysfs/devicetree/base
  mkdir -p "$card/etc/sudoers.d" "$card/etc/systemd/network" "$card/etc/apt/apt.conf.d" "$NODE/scratch" "$NODE/root"
  mkdir "$NODE/firmware"
  # Another machine than a Pi has an empty folder there.
  [ -z "$model" ] || cp "$1"/boot/firmware/* "$NODE/firmware/"
  echo "$name" >"$card/etc/hostname"
  printf '127.0.0.1\tlocalhost\n::1\t\tlocalhost ip6-localhost ip6-loopback\n\n127.0.1.1\t%s\n' "$name" >"$card/etc/hosts"
  printf '[Match]\nName=host0\n\n[Network]\nAddress=%s/24\nLinkLocalAddressing=no\nIPv6AcceptRA=no\n' "$ADDRESS" >"$card/etc/systemd/network/10-wired.network"
  chmod 750 "$card/etc/sudoers.d"
  if [ "${SUDO:-}" != password ]; then
    echo 'pi ALL=(ALL) NOPASSWD: ALL' >"$card/etc/sudoers.d/010_pi-nopasswd"
    chmod 440 "$card/etc/sudoers.d/010_pi-nopasswd"
  fi
  if [ "${PIKEY:-}" != no ]; then
    make_keys
    install -d -o 1000 -g 1000 "$card/home/pi"
    install -d -o 1000 -g 1000 -m 700 "$card/home/pi/.ssh"
    cat "$KEYS"/*.pub >"$card/home/pi/.ssh/authorized_keys"
    chown 1000:1000 "$card/home/pi/.ssh/authorized_keys"
  fi
  [ "${PROXY:-}" = no ] || echo "Acquire::http::Proxy \"http://$NET.1:3142\";" >"$card/etc/apt/apt.conf.d/80proxy"
  mkdir -p "$tree"
  if [ -n "$model" ]; then
    printf '%s\0' "$model" >"$tree/model"
    printf '10000000%08x\0' $((LAN * 256 + N)) >"$tree/serial-number"
  fi
}

start() {
  use_node "$1"
  make_way
  if [ ! -e "$NODE/image" ]; then
    mkdir -p "$NODE"
    local image
    image=$("$HERE/image.sh")
    fresh "$image"
    echo "$image" >"$NODE/image"
  fi
  if [ ! -e "/run/netns/$NODE_NS" ]; then
    ip netns add "$NODE_NS"
    in_lan ip link add "node$N" type veth peer name host0 netns "$NODE_NS"
    ip -n "$NODE_NS" link set lo up
    ip -n "$NODE_NS" link set host0 address "$(printf 'b8:27:eb:%02x:00:%02x' "$LAN" "$N")"
    in_lan ip link set "node$N" master br0 up
  fi
  limit_network "${MBIT:-0}"
  group_make "$GROUP/node$N/machine" || die "cannot make a control group"
  group_limit_cpu "$GROUP/node$N" "${CPU:-0}"
  group_limit_memory "$GROUP/node$N" "${MEM:-512}"
  group_make "$GROUP/node$N/power"
  spawn "$GROUP/node$N/power" "$NODE/console.log" "$HERE/power.sh" "$GROUP/node$N/machine" "$NODE" "$NODE_NS"
  # So that `stop` and `exec` right after `start` find it.
  for _ in $(seq 50); do runs && return 0; sleep 0.02; done
  die "node $N does not start: see $NODE/console.log"
}

limit_end() { # MBIT NAMESPACE DEVICE
  ip netns exec "$2" tc qdisc del dev "$3" root 2>/dev/null || true
  [ "$1" = 0 ] || ip netns exec "$2" tc qdisc add dev "$3" root tbf rate "$1mbit" burst 64kb latency 50ms
}

limit_network() { # MBIT
  limit_end "$1" "$NS" "node$N"
  limit_end "$1" "$NODE_NS" host0
}

# The node's first process. None between two boots.
init_pid() {
  local pid
  for pid in $(group_pids "$GROUP/node$N"); do
    [ "$(sed -n 's/^NSpid:.*\t//p' "/proc/$pid/status" 2>/dev/null)" = 1 ] || continue
    echo "$pid"
    return 0
  done
  return 1
}

inside() {
  local init
  init=$(init_pid) || return 1
  nsenter -t "$init" -m -u -i -n -p -r -w -- env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 "$@"
}

greets() { # whether SSH answers
  local line
  # shellcheck disable=SC2016 # the inner shell's own
  line=$(timeout 2 bash -c 'exec 3<>"/dev/tcp/$0/22" && read -r line <&3 && echo "$line"' "$ADDRESS" 2>/dev/null) && [[ $line == SSH-* ]]
}

wait_up() { # SECONDS
  local end=$((SECONDS + $1))
  while [ $SECONDS -lt "$end" ]; do
    runs || die "node $N is off"
    # Until this file is gone, only root may log in.
    if inside test ! -e /run/nologin -a -e /run/systemd/units 2>/dev/null </dev/null && greets; then return 0; fi
    sleep 0.1
  done
  die "node $N is not up after $1 s: see $NODE/console.log"
}

# A machine that is off answers nobody, not even with a refusal. systemd-networkd brings the link up again.
unplugged() { ip -n "$NODE_NS" link set host0 down 2>/dev/null || true; }

stop() {
  local init
  if init=$(init_pid); then
    # What systemd takes for "power off" (halt is +3, poweroff +4, reboot +5).
    kill -RTMIN+4 "$init" 2>/dev/null || true
    for _ in $(seq 200); do runs || break; sleep 0.1; done
  fi
  group_kill "$GROUP/node$N"
  unplugged
}

command=${1:-}
case $command in
  start) start "${2:-}"; exit ;;
  wait | stop | kill | cut | join | exec | card | cpu) use_node "${2:-}" ;;
  *) usage ;;
esac
case $command in
  wait) wait_up "${3:-60}" ;;
  stop) stop ;;
  kill) group_kill "$GROUP/node$N" && unplugged ;;
  cut) in_lan ip link set "node$N" down ;;
  join) in_lan ip link set "node$N" up ;;
  exec)
    shift 2
    inside true || die "node $N is off, or between two boots"
    inside "$@"
    ;;
  card) echo "$NODE/card" ;;
  cpu) group_cpu_seconds "$GROUP/node$N" ;;
esac
