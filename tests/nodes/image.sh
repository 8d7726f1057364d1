#!/bin/bash
# image.sh   makes the image of a test node and prints its folder; at once when it is there already
#
# Debian 12 as a Raspberry Pi's card holds it when just flashed: systemd, sshd, sudo, Python; user pi, root locked;
# nothing of POV-Ray, ImageMagick or NFS. The files in image/ are laid over it. It is kept in $TD_NODES/image under the
# hash of what it is made from; TD_NODES_REBUILD=1 makes it anew. What a node has of its own (its name, keys, address,
# sudo's rule) comes later: node.sh.
set -eu
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

# As on Raspberry Pi OS Lite, where these are among many more. fusepy and libnfs are the stand-in for the kernel's NFS client.
packages=systemd-sysv,systemd-timesyncd,udev,dbus,libpam-systemd,openssh-server,sudo,ca-certificates,iproute2,iputils-ping
packages=$packages,netbase,kmod,procps,curl,python3,python3-fusepy,libnfs13
release=bookworm

build() { # FOLDER
  debian_sources "$release" main >"$1.list"
  local mirrors=()
  [ ! -s "$1.list" ] || mirrors=("$1.list")
  mmdebstrap --quiet --mode=root --arch=amd64 --variant=minbase --include="$packages" \
    --aptopt='Acquire::Check-Valid-Until "false"' --aptopt='Acquire::Check-Date "false"' \
    --aptopt='Acquire::Languages "none"' --aptopt='APT::Install-Recommends "false"' \
    "$release" "$1" "${mirrors[@]}" >&2
  local root=$1
  cp -r --preserve=mode "$HERE/image/." "$root/"
  chown -R root: "$root/boot/firmware"
  # Nodes reach mirrors through a proxy that speaks plain HTTP; it fetches as the mirror wants it.
  [ ! -s "$1.list" ] || cp "$1.list" "$root/etc/apt/sources.list"
  sed -i 's,https://,http://,' "$root/etc/apt/sources.list"
  chroot "$root" useradd -m -s /bin/bash -G sudo,adm,video pi
  echo pi:raspberry | chroot "$root" chpasswd
  chroot "$root" passwd -q -l root
  rm -f "$root"/etc/ssh/ssh_host_* "$root/etc/machine-id" "$root/etc/resolv.conf"
  : >"$root/etc/machine-id"
  # Kept when the node gets nfs-common: what that package brings needs a kernel with NFS.
  chroot "$root" dpkg-divert --quiet --local --no-rename --divert /sbin/mount.nfs.kernel --add /sbin/mount.nfs
  rm -f "$root"/etc/apt/sources.list.d/*.list
  # The root is no partition that could be remounted, and the kernel may not know the file system that NFS talks through.
  chroot "$root" systemctl -q mask systemd-remount-fs run-rpc_pipefs.mount
  chroot "$root" systemctl -q enable systemd-networkd ssh regenerate_ssh_host_keys firmware
  chroot "$root" systemctl -q disable systemd-networkd-wait-online 2>/dev/null || true
}

mkdir -p "$TD_NODES/image"
# The names count too, and the modes, which git keeps as executable or not.
hash=$( (cd "$HERE" && find image image.sh -type f -perm -u+x -printf '%p x\n' -o -type f -printf '%p\n' | sort
  find image image.sh -type f | sort | xargs sha256sum) | sha256sum | cut -c1-16)
image=$TD_NODES/image/$hash

# One build at a time: a second run waits for the first one's image.
exec 9>"$TD_NODES/image/lock"
flock 9
if [ -e "$image/.made" ] && [ -z "${TD_NODES_REBUILD:-}" ]; then
  touch "$image"
  echo "$image"
  exit 0
fi
command -v mmdebstrap >/dev/null || die "mmdebstrap is missing: setup/packages.sh test"
echo "making the image of the test nodes (once; half a minute or so)" >&2
rm -rf --one-file-system "$image" "$image.new"
trap 'rm -rf --one-file-system "$image.new" "$image.new.list"' EXIT
build "$image.new"
mv "$image.new.list" "$image.list"
: >"$image.new/.made"
mv "$image.new" "$image"
# Images of older scripts, when no one has asked for them for a week.
find "$TD_NODES/image" -mindepth 1 -maxdepth 1 -type d ! -path "$image" -mtime +7 -exec rm -rf --one-file-system {} +
echo "$image"
