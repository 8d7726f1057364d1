#!/bin/bash
# uml.sh start N      a fresh node with a kernel of its own, or one that was stopped and keeps its card; before it has booted
# uml.sh wait N [S]   until one can log in, S seconds at most (180)
# uml.sh stop N       powers it off in order
# uml.sh kill N       the power is cut
# uml.sh cut N        the network cable is pulled
# uml.sh join N       ... and put back
# uml.sh exec N CMD   a command as root inside it; here over SSH, because nobody enters another kernel
# uml.sh card N       the folder that holds what it has of its own
#
# The same Debian as node.sh's, under User Mode Linux: a real NFS server and client, and /boot/firmware is a real FAT. It
# has no device tree. Numbers and addresses are shared with node.sh. MEM=MiB (512)  CPU=share of one core  WIPE=1 fresh again
set -eu
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=groups.sh
. "$HERE/groups.sh"

runs() { [ -n "$(group_pids "$GROUP/node$N")" ]; }

# The image as an ext4, its boot folder as a FAT: made once for each image.
base() { # IMAGE
  local root=$1.uml kernel
  exec 9>"$TD_NODES/image/lock"
  flock 9
  if [ ! -e "$1.ext4" ] || [ ! -e "$1.fat" ]; then
    kernel=$(ls /usr/lib/uml/modules) || die "user-mode-linux is missing: setup/packages.sh e2e"
    rm -rf --one-file-system "$root" "$1.ext4.new" "$1.fat.new"
    cp -a "$1" "$root"
    mkdir -p "$root/lib/modules"
    cp -a "/usr/lib/uml/modules/$kernel" "$root/lib/modules/"
    chroot "$root" depmod "$kernel"
    # This kernel knows NFS: the stand-ins go.
    rm "$root/usr/sbin/mount.nfs" "$root/usr/local/lib/systemd/system/nfs-server.service"
    chroot "$root" dpkg-divert --quiet --local --no-rename --remove /sbin/mount.nfs
    rm -r "$root/usr/local/lib/test-node"
    chroot "$root" systemctl -q unmask systemd-remount-fs run-rpc_pipefs.mount
    printf '/dev/ubda / ext4 defaults,noatime 0 1\n/dev/ubdb /boot/firmware vfat defaults,x-systemd.device-timeout=10min 0 2\n' >"$root/etc/fstab"
    truncate -s 32M "$1.fat.new"
    mkfs.vfat -n bootfs "$1.fat.new" >/dev/null
    mcopy -i "$1.fat.new" "$root"/boot/firmware/* ::
    rm "$root"/boot/firmware/*
    echo raspberrypi >"$root/etc/hostname"
    printf '127.0.0.1\tlocalhost\n127.0.1.1\traspberrypi\n' >"$root/etc/hosts"
    echo 'pi ALL=(ALL) NOPASSWD: ALL' >"$root/etc/sudoers.d/010_pi-nopasswd"
    chmod 440 "$root/etc/sudoers.d/010_pi-nopasswd"
    make_keys
    install -d -m 700 "$root/home/pi/.ssh"
    cat "$KEYS"/*.pub >"$root/home/pi/.ssh/authorized_keys"
    chown -R 1000:1000 "$root/home/pi/.ssh"
    # The address comes with the kernel's command line: a disk is shared by all nodes until they write to it.
    cat >"$root/etc/systemd/system/own-address.service" <<'UNIT'
[Unit]
DefaultDependencies=no
Before=systemd-networkd.service
RequiresMountsFor=/run
[Service]
Type=oneshot
ExecStart=/bin/sh -c 'mkdir -p /run/systemd/network; printf "[Match]\nName=vec0\n[Network]\nAddress=%%s/24\nLinkLocalAddressing=no\nIPv6AcceptRA=no\n" "$$(sed -n "s/.*node_address=\\([0-9.]*\\).*/\\1/p" /proc/cmdline)" >/run/systemd/network/10-wired.network'
[Install]
WantedBy=systemd-networkd.service
UNIT
    chroot "$root" systemctl -q enable own-address
    truncate -s 3G "$1.ext4.new"
    mke2fs -q -t ext4 -d "$root" "$1.ext4.new"
    rm -rf --one-file-system "$root"
    mv "$1.fat.new" "$1.fat"
    mv "$1.ext4.new" "$1.ext4"
    # Those of older images.
    find "$TD_NODES/image" -maxdepth 1 \( -name '*.ext4' -o -name '*.fat' \) ! -path "$1.*" -mtime +7 -delete
  fi
  exec 9>&-
}

