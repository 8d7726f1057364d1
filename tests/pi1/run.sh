#!/bin/bash
# run.sh [TRANSCRIPT]   what `make pi1` runs: a Raspberry Pi 1, emulated, from a fresh card to a picture
#
# The card is Debian for armel as just flashed. td-provision sets the machine up over SSH, with a reboot; a second apply has to find
# nothing to do; td renders a picture on it, which has to be what Debian's POV-Ray for i386 draws in one go (both are of 32
# bit). What is typed and what is said goes to TRANSCRIPT too (target/pi1/transcript.txt). Ends with 1 where something is not as it
# has to be. Up to 40 minutes, for the guest's clock counts instructions. Needs root, and the binaries in $TD_BIN_DIR
# (target/release) and target/arm-unknown-linux-musleabihf/release.
set -euo pipefail
cd "$(dirname "$0")/../.."
top=$PWD
work=$top/target/pi1
mkdir -p "$work"
transcript=${1:-$work/transcript.txt}
bin=${TD_BIN_DIR:-$top/target/release}
export TD_LAN=${TD_LAN:-240}
machine=$top/tests/pi1/machine.sh
node=pi1
failed=0

[ "$(id -u)" = 0 ] || { echo 'run.sh: needs root: the machine has a network of its own' >&2; exit 2; }
agent=target/arm-unknown-linux-musleabihf/release/td-agent
for program in "$bin/td" "$bin/td-provision" "$agent"; do
  [ -x "$program" ] || { echo "run.sh: $program is not there: make agent-armv6, cargo build --release" >&2; exit 2; }
done

: >"$transcript"
exec > >(tee -a "$transcript") 2>&1
tell() { printf '\n# %s\n' "$*"; }
# With a home of its own: no key, host key or cluster of yours is used or changed.
at_home() {
  env HOME="$work/home" XDG_CONFIG_HOME="$work/home/.config" XDG_CACHE_HOME="$work/home/.cache" XDG_STATE_HOME="$work/home/.local/state" \
    PATH="$bin:$PATH" "$@" </dev/null
}
# What is typed, then what comes of it, with its exit code where that is not 0.
typed() {
  echo "$ $*"
  local code=0
  at_home "$@" || code=$?
  [ "$code" = 0 ] || echo "(exit code $code)"
  return $code
}
must() { typed "$@" || { echo "WRONG: that had to succeed"; failed=1; }; }
has() { # WHAT PATTERN FILE
  if grep -qE "$2" "$3"; then echo "ok: $1"; else echo "WRONG: $1"; failed=1; fi
}
# Checks of td health that have to be in one of these states, in what it wrote as JSON.
checks() { # FILE STATE|STATE CHECK...
  /usr/bin/python3 - "$@" <<'END' || failed=1
import json, sys

path, states, *wanted = sys.argv[1:]
checks = {check["name"]: check for check in json.load(open(path))["nodes"][0]["checks"]}
wrong = False
for name in wanted:
    found = checks.get(name, {"state": "missing", "sentence": ""})
    bad = found["state"] not in states.split("|")
    wrong |= bad
    print(f"{'WRONG' if bad else 'ok'}: {name} is {found['state']}: {found['sentence']}")
sys.exit(wrong)
END
}
inside() { # a command on the machine, past td
  # shellcheck disable=SC2086 # options
  ssh -q -n -i "${TD_NODES:-/var/tmp/td-nodes}/keys/id_ed25519" -o IdentitiesOnly=yes -o BatchMode=yes -o StrictHostKeyChecking=no \
    -o UserKnownHostsFile=/dev/null -o ConnectTimeout=60 "pi@10.78.$TD_LAN.131" "$@"
}

# What the machine itself has to say about a failure goes beside the transcript.
finish() {
  local code=$?
  if [ "$failed" != 0 ] || [ "$code" != 0 ]; then
    $machine console >"$work/console.txt" || true
    inside 'timeout 60 sudo journalctl -b --no-pager' >"$work/journal.txt" || true
  fi
  $machine stop >/dev/null 2>&1 || true
  "$top/tests/nodes/lan.sh" down || true
}
trap finish EXIT
trap 'exit 130' INT TERM
"$top/tests/nodes/lan.sh" up
rm -rf "$work/home" "$work/cluster"
mkdir -p "$work/home" "$work/cluster"
begun=$SECONDS

tell "$(date -u +%F), td $(git rev-parse --short HEAD 2>/dev/null || true): a Raspberry Pi 1 (QEMU raspi1ap), its card as just flashed"
$machine start
$machine wait 1800
inside 'uname -mr; grep -m1 "model name" /proc/cpuinfo; tr "\0" "\n" </proc/device-tree/model; free -m | sed -n 1,2p; cat /boot/firmware/cmdline.txt; mount | grep firmware; dpkg -l povray 2>&1 | tail -n 1'

cd "$work/cluster"
cat >inventory.yaml <<END
cluster: shelf
defaults: { user: pi, model: pi1b, identity_file: ${TD_NODES:-/var/tmp/td-nodes}/keys/id_ed25519, apt_proxy: "http://10.78.$TD_LAN.1:3142" }
nodes:
  $node: { address: 10.78.$TD_LAN.131, boot: { gpu_mem: 16, arm_freq: 800 } }
