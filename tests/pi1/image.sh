#!/bin/bash
# image.sh   makes the SD card of an emulated Raspberry Pi 1 and prints its path; at once when it is there already
#
# Debian 12 for armel with Debian's own kernel for the Pi 1, as just flashed: systemd, sshd, sudo; user pi, password
# raspberry, root locked; nothing of POV-Ray. First partition FAT32 (/boot/firmware, with what raspi-firmware puts there),
# second ext4. It is kept in $TD_NODES/pi1 under the hash of what it is made from; TD_NODES_REBUILD=1 makes it anew. All of
# its programs are run by qemu-user while it is made, so it takes some minutes. What a machine has of its own (its
# address) comes later: machine.sh.
set -eu
# shellcheck source=../nodes/lib.sh
. "$(dirname "$0")/../nodes/lib.sh"
MIB=4096 # of the card, as QEMU wants it a power of two; what is not written takes no room
release=bookworm
packages=systemd-sysv,systemd-timesyncd,udev,dbus,libpam-systemd,openssh-server,sudo,ca-certificates,iproute2,iputils-ping
packages=$packages,netbase,kmod,procps,initramfs-tools,linux-image-rpi,raspi-firmware

# qemu-user's entry for ARM programs, which its package makes at each boot where systemd runs.
emulate_arm() {
  local table=/proc/sys/fs/binfmt_misc
  mountpoint -q $table || mount -t binfmt_misc binfmt_misc $table
  [ -e $table/qemu-arm ] || grep -v '^#' /usr/lib/binfmt.d/qemu-arm.conf >$table/register
}

# An initramfs with what an emulated Pi 1 boots from, and no more: QEMU loads it from the FAT at each boot.
# shellcheck disable=SC2016 # mmdebstrap's shell expands $1
initramfs='d=$1/etc/initramfs-tools; mkdir -p "$1/boot/firmware" "$d/conf.d" "$1/usr/share/initramfs-tools/modules.d"
  printf "MODULES=list\nCOMPRESS=gzip\n" >"$d/conf.d/small"
  printf "%s\n" ext4 crc32c_generic vfat nls_cp437 nls_ascii mmc_block usbnet cdc_ether rndis_host >"$1/usr/share/initramfs-tools/modules.d/small"'

dress() { # ROOT
  local root=$1 nodes=$HERE/image file
  for file in etc/ssh/sshd_config.d/one-host-key.conf etc/systemd/system/regenerate_ssh_host_keys.service \
    etc/systemd/system/firmware.service etc/apt/apt.conf.d/90test-node; do
    install -D -m 644 "$nodes/$file" "$root/$file"
  done
  # There is no GPU whose firmware could answer.
  install -m 755 "$nodes/usr/bin/vcgencmd" "$root/usr/bin/vcgencmd"
  printf '/dev/mmcblk0p2 / ext4 defaults,noatime 0 1\n/dev/mmcblk0p1 /boot/firmware vfat defaults 0 2\n' >"$root/etc/fstab"
  # Nodes reach mirrors through a proxy that speaks plain HTTP; it fetches as the mirror wants it.
  [ ! -s "$1.list" ] || cp "$1.list" "$root/etc/apt/sources.list"
  sed -i 's,https://,http://,; s/ non-free-firmware$//' "$root/etc/apt/sources.list"
  rm -f "$root"/etc/apt/sources.list.d/*.list
  chroot "$root" useradd -m -s /bin/bash -G sudo,adm,video pi
  echo pi:raspberry | chroot "$root" chpasswd
  chroot "$root" passwd -q -l root
  echo 'pi ALL=(ALL) NOPASSWD: ALL' >"$root/etc/sudoers.d/010_pi-nopasswd"
  chmod 440 "$root/etc/sudoers.d/010_pi-nopasswd"
  echo raspberrypi >"$root/etc/hostname"
  printf '127.0.0.1\tlocalhost\n127.0.1.1\traspberrypi\n' >"$root/etc/hosts"
  rm -f "$root"/etc/ssh/ssh_host_* "$root/etc/machine-id" "$root/etc/resolv.conf"
  : >"$root/etc/machine-id"
  chroot "$root" systemctl -q enable systemd-networkd ssh regenerate_ssh_host_keys firmware
  chroot "$root" systemctl -q disable systemd-networkd-wait-online 2>/dev/null || true
}

# The card, without a loop device: each partition is made as a file of its own and copied to its place.
card() { # ROOT FILE
  local root=$1 file=$2
  rm -f "$file" "$file".boot "$file".root
  truncate -s "${MIB}M" "$file"
  printf 'label: dos\nstart=4MiB, size=256MiB, type=c\nstart=260MiB, type=83\n' | sfdisk -q "$file"
  truncate -s 256M "$file.boot"
  mkfs.vfat -F 32 -n RASPIFIRM "$file.boot" >/dev/null
  mcopy -i "$file.boot" -s "$root"/boot/firmware/* ::/
  rm -rf "${root:?}"/boot/firmware/*
  dd if="$file.boot" of="$file" bs=1M seek=4 conv=notrunc,sparse status=none
  truncate -s $((MIB - 260))M "$file.root"
  mke2fs -q -t ext4 -L RASPIROOT -d "$root" "$file.root"
  dd if="$file.root" of="$file" bs=1M seek=260 conv=notrunc,sparse status=none
  rm -f "$file.boot" "$file.root"
}

for program in mmdebstrap qemu-arm-static mcopy mkfs.vfat sfdisk mke2fs debugfs; do
  command -v $program >/dev/null || die "$program is missing: setup/packages.sh pi1"
done
mkdir -p "$TD_NODES/pi1"
hash=$( (cd "$HERE" && sha256sum image/etc/ssh/sshd_config.d/* image/etc/systemd/system/* image/etc/apt/apt.conf.d/* image/usr/bin/vcgencmd \
  ../pi1/image.sh) | sha256sum | cut -c1-16)
image=$TD_NODES/pi1/$hash.img

# One build at a time: a second run waits for the first one's card.
exec 9>"$TD_NODES/pi1/lock"
flock 9
if [ -e "$image" ] && [ -z "${TD_NODES_REBUILD:-}" ]; then
  touch "$image"
  echo "$image"
  exit 0
fi
echo "making the card of the emulated Raspberry Pi 1 (once; some minutes)" >&2
root=$TD_NODES/pi1/new
rm -rf --one-file-system "$root" "$root.list" "$root.img"
trap 'rm -rf --one-file-system "$root" "$root.list" "$root".img*' EXIT
emulate_arm
debian_sources "$release" 'main non-free-firmware' >"$root.list"
mirrors=()
[ ! -s "$root.list" ] || mirrors=("$root.list")
mmdebstrap --quiet --mode=root --arch=armel --variant=minbase --include="$packages" --essential-hook="$initramfs" \
  --aptopt='Acquire::Check-Valid-Until "false"' --aptopt='Acquire::Check-Date "false"' \
  --aptopt='Acquire::Languages "none"' --aptopt='APT::Install-Recommends "false"' \
  --components=main,non-free-firmware "$release" "$root" "${mirrors[@]}" >&2
dress "$root"
card "$root" "$root.img"
mv "$root.img" "$image"
find "$TD_NODES/pi1" -maxdepth 1 -name '*.img' ! -path "$image" -mtime +7 -delete
echo "$image"