start() {
  use_node "$1"
  make_way
  if [ ! -e "$NODE/image" ]; then
    mkdir -p "$NODE/umid"
    local image
    image=$("$HERE/image.sh")
    base "$image"
    cp --reflink=auto "$image.fat" "$NODE/fat"
    echo "$image" >"$NODE/image"
  fi
  if ! in_lan ip link show "node$N" >/dev/null 2>&1; then
    in_lan ip tuntap add "node$N" mode tap
    in_lan ip link set "node$N" master br0 up
    # UML's network driver drops frames whose checksum or segmentation is left to the card.
    in_lan ethtool -K "node$N" tso off gso off gro off tx off sg off >/dev/null 2>&1 || true
  fi
  group_make "$GROUP/node$N" || die "cannot make a control group"
  group_limit_cpu "$GROUP/node$N" "${CPU:-0}"
  # Its memory is a file in TMPDIR that must be executable. The loop is its power supply: a reboot ends UML (it cannot open
  # its tap a second time), and is told by what the kernel says last.
  # shellcheck disable=SC2016 # the inner shell's own
  TMPDIR=/dev/shm spawn "$GROUP/node$N" "$NODE/console.log" bash -c '
    log=$1; shift
    while :; do
      : >"$log"
      "$@" >"$log" 2>&1
      grep -aq "reboot: Restarting system" "$log" || exit 0
      sleep 1
    done' power "$NODE/kernel.log" ip netns exec "$NS" linux.uml noreboot "mem=${MEM:-512}M" umid=node "uml_dir=$NODE/umid/" \
    "ubd0=$NODE/cow,$(cat "$NODE/image").ext4" "ubd1=$NODE/fat" root=/dev/ubda rw "node_address=$ADDRESS" con=null con0=null,fd:1 \
    "vec0:transport=tap,ifname=node$N,mac=$(printf '52:54:00:78:%02x:%02x' "$LAN" "$N")"
  for _ in $(seq 50); do runs && return 0; sleep 0.02; done
  die "node $N does not start: see $NODE/console.log"
}

login() { # SECONDS COMMAND...
  local seconds=$1
  shift
  ssh -F none -q -i "$KEYS/id_ed25519" -o IdentitiesOnly=yes -o BatchMode=yes -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null \
    -o "ConnectTimeout=$seconds" -o ServerAliveInterval=10 "pi@$ADDRESS" "$@"
}

wait_up() { # SECONDS
  local end=$((SECONDS + $1))
  while [ $SECONDS -lt "$end" ]; do
    runs || die "node $N is off: see $NODE/kernel.log"
    if login 3 true </dev/null 2>/dev/null; then return 0; fi
    sleep 0.3
  done
  die "node $N is not up after $1 s: see $NODE/kernel.log"
}

stop() {
  login 5 sudo systemctl poweroff </dev/null 2>/dev/null || true
  for _ in $(seq 300); do runs || break; sleep 0.1; done
  group_kill "$GROUP/node$N"
}

command=${1:-}
case $command in
  start) start "${2:-}"; exit ;;
  wait | stop | kill | cut | join | exec | card) use_node "${2:-}" ;;
  *) usage ;;
esac
case $command in
  wait) wait_up "${3:-180}" ;;
  stop) stop ;;
  kill) group_kill "$GROUP/node$N" ;;
  cut) in_lan ip link set "node$N" down ;;
  join) in_lan ip link set "node$N" up ;;
  exec)
    shift 2
    login 20 "sudo -- $(printf '%q ' "$@")"
    ;;
  card) echo "$NODE" ;;
esac