END
tell 'the inventory'
must cat inventory.yaml
must td-provision check inventory.yaml
tell 'over SSH: agent, packages, boot settings, service; then the reboot that these need'
before=$(inside cat /proc/sys/kernel/random/boot_id)
must td-provision apply inventory.yaml --yes --accept-new
after=$(inside cat /proc/sys/kernel/random/boot_id)
if [ "$before" != "$after" ]; then echo 'ok: it is another boot than before'; else echo 'WRONG: it has not rebooted'; failed=1; fi
tell 'the same again: nothing to do'
{ must td-provision apply inventory.yaml --yes; } > >(tee second)
sleep 1
has 'nothing was changed' 'changed 0 +failed 0 +unreachable 0' second

tell 'the agent on the machine'
# shellcheck disable=SC2016 # the node's shell expands it
inside 'sudo sh -c "ls -l /usr/local/bin/td-agent; sha256sum </usr/local/bin/td-agent; pid=\$(systemctl show -P MainPID td-agent); grep -E \"^(VmRSS|RssAnon)\" /proc/\$pid/status; systemctl show -P NRestarts td-agent"' | tee agent || failed=1
sha256sum <"$top/$agent"
has 'it is the agent that was built here' "$(sha256sum <"$top/$agent" | cut -c1-64)" agent
# shellcheck disable=SC2016 # awk's own
rss=$(awk '$1 == "VmRSS:" { print $2 }' agent)
if [ "${rss:-999999}" -lt 6144 ]; then echo "ok: idle, the agent has $rss kB in memory, less than 6 MB"; else echo "WRONG: idle RSS ${rss:-unknown} kB"; failed=1; fi
# The agent's own CPU time from its start to its first answer; the fingerprint is known by now.
# shellcheck disable=SC2016
inside 'sudo sh -c "systemctl restart td-agent; sleep 20; pid=\$(systemctl show -P MainPID td-agent); awk \"{ print \\\"CPU time since its start: \\\" (\\\$14 + \\\$15) / 100 \\\" s\\\" }\" /proc/\$pid/stat"' | tee start || failed=1
if awk '/^CPU time/ { ok = $6 < 1 } END { exit !ok }' start; then echo 'ok: it starts in less than 1 s of CPU time'; else echo 'WRONG: its start takes longer than 1 s of CPU time'; failed=1; fi

tell 'what the agent itself does to one band: seconds of CPU time, and one instruction is 2 ns on this machine (-icount shift=1)'
inside /usr/local/bin/td-agent self-test --speed | tee speed || failed=1
awk '/converting|filters/ { printf "%-10s %-10s %d million instructions\n", $1, ($2 == "by" ? $3 : ""), $(NF - 1) * 500 }' speed

tell 'its health, by td-probe.timer and by the agent'
# A warning is an answer too.
typed td health -i inventory.yaml || true
typed td health -i inventory.yaml $node || true
at_home td health -i inventory.yaml --deep --json >deep.json || true
checks deep.json ok gpu-mem arm-freq povray test-render imagemagick version failed-units probe
checks deep.json 'ok|warn|fail' card-speed

tell 'what a run of the probe costs, in CPU time: three minutes by the timer, and the long look of its boot'
for minute in 1 2 3; do
  sleep 62
  inside 'sudo cat /run/td/probe.json; echo'
done >probes || failed=1
/usr/bin/python3 - probes <<'END' || failed=1
import json, sys

runs = {}
for line in open(sys.argv[1]):
    report = json.loads(line)
    runs[report["fast"]["at"]] = report["fast"]["cpu"]
    slow = report["slow"]["cpu"]
middle = sorted(runs.values())[len(runs) // 2]
print(f"{len(runs)} runs: {', '.join(f'{cpu:.3f}' for cpu in runs.values())} s; the long look {slow:.3f} s")
print(f"1440 of the middle one and one long look a day: {(1440 * middle + slow) / 864:.2f} % of the core")
sys.exit(len(runs) < 2)
END

tell 'a picture'
scene=$(find "$top/target/povray-examples" /usr/share/doc/povray -name blob.pov -print -quit 2>/dev/null || true)
cp "$scene" blob.pov
{ must td render blob.pov -i inventory.yaml -o blob.png +W160 +H120; } &
rendering=$!
# In its middle, with a POV-Ray that wants all of the processor: the agent has two seconds, as it has any time.
sleep 9
at_home td health -i inventory.yaml --json >busy.json || true
wait $rendering || failed=1
checks busy.json 'ok|warn' memory probe
tell "the same by Debian's POV-Ray for i386, in one go"
typed "$top/tests/i386.sh" "$PWD" povray +Iblob.pov +Oone-go.png +W160 +H120 +WT1 -D -V >/dev/null 2>one-go.log || { cat one-go.log; failed=1; }
typed /usr/bin/python3 "$top/benches/differences.py" one-go.png blob.png | tee differences || failed=1
has 'not one pixel differs' '^0 of 19200 px' differences
must sha256sum blob.png

tell 'the power is cut, and comes back'
$machine kill
CARD=keep $machine start
$machine wait 1800
for _ in $(seq 60); do
  code=0
  at_home td health -i inventory.yaml --timeout 20 --json >cut.json || code=$?
  [ "$code" = 4 ] || break
  sleep 5
done
checks cut.json warn reboot
typed td health -i inventory.yaml --since 1h || true

tell "boots: $($machine boots); all in $(((SECONDS - begun) / 60)) min"
if [ "$failed" = 0 ]; then echo 'all is as it has to be'; else echo 'something above is WRONG'; fi
exit $failed
