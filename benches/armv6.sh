#!/bin/bash
# armv6.sh: the agent for the Raspberry Pi 1: its size, what it takes of that machine, and how long its build takes
#
# The machine is QEMU's raspi1ap with Debian's own kernel for it and nothing but busybox and the agent. It counts its instructions
# (-icount shift=1: 2 ns each), and its clocks follow that count: a CPU time is a number of instructions, whatever else
# this machine does. `make pi1` has the same numbers from a whole system, over SSH.
# Build: with nothing changed; and cold (TD_BENCH_COLD=1), in an empty folder, std and all crates from source, with the tools (Rust,
# zig) that are here. Ends with 1 when a bound is missed. Needs setup/packages.sh pi1.
set -euo pipefail
cd "$(dirname "$0")/.."
top=$PWD
target=${CARGO_TARGET_DIR:-$top/target}
programs=$(cd "${TD_BENCH_PROGRAMS:-$target/release}" && pwd)
builder=("$programs/td-provision" build-agent --target armv6 --with zig --quiet)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
missed=0
bound() { # NAME VALUE MOST UNIT
  local verdict=ok
  # Nothing is no number, and misses it.
  awk -v value="$2" -v most="$3" 'BEGIN { exit !(value != "" && value + 0 < most) }' || { verdict='MISSED'; missed=1; }
  printf '%-34s %10s %s, less than %s: %s\n' "$1" "$2" "$4" "$3" "$verdict"
}
timed() { # NAME COMMAND...: wall and CPU time
  local name=$1
  shift
  local TIMEFORMAT="%R %U %S"
  { time "$@" >/dev/null 2>&1; } 2>&1 | awk -v name="$name" '{ printf "%-34s %10.1f s, %.1f s of CPU\n", name, $1, $2 + $3 }'
}

"${builder[@]}" >/dev/null
agent=$target/arm-unknown-linux-musleabihf/release/td-agent
bound 'size, stripped' "$(stat -c %s "$agent")" 4000000 bytes

# A cluster's certificates, for the agent to serve with.
printf 'cluster: bench\nnodes:\n  pi1: { address: 192.0.2.1 }\n' >"$work/inventory.yaml"
for step in init issue; do
  (cd "$work" && XDG_CONFIG_HOME=$work/config "$programs/td-provision" certs $step >/dev/null)
done
machine=$target/foreign/bare-pi1
tests/foreign.sh armel "$machine" busybox-static linux-image-rpi
cat >"$work/init" <<'END'
#!/bin/busybox sh
export PATH=/bin
busybox mount -t proc proc /proc
busybox mount -t devtmpfs dev /dev
busybox ifconfig lo 127.0.0.1 up
# Such a machine has no clock of its own, and certificates want one.
busybox date -s 2026-01-01 >/dev/null
td-agent self-test && td-agent self-test --speed
td-agent serve --listen '[::]:7979' --tls /etc/td --cache /cache --name pi1 &
pid=$!
# In the machine's own seconds. There is no POV-Ray, so nothing is rendered at its start.
busybox sleep 20
busybox awk '$1 == "VmRSS:" || $1 == "RssAnon:" { print "idle", $1, $2 }' /proc/$pid/status
busybox cat /proc/$pid/task/*/schedstat | busybox awk '{ ns += $1 } END { print "start", ns / 1e9 }'
# The fast half of a boot's first run, without a firmware and a systemd to ask.
busybox mkdir -p /run /sys
busybox mount -t sysfs sys /sys
for run in 1 2 3; do
  busybox rm -rf /run/td
  td-agent probe
  busybox sed -n 's/.*"cpu":\([0-9.e-]*\).*/probe \1/p' /run/td/probe.json
  # The file has no line's end.
  busybox echo
done
busybox poweroff -f
END
python3 - "$work" "$machine" "$agent" <<'END'
import glob, sys

