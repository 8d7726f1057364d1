#!/bin/sh
# packages.sh WHAT     WHAT is `demo` (render something), `test` (demo's packages and the test tools), `e2e` (test's, and
#                      those of the long tests), `cross` (build agents for other machines; the tools that need no
#                      installation are fetched by that build itself), `pi1` (test's packages and a whole emulated
#                      Raspberry Pi) or `bench` (test's, and an emulated Raspberry Pi without a system)
#
# Brings the Debian packages that td needs to build and run. Prints what is missing, then installs it as root or
# through sudo. Where it may do neither, it prints the one line to run and ends with 2. When nothing is missing it
# says nothing and needs no rights. TD_NO_SETUP=1 skips it (other systems, or programs that come from elsewhere).
set -eu
here=$(dirname "$0")
what=${1:-demo}
[ -z "${TD_NO_SETUP:-}" ] || exit 0

need='povray povray-includes povray-examples imagemagick gcc libc6-dev'
goal=$what
case $what in
  demo) ;;
  # From mmdebstrap on: the test nodes (tests/nodes).
  test | e2e | pi1 | bench)
    need="$need pngcheck netpbm python3-pil util-linux faketime"
    need="$need python3-venv qemu-user-static binutils gcc-arm-linux-gnueabihf libc6-dev-armhf-cross"
    need="$need mmdebstrap systemd-container iproute2 openssh-client procps"
    # The agent's own readers of superblocks and certificates against others; questions to nodes.
    need="$need e2fsprogs openssl curl"
    tests="; for the tests pngcheck, netpbm and Python's Pillow"
    # Nodes with a kernel of their own.
    [ "$what" != e2e ] || need="$need user-mode-linux e2fsprogs dosfstools mtools ethtool"
    # The card's partitions and file systems.
    [ "$what" != pi1 ] || need="$need fdisk dosfstools mtools e2fsprogs"
    ;;
  cross) goal=agents; need='gcc libc6-dev python3-venv' ;;
  *) echo "packages.sh: '$what' is none of demo, test, e2e, cross, pi1 and bench" >&2; exit 2 ;;
esac
# A cargo that is new enough may come from anywhere; only where there is none does Debian's own come in.
# Its registry is reached over TLS, which needs the certificates.
if ! "$here/cargo.sh" --dir >/dev/null 2>&1; then
  need="$need rustc-web cargo-web ca-certificates"
fi

if ! command -v apt-get >/dev/null 2>&1 || ! command -v dpkg-query >/dev/null 2>&1; then
  {
    echo "td's set-up knows Debian only, and this system has no apt-get."
    rust="cargo and rustc $("$here/cargo.sh" --wanted) or newer"
    case $what in
      cross)
        echo "Bring these programs yourself: a C compiler, Python 3 with its venv, and $rust"
        echo "with the std of the target (rustup target add TARGET; docs/cross.md has the names)." ;;
      *)
        echo "Bring these programs yourself: POV-Ray 3.7 with its includes and example scenes, ImageMagick, a C compiler,"
        echo "$rust${tests:-}." ;;
    esac
    echo "Then run make again with TD_NO_SETUP=1."
  } >&2
  exit 2
fi

missing=
for p in $need; do
  state=$(dpkg-query -W -f '${db:Status-Status}' "$p" 2>/dev/null || true)
  [ "$state" = installed ] || missing="$missing $p"
