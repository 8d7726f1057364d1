#!/bin/bash
# power.sh GROUP NODE NAMESPACE   the power supply of one node: for node.sh, not for people
#
# Mounts the card over the image, in a mount namespace that ends with the node, so that no mount is left however the
# node ends; boots the node in that control group; boots it again when it asks for a reboot; ends when it powers off.
set -eu
[ "${1:-}" = mounted ] || exec unshare --mount --propagation private "$0" mounted "$@"
group=$2 node=$3 namespace=$4
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=groups.sh
. "$HERE/groups.sh"

mount -t overlay overlay -o "lowerdir=$(cat "$node/image"),upperdir=$node/card,workdir=$node/scratch" "$node/root"
options=(--bind="$node/firmware:/boot/firmware" --bind-ro="$node/sysfs:/sys/firmware")
# For x-systemd.automount in a node's fstab.
[ ! -c /dev/autofs ] || options+=(--bind=/dev/autofs)
while :; do
  code=0
  (
    group_enter "$group"
    exec systemd-nspawn --quiet --boot --directory="$node/root" --machine="$(basename "$namespace")" \
      --register=no --keep-unit --capability=CAP_NET_ADMIN --network-namespace-path="/run/netns/$namespace" \
      --resolv-conf=off --timezone=off --link-journal=no --console=pipe "${options[@]}"
  ) || code=$?
  # How nspawn says that the node asked for a reboot. A Pi is off for a moment then.
  [ "$code" = 133 ] || exit "$code"
  echo "--- reboot"
  sleep 2
done