work, machine, agent = sys.argv[1:]
tls = f"{work}/config/td/clusters/bench"
read = lambda path: open(path, "rb").read()
entries = [(folder, 0o40755, b"", (0, 0)) for folder in ("bin", "dev", "etc", "etc/td", "proc", "cache", "tmp")]
entries.append(("dev/console", 0o20600, b"", (5, 1)))
for name, path in [
    ("bin/busybox", f"{machine}/bin/busybox"),
    ("bin/td-agent", agent),
    ("init", f"{work}/init"),
    ("etc/td/ca.pem", f"{tls}/ca.pem"),
    ("etc/td/agent.pem", f"{tls}/nodes/pi1.pem"),
    ("etc/td/agent.key", f"{tls}/nodes/pi1.key"),
]:
    entries.append((name, 0o100600 if name.endswith(".key") else 0o100755, read(path), (0, 0)))
# cpio's "newc" form, as the kernel takes it (Documentation/driver-api/early-userspace/buffer-format.rst).
with open(f"{work}/initramfs", "wb") as out:
    for inode, (name, mode, data, device) in enumerate(entries + [("TRAILER!!!", 0, b"", (0, 0))], 1):
        fields = (inode, mode, 0, 0, 1, 0, len(data), 0, 0, *device, len(name) + 1, 0)
        head = b"070701" + b"".join(b"%08X" % field for field in fields) + name.encode() + b"\0"
        for part in (head, data):
            out.write(part + b"\0" * (-len(part) % 4))
END
# Where it is not installed, setup/packages.sh unpacks it.
qemu=$(command -v qemu-system-arm || echo "$top/target/qemu/qemu-system-arm")
kernel=$(echo "$machine"/boot/vmlinuz-*)
dtb=$(echo "$machine"/usr/lib/linux-image-*/bcm2835-rpi-b-plus.dtb)
# QEMU lacks one block of the chip, at which the driver for power domains panics.
timeout 1200 "$qemu" -M raspi1ap -m 512 -kernel "$kernel" -initrd "$work/initramfs" -dtb "$dtb" -icount shift=1,sleep=off \
  -append 'console=ttyAMA0,115200 quiet panic=-1 initcall_blacklist=bcm2835_power_driver_init' \
  -display none -monitor none -serial "file:$work/console" -no-reboot >"$work/qemu" 2>&1 || { cat "$work/qemu"; tail -n 20 "$work/console"; exit 1; }
tr -d '\r' <"$work/console" >"$work/said"
seconds() { sed -n "s/^ *$1 *\([0-9.]*\) s\$/\1/p" "$work/said"; }
million() { awk -v s="$1" 'BEGIN { printf "%.1f", s * 500 }'; }
powf=$(seconds 'converting by powf') table=$(seconds 'converting by table') encoding=$(seconds 'filters and deflate')
[ -n "$powf" ] && [ -n "$table" ] && [ -n "$encoding" ] || { cat "$work/said"; exit 1; }
echo 'one band, 6400 columns and 32 rows, in millions of instructions of an ARM1176:'
printf '  %-32s %10s\n' 'conversion by powf' "$(million "$powf")" 'conversion by the table' "$(million "$table")" \
  'filters and deflate' "$(million "$encoding")"
awk -v powf="$powf" -v table="$table" -v rest="$encoding" 'BEGIN {
  printf "  all, before and after the table %10.1f, %.1f: %.2f times\n", (powf + rest) * 500, (table + rest) * 500, (powf + rest) / (table + rest) }'
bound 'idle, with TLS, in memory' "$(sed -n 's/^idle VmRSS: //p' "$work/said")" 6144 kB
probe=$(sed -n 's/^probe //p' "$work/said" | sort -n | sed -n 2p)
bound 'a run of the probe, CPU time' "$probe" 0.2 s
awk -v s="$probe" 'BEGIN { printf "%-34s %10.2f %% of the core\n", "1440 of them a day", 100 * 1440 * s / 86400 }'
bound 'start, CPU time' "$(sed -n 's/^start //p' "$work/said")" 1 s

timed 'build, nothing changed' "${builder[@]}"
if [ -n "${TD_BENCH_COLD:-}" ]; then
  mkdir -p "$work/cold/agents"
  ln -s "$target/agents/tools" "$work/cold/agents/tools"
  CARGO_TARGET_DIR=$work/cold timed 'build, cold' "${builder[@]}"
  cmp "$agent" "$work/cold/arm-unknown-linux-musleabihf/release/td-agent" && echo 'both builds are the same bytes'
fi
exit $missed
