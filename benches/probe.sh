#!/bin/bash
# probe.sh: what a node pays for telling its health: CPU of a run of `td-agent probe`, of an answer of the server, and what
# the history writes to the card in a day.
# The history is written to an ext4 of its own on a loop device, each write synced by itself, and the kernel's count of
# that device tells the bytes, the journal's among them. The probe of an emulated Raspberry Pi 1 is in armv6.sh.
# TD_BENCH_RUNS runs (20), of which the median counts; TD_BENCH_PAIRS pairs of renders (2), with and without questions. TD_BENCH_PROGRAMS names a folder with td-agent and history-day to
# use instead of building them. Needs root. Ends with 1 when a bound is missed.
set -euo pipefail
cd "$(dirname "$0")/.."
runs=${TD_BENCH_RUNS:-20}
target=${CARGO_TARGET_DIR:-target}
[ "$(id -u)" = 0 ] || { echo "probe.sh: must be root, as the probe on a node is" >&2; exit 2; }
if [ -z "${TD_BENCH_PROGRAMS:-}" ]; then
  cargo build --quiet --release --locked -p td -p td-agent -p td-provision -p td-benches
  TD_BENCH_PROGRAMS=$target/release
fi
programs=$(cd "$TD_BENCH_PROGRAMS" && pwd)
work=$(mktemp -d)
loop=
clean() {
  [ -z "${agent:-}" ] || kill "$agent" 2>/dev/null || true
  umount "$work/card" 2>/dev/null || true
  [ -z "$loop" ] || losetup -d "$loop" 2>/dev/null || true
  rm -rf "$work"
  [ -n "$had" ] || rm -rf /run/td
}
had=$(ls -d /run/td 2>/dev/null || true)
trap clean EXIT
missed=0
row() { # text, value, most, unit
  local says=ok
  if awk "BEGIN { exit !($2 > $3) }"; then says=MISSED; missed=1; fi
  echo "| $1 | $2 $4 | $3 $4 | $says |"
}
median() { sort -n | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'; }
said() { python3 -c 'import json, sys; d = json.load(open("/run/td/probe.json")); print(d[sys.argv[1]]["cpu"])' "$1"; }

fast=() slow=()
for _ in $(seq "$runs"); do
  "$programs/td-agent" probe --user nobody --name bench
  fast+=("$(said fast)")
done
for _ in 1 2 3; do
  "$programs/td-agent" probe --user nobody --name bench --full
  slow+=("$(said slow)")
done
fast=$(printf '%s\n' "${fast[@]}" | median)
slow=$(printf '%s\n' "${slow[@]}" | median)
echo "| what | measured | bound | |"
echo "|---|---|---|---|"
row "a run of the probe, its fast half, CPU" "$(awk "BEGIN { printf \"%.2f\", 1000 * $fast }")" 50 ms
row "its slow half, a test render included, CPU" "$(awk "BEGIN { printf \"%.0f\", 1000 * $slow }")" 10000 ms
row "1440 runs and one slow half, share of a core" "$(awk "BEGIN { printf \"%.4f\", 100 * (1440 * $fast + $slow) / 86400 }")" 1 %

# The server's part: CPU of 200 answers of an agent that has its fingerprint, without TLS.
"$programs/td-agent" serve --cache "$work/cache" --listen 127.0.0.1:0 2>"$work/said" &
agent=$!
for _ in $(seq 600); do [ -e "$work/cache/fingerprint.json" ] && break; sleep 0.1; done
port=$(sed -n 's/^td-agent listens on 127.0.0.1://p' "$work/said")
ticks() { cat /proc/"$agent"/task/*/schedstat | awk '{ ns += $1 } END { print ns / 1e6 }'; }
python3 - "$port" "$(ticks)" "$agent" <<'END' >"$work/answers"
import glob, http.client, sys

port, before, agent = int(sys.argv[1]), float(sys.argv[2]), sys.argv[3]
connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
for path in ["/health"] * 200:
    connection.request("GET", path)
    size = len(connection.getresponse().read())
after = sum(int(open(stat).read().split()[0]) for stat in glob.glob(f"/proc/{agent}/task/*/schedstat")) / 1e6
print(f"{(after - before) / 200:.3f} {size}")
END
read -r each size <"$work/answers"
row "an answer of the server ($size bytes), CPU" "$each" 5 ms

kill "$agent"
agent=

# A render that asks for it, and one that does not.
read -r added asked < <(benches/health-in-a-render.py "$programs" "$work" "${TD_BENCH_PAIRS:-2}") ||
  { echo "the renders with and without health could not be compared" >&2; missed=1; }
row "what health adds to a render's CPU (${asked:-no} questions in it, a probe each minute), median of ${TD_BENCH_PAIRS:-2} pairs" "${added:-100}" 1 %

# In the middle of a render, at the speed of a Pi 1: an agent on 1.6 ms of each 100 ms of a core, asked over TLS, each time
# by a new connection.
name=probe-$$
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
printf 'cluster: bench\nnodes:\n  one: { address: 127.0.0.1, agent_port: %s, slots: 1 }\n' "$port" >"$work/inventory.yaml"
export XDG_CONFIG_HOME=$work/config XDG_STATE_HOME=$work/state XDG_CACHE_HOME=$work/cache-home
for step in init issue; do (cd "$work" && "$programs/td-provision" certs "$step" >/dev/null 2>&1); done
tls=$XDG_CONFIG_HOME/td/clusters/bench
mkdir "$work/tls"
cp "$tls/ca.pem" "$work/tls/ca.pem"
cp "$tls/nodes/one.pem" "$work/tls/agent.pem"
cp "$tls/nodes/one.key" "$work/tls/agent.key"
GROUP_NAME=$name tests/nodes/limited.sh 200000 100000 "$programs/td-agent" serve --listen "127.0.0.1:$port" --tls "$work/tls" \
  --cache "$work/limited" --name one --slots 1 2>>"$work/said" &
agent=$!
for _ in $(seq 600); do [ -e "$work/limited/fingerprint.json" ] && break; sleep 0.1; done
(cd "$work" && exec "$programs/td" render /usr/share/doc/povray/examples/objects/blob.pov -i inventory.yaml +W1600 +H1200 +A0.0 -o out.png) >"$work/render" 2>&1 &
master=$!
for _ in $(seq 600); do tests/nodes/limited.sh pids "$name" | xargs -r -n1 -I{} cat /proc/{}/comm 2>/dev/null | grep -q povray && break; sleep 0.1; done
tests/nodes/limited.sh set "$name" 1600 100000
sleep 5
for run in $(seq "$runs"); do
  curl --silent --fail --tlsv1.3 --max-time 30 --cacert "$tls/ca.pem" --cert "$tls/master.pem" --key "$tls/master.key" --output "$work/answer.$run" \
    --write-out '%{time_total}\n' --resolve "one:$port:127.0.0.1" "https://one:$port/health" || echo 30
done | sort -n >"$work/times"
# An answer without a look in it comes quickly, and says nothing.
for run in $(seq "$runs"); do
  grep -q '"busy":1' "$work/answer.$run" && grep -q '"uptime":[0-9]' "$work/answer.$run" || {
    echo "nothing was rendering meanwhile, or the answer has no look in it: $(cut -c -300 "$work/answer.$run") $(tail -n 3 "$work/render")" >&2
    missed=1
  }
done
row "an answer at 0.016 of a core that renders, median of $runs" "$(sed -n "$(((runs + 1) / 2))p" "$work/times")" 2 s
row "the slowest of them" "$(tail -n 1 "$work/times")" 2 s
kill "$master" 2>/dev/null || true
wait "$master" 2>/dev/null || true
kill "$agent" && wait "$agent" 2>/dev/null || true
agent=

# A day of history on a card.
mkdir "$work/card"
truncate -s 64M "$work/image"
/sbin/mke2fs -q -F -t ext4 "$work/image"
loop=$(losetup --find --show "$work/image")
mount "$loop" "$work/card"
# What mke2fs left for the first mount is written by the kernel in the background.
sleep 2
written() { sync; awk '{ print $7 * 512 }' "/sys/block/${loop#/dev/}/stat"; }
coproc day { "$programs/history-day" "$work/card"; }
read -r _ <&"${day[0]}"
sync
before=$(written)
echo >&"${day[1]}"
read -r _ writes <&"${day[0]}"
after=$(written)
row "history on ext4, $writes writes a day, $(stat -c %s "$work/card/history") bytes of file" \
  "$(awk "BEGIN { printf \"%.2f\", ($after - $before) / 1e6 }")" 4 MB
exit "$missed"