done
missing=${missing# }

# Programs and files out of Debian's packages, without installing anything.
unpack() { # FOLDER PACKAGE...
  folder=$1
  shift
  mkdir -p "$folder/deb"
  # apt's own user for downloads may not write here.
  (cd "$folder/deb" && apt-get -q -o APT::Sandbox::User=root download "$@" >/dev/null)
  for deb in "$folder"/deb/*.deb; do dpkg -x "$deb" "$folder"; done
  rm -r "$folder/deb"
}

# Images made for containers leave out /usr/share/doc, where povray-examples has its scenes.
unpack_examples() {
  [ "$what" != cross ] || return 0
  [ ! -d /usr/share/doc/povray/examples ] || return 0
  dir="$here/../target/povray-examples"
  [ ! -d "$dir/usr/share/doc/povray/examples" ] || return 0
  echo "This system leaves out /usr/share/doc; POV-Ray's example scenes go to target/povray-examples."
  unpack "$dir" povray-examples
}

# An SSH server for the tests, as a program only: installed as a package it would listen on this machine's port 22.
unpack_sshd() {
  case $what in test | e2e | pi1 | bench) ;; *) return 0 ;; esac
  [ ! -x /usr/sbin/sshd ] || return 0
  dir="$here/../target/sshd"
  [ ! -x "$dir/usr/sbin/sshd" ] || return 0
  echo "No SSH server here; the tests' own goes to target/sshd, not installed."
  unpack "$dir" openssh-server libwrap0
}

# Prometheus's judge of texts and its reader of files, as programs only: installed as packages they would bring servers that run.
unpack_prometheus() {
  [ "$what" = e2e ] || return 0
  command -v promtool >/dev/null 2>&1 && command -v prometheus-node-exporter >/dev/null 2>&1 && return 0
  dir="$here/../target/prometheus"
  [ ! -x "$dir/usr/bin/promtool" ] || [ ! -x "$dir/usr/bin/prometheus-node-exporter" ] || return 0
  echo "No promtool and node_exporter here; the tests' own go to target/prometheus, not installed."
  unpack "$dir" prometheus prometheus-node-exporter
}

# Nagios, which calls td as a plugin: its program alone, without the web server and the mail server that Debian adds.
unpack_nagios() {
  [ "$what" = e2e ] || return 0
  dir="$here/../target/nagios"
  [ ! -x /usr/sbin/nagios4 ] && [ ! -x "$dir/usr/sbin/nagios4" ] || return 0
  echo "No Nagios here; the tests' own goes to target/nagios, not installed."
  unpack "$dir" nagios4-core
}

# The emulated Raspberry Pi 1, with the libraries that it needs and that are not here. As a package it would drive out a newer
# qemu-utils (Debian's backports have one).
unpack_qemu() {
  case $what in pi1 | bench) ;; *) return 0 ;; esac
  ! command -v qemu-system-arm >/dev/null 2>&1 || return 0
  dir="$here/../target/qemu"
  [ ! -x "$dir/qemu-system-arm" ] || return 0
  echo "No qemu-system-arm here; the tests' own goes to target/qemu, not installed."
  # shellcheck disable=SC2046 # a list of names
  unpack "$dir" $(apt-get -s -q install --no-install-recommends qemu-system-arm | awk '$1 == "Inst" { print $2 }')
  cat >"$dir/new" <<'END'
#!/bin/sh
here=$(cd "$(dirname "$0")" && pwd)
LD_LIBRARY_PATH=$(echo "$here"/lib/*-linux-gnu*):$(echo "$here"/usr/lib/*-linux-gnu*)
export LD_LIBRARY_PATH
exec "$here/usr/bin/qemu-system-arm" -L "$here/usr/share/qemu" "$@"
END
  chmod +x "$dir/new"
  "$dir/new" --version >/dev/null
  mv "$dir/new" "$dir/qemu-system-arm"
}

unpack_all() {
  unpack_examples
  unpack_sshd
  unpack_prometheus
  unpack_nagios
  unpack_qemu
}

if [ -z "$missing" ]; then
  unpack_all
  exit 0
fi

echo "Debian packages that \`make $goal\` needs and that are not here:"
for p in $missing; do echo "    $p"; done

line="apt-get update && apt-get install -y --no-install-recommends $missing"
refuse() {
  {
    echo "$1 Run this line, then make again:"
    if command -v sudo >/dev/null 2>&1; then echo "    sudo sh -c '$line'"; else echo "    su -c '$line'"; fi
  } >&2
  exit 2
}

as_root=
if [ "$(id -u)" != 0 ]; then
  command -v sudo >/dev/null 2>&1 || refuse "Installing them needs root, and there is no sudo."
  if ! sudo -n true 2>/dev/null; then
    # sudo may ask for a password, but only a person at a terminal can answer.
    { [ -t 0 ] && [ -t 2 ]; } || refuse "Installing them needs root, and sudo cannot ask for a password without a terminal."
    sudo -v || refuse "Installing them needs root, and sudo refused."
  fi
  as_root=sudo
fi

apt() {
  $as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout=600 -o Acquire::Retries=3 "$@" </dev/null
}

# DPkg::Lock::Timeout does not cover the lock of apt's lists, so that one is waited for here.
log=$(mktemp)
trap 'rm -f "$log"' EXIT
tries=0
until apt update >"$log" 2>&1; do
  tries=$((tries + 1))
  if [ "$tries" -ge 120 ] || ! grep -qi 'lock' "$log"; then
    cat "$log" >&2
    echo "apt-get update failed: mend what it says above, then run make again." >&2
    exit 2
  fi
  [ "$tries" != 1 ] || echo "Another apt is running; waiting for it."
  sleep 5
done

# --no-remove: rustc-web replaces Debian's older rustc, and no package of the user's goes without being asked.
# shellcheck disable=SC2086 # a list of names
if ! apt install -y --no-remove --no-install-recommends $missing >"$log" 2>&1; then
  cat "$log" >&2
  case $missing in
    *rustc-web*)
      if grep -qi 'remove' "$log"; then
        echo "Another cargo or rustc package stands in the way of rustc-web and cargo-web. Remove it, or bring cargo" >&2
        echo "$("$here/cargo.sh" --wanted) or newer (rustup's does), then run make again." >&2
        exit 2
      fi ;;
  esac
  echo "apt-get install failed: mend what it says above, then run make again." >&2
  exit 2
fi
echo "Installed."
unpack_all
