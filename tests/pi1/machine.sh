#!/bin/bash
# machine.sh start     a Raspberry Pi 1 with a fresh card, as number 31 of LAN $TD_LAN; CARD=keep: the card as it was left
# machine.sh wait [S]  until SSH answers, S seconds at most (600)
# machine.sh stop      powers it off in order, and pulls the plug where that does not help
# machine.sh kill      the power is cut
# machine.sh console   what it wrote to its serial line
# machine.sh boots     how often it has booted
#
# QEMU's raspi1ap: an ARM1176JZF-S with 512 MB, 10.78.LAN.131. As the Pi's firmware does, each boot reads config.txt,
# cmdline.txt, kernel and initramfs from the card's FAT. Its instructions are counted (500 million a second at most), and
# its clock follows that count, so it is not faster than it should be because this machine is. The LAN is nodes/lan.sh's.
set -eu
# shellcheck source=../nodes/lib.sh
. "$(dirname "$0")/../nodes/lib.sh"
# shellcheck source=../nodes/groups.sh
. "$HERE/groups.sh"
SELF=$(cd "$(dirname "$0")" && pwd)
use_node 31
CARDFILE=$NODE/card.img
FAT=$CARDFILE@@4194304
# Where it is not installed, setup/packages.sh unpacks it.
QEMU=${QEMU:-$(command -v qemu-system-arm || echo "$SELF/../../target/qemu/qemu-system-arm")}

runs() { [ -n "$(group_pids "$GROUP/node$N")" ]; }

# What this machine has of its own: address and key. Written into the ext4 without mounting it.
fresh() {
  local image own=$NODE/own
  image=$("$SELF/image.sh")
  make_keys
  cp --sparse=always "$image" "$CARDFILE"
  mkdir -p "$own"
  printf '[Match]\nName=e* u*\n\n[Network]\nAddress=%s/24\nLinkLocalAddressing=no\nIPv6AcceptRA=no\n' "$ADDRESS" >"$own/network"
  cat "$KEYS"/*.pub >"$own/keys"
  printf '%s\n' "write $own/network /etc/systemd/network/10-wired.network" 'mkdir /home/pi/.ssh' \
    "write $own/keys /home/pi/.ssh/authorized_keys" \
    'sif /home/pi/.ssh uid 1000' 'sif /home/pi/.ssh gid 1000' 'sif /home/pi/.ssh mode 040700' \
    'sif /home/pi/.ssh/authorized_keys uid 1000' 'sif /home/pi/.ssh/authorized_keys gid 1000' |
    debugfs -w -f - "$CARDFILE?offset=$((260 << 20))" >"$own/log" 2>&1
}

start() {
  [ -e "/run/netns/$NS" ] || die "LAN $LAN is not up"
  ! runs || die 'it runs already'
  command -v "$QEMU" >/dev/null || die "qemu-system-arm is missing: setup/packages.sh pi1"
  mkdir -p "$NODE"
  if [ "${CARD:-}" != keep ] || [ ! -e "$CARDFILE" ]; then fresh; fi
  if ! in_lan ip link show tap$N >/dev/null 2>&1; then
    in_lan ip tuntap add tap$N mode tap
    in_lan ip link set tap$N master br0 up
  fi
  group_make "$GROUP/node$N" || die 'cannot make a control group'
  spawn "$GROUP/node$N" "$NODE/power.log" "$SELF/machine.sh" power
}

# The power supply: boots until the machine says that it wants to be off.
power() {
  local kernel initramfs line code
  while :; do
    mcopy -n -o -i "$FAT" ::/config.txt ::/cmdline.txt "$NODE/"
    kernel=$(tr -d '\r' <"$NODE/config.txt" | sed -n 's/^kernel=//p' | tail -n 1)
    initramfs=$(tr -d '\r' <"$NODE/config.txt" | sed -n 's/^initramfs \([^ ]*\).*/\1/p' | tail -n 1)
    mcopy -n -o -i "$FAT" "::/$kernel" "::/$initramfs" ::/bcm2835-rpi-b-plus.dtb "$NODE/"
    # QEMU lacks one block of the chip, at which the driver for power domains panics.
    line="$(tr -d '\r\n' <"$NODE/cmdline.txt") console=ttyAMA0,115200 initcall_blacklist=bcm2835_power_driver_init panic=5"
    echo "boot: $line"
    cat "$NODE/console" >>"$NODE/console.before" 2>/dev/null || true
    code=0
    ip netns exec "$NS" "$QEMU" -M raspi1ap -m 512 -kernel "$NODE/$kernel" -initrd "$NODE/$initramfs" \
      -dtb "$NODE/bcm2835-rpi-b-plus.dtb" -append "$line" -drive "if=sd,file=$CARDFILE,format=raw,cache=unsafe" \
      -device "usb-net,netdev=n0,mac=$(printf 'b8:27:eb:%02x:00:%02x' "$LAN" "$N")" -netdev "tap,id=n0,ifname=tap$N,script=no,downscript=no" \
      -icount shift=1,sleep=on -display none -serial "file:$NODE/console" -monitor none -no-reboot || code=$?
    echo "qemu ended: $code"
    [ "$code" = 0 ] || exit "$code"
    # A Pi that powers off resets itself too, so both look alike from here but for its last words.
    ! grep -aqE 'Reached target .*(poweroff|halt)\.target' "$NODE/console" || exit 0
  done
}

login() {
  ssh -q -n -i "$KEYS/id_ed25519" -o IdentitiesOnly=yes -o BatchMode=yes -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null \
    -o ConnectTimeout=60 -o ServerAliveInterval=20 "pi@$ADDRESS" "$@"
}

wait_up() { # SECONDS
  local end=$((SECONDS + $1))
  while [ $SECONDS -lt "$end" ]; do
    runs || die "it is off: see $NODE/power.log and $NODE/console"
    ! login true 2>/dev/null || return 0
    sleep 1
  done
  die "no SSH after $1 s: see $NODE/console"
}

stop() {
  if runs && login sudo systemctl poweroff 2>/dev/null; then
    for _ in $(seq 240); do runs || break; sleep 1; done
  fi
  group_kill "$GROUP/node$N"
}

case ${1:-} in
  start | power | stop) "$1" ;;
  kill) group_kill "$GROUP/node$N" ;;
  wait) wait_up "${2:-600}" ;;
  console) cat "$NODE/console" ;;
  boots) grep -c '^boot: ' "$NODE/power.log" ;;
  *) usage ;;
esac
