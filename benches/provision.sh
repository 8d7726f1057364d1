#!/bin/bash
# provision.sh: td-provision against Ansible and pyinfra, the same work on 8 test nodes of 0.2 cores side by side.
#
# Each is measured on nodes as just flashed, and again with nothing to change; beside them, in the same run, what bounds
# them from below: eight plain `ssh node sudo true`, and apt alone over ssh. TD_BENCH_NODES (8), TD_BENCH_CORES (0.2),
# TD_BENCH_RUNS of what changes nothing (5; the median counts), TD_BENCH_ONLY=td leaves the other two out.
# td's work is a bit more than theirs: it proves the result, and answers over TLS. Ansible and pyinfra come by pip into
# target/bench. Needs root; wall time means something only when nothing else runs. Ends with 1 when a bound is missed.
set -euo pipefail
cd "$(dirname "$0")/.."
[ "$(id -u)" = 0 ] || { echo "provision.sh: needs root, for the test nodes" >&2; exit 2; }
count=${TD_BENCH_NODES:-8}
cores=${TD_BENCH_CORES:-0.2}
runs=${TD_BENCH_RUNS:-5}
most_idle=1.6   # no-op apply over the ssh floor
most_fresh=1.08 # fresh apply over apt alone
target=$(mkdir -p "${CARGO_TARGET_DIR:-target}/bench" && cd "${CARGO_TARGET_DIR:-target}" && pwd)
bench=$PWD/benches/provision
nodes=$PWD/tests/nodes
if [ -n "${TD_BENCH_PROGRAMS:-}" ]; then
  programs=$(cd "$TD_BENCH_PROGRAMS" && pwd)
else
  cargo build --quiet --release -p td-provision -p td-agent
  programs=$target/release
fi

work=$(mktemp -d "$target/bench/provision-XXXXXX")
mkfifo "$work/lifeline"
"$nodes/lan.sh" hold <"$work/lifeline" >"$work/lan" &
keeper=$!
exec 7>"$work/lifeline"
finish() {
  exec 7>&-
  wait "$keeper" || true
  rm -rf "$work"
}
trap finish EXIT
trap 'exit 130' INT TERM
until grep -q '^lan ' "$work/lan"; do
  kill -0 "$keeper" 2>/dev/null || { echo "provision.sh: no LAN" >&2; exit 1; }
  sleep 0.1
done
TD_LAN=$(sed -n 's/^lan //p' "$work/lan")
export TD_LAN
key=/var/tmp/td-nodes/keys/id_ed25519
[ -z "${TD_NODES:-}" ] || key=$TD_NODES/keys/id_ed25519
export HOME=$work/home XDG_CONFIG_HOME=$work/home/.config XDG_STATE_HOME=$work/home/.state XDG_CACHE_HOME=$work/home/.cache
mkdir -p -m 700 "$HOME/.ssh"

address() { echo "10.78.$TD_LAN.$((100 + $1))"; }
packages='povray povray-includes imagemagick nfs-common'

# All nodes as just flashed, up, and known to ssh.
fresh() {
  local n
  for n in $(seq "$count"); do WIPE=1 CPU=$cores "$nodes/node.sh" start "$n" 7>&-; done
  for n in $(seq "$count"); do "$nodes/node.sh" wait "$n" 120 7>&-; done
  for n in $(seq "$count"); do ssh-keyscan -t ed25519 "$(address "$n")" 2>/dev/null; done >"$HOME/.ssh/known_hosts"
  cp "$key" "$HOME/.ssh/id_ed25519"
}
everywhere() { # COMMAND: on all nodes side by side by plain ssh
  local n pids=() failed=0
  for n in $(seq "$count"); do
    # shellcheck disable=SC2029 # the command is the caller's
    ssh -F none -i "$key" -o BatchMode=yes -o UserKnownHostsFile="$HOME/.ssh/known_hosts" "pi@$(address "$n")" "$1" </dev/null >>"$work/log" 2>&1 &
    pids+=($!)
  done
  for n in "${pids[@]}"; do wait "$n" || failed=1; done
  return $failed
}
seconds() { # COMMAND...: wall time; the command's own output goes to the log
  local start end
  start=$(date +%s.%N)
  "$@" >>"$work/log" 2>&1 || { echo "provision.sh: failed: $*" >&2; tail -n 40 "$work/log" >&2; exit 1; }
  end=$(date +%s.%N)
  awk -v a="$start" -v b="$end" 'BEGIN { printf "%.2f\n", b - a }'
}
median() { sort -n | awk '{ v[NR] = $1 } END { printf "%.2f\n", NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2 }'; }
idle() { for _ in $(seq "$runs"); do seconds "$@"; done | median; }

# --- the inputs of all three
{
  echo 'cluster: bench'
  echo 'defaults:'
  echo '  user: pi'
  echo '  model: pi1b'
  echo '  boot: { gpu_mem: 16, arm_freq: 800 }'
  echo "  apt_proxy: http://10.78.$TD_LAN.1:3142"
  echo 'nodes:'
  for n in $(seq "$count"); do echo "  pi$n: { address: $(address "$n") }"; done
} >"$work/inventory.yaml"
hosts=$(for n in $(seq "$count"); do echo "$(address "$n") pi$n"; done)
printf '[Service]\nUser=td\nExecStart=/bin/sleep infinity\n[Install]\nWantedBy=multi-user.target\n' >"$work/bench.service"
H=$hosts COUNT=$count PROGRAM=$programs/td-agent WORK=$work /usr/bin/python3 - <<'PYTHON'
import json, os
env, lan = os.environ, os.environ["TD_LAN"]
names = {f"pi{n}": f"10.78.{lan}.{100 + n}" for n in range(1, int(env["COUNT"]) + 1)}
common = {"hosts": env["H"], "server": names["pi1"], "program": env["PROGRAM"], "unit": env["WORK"] + "/bench.service"}
with open(env["WORK"] + "/ansible.json", "w") as out:
    hosts = {name: {"ansible_host": address, "ansible_user": "pi", "ansible_python_interpreter": "/usr/bin/python3"} for name, address in names.items()}
    json.dump({"all": {"hosts": hosts, "vars": {k: common[k] for k in ("hosts", "server", "program")}}}, out)
with open(env["WORK"] + "/pyinfra_inventory.py", "w") as out:
    out.write("nodes = " + repr([(address, dict(common, node_name=name, ssh_user="pi", ssh_key=env["HOME"] + "/.ssh/id_ed25519")) for name, address in names.items()]))
PYTHON
cat >"$work/ansible.cfg" <<CFG
[defaults]
forks = $count
[ssh_connection]
pipelining = True
# ssh goes by the account's home folder, not by \$HOME.
ssh_common_args = -F none -i $HOME/.ssh/id_ed25519 -o UserKnownHostsFile=$HOME/.ssh/known_hosts
CFG
tools() {
  local venv=$target/bench/venv
  if [ ! -x "$venv/bin/pyinfra" ] || [ ! -x "$venv/bin/ansible-playbook" ]; then
    echo "Ansible and pyinfra come into $venv." >&2
    python3 -m venv "$venv" && "$venv/bin/pip" -q install 'ansible-core==2.19.*' 'pyinfra==3.*' >&2
  fi
  PATH=$venv/bin:$PATH
}
[ "${TD_BENCH_ONLY:-}" = td ] || tools

apt_alone() { everywhere "sudo apt-get -qq update && sudo env DEBIAN_FRONTEND=noninteractive apt-get -qq -y --no-install-recommends install $packages"; }
# The inventory calls these PCs Raspberry Pis: no agent is to be built for those.
td() { TD_NO_BUILD=1 "$programs/td-provision" apply "$work/inventory.yaml" --yes --no-reboot "$@"; }
ansible() { (cd "$work" && ANSIBLE_CONFIG=$work/ansible.cfg ansible-playbook -i "$work/ansible.json" "$bench/ansible.yml"); }
pyinfra_run() { (cd "$work" && pyinfra -y --parallel "$count" "$work/pyinfra_inventory.py" "$bench/pyinfra_deploy.py"); }

echo "$count nodes of $cores cores, $(nproc) cores in all, load before: $(cut -d' ' -f1 /proc/loadavg); $(date -I)"
# Once outside the measurement, so that everyone finds the packages in the proxy.
fresh
apt_alone || { tail -n 20 "$work/log" >&2; exit 1; }
fresh
floor=$(idle everywhere 'sudo true')
apt=$(seconds apt_alone)
fresh
td_fresh=$(seconds td)
td_idle=$(idle td)
if ! td --json >"$work/last.json" 2>>"$work/log" || grep -q '"changed":[1-9]' "$work/last.json"; then
  echo "provision.sh: an apply with nothing to change failed or changed something" >&2
  tail -n 5 "$work/last.json" >&2
  exit 1
fi
# The largest memory of td-agent while it looks at a node, in KiB: read from the outside, not while times are taken.
watch='
import os, sys
peak = 0
while os.path.exists("/proc/" + sys.argv[1]):
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as line:
                words = line.read().split(b"\0")
            if not words[0].endswith(b"td-agent") or b"converge" not in words:
                continue
            with open(f"/proc/{pid}/status", encoding="ascii") as status:
                peak = max([peak] + [int(text.split()[1]) for text in status if text.startswith("VmHWM:")])
        except OSError:
            pass
print(peak)'
(for _ in 1 2 3; do td >/dev/null 2>&1; done) &
job=$!
peak=$(/usr/bin/python3 -c "$watch" "$job")
wait $job
[ "$peak" -gt 0 ] || { echo "provision.sh: td-agent was not seen on any node" >&2; exit 1; }

missed=0
ratio() { awk -v a="$1" -v b="$2" 'BEGIN { printf "%.2f", a / b }'; }
row() { printf '| %-34s | %8s | %12s | %-16s |\n' "$@"; }
verdict() { if awk -v a="$1" -v m="$2" 'BEGIN { exit !(a <= m) }'; then echo "<= $2: ok"; else echo "<= $2: MISSED"; missed=1; fi; }
row what seconds ratio bound
row --- --- --- ---
row 'ssh node sudo true' "$floor" '1.00' ''
r=$(ratio "$td_idle" "$floor"); v=$(verdict "$r" $most_idle); [[ $v != *MISSED ]] || missed=1
row 'td-provision, nothing to change' "$td_idle" "$r" "$v"
if [ "${TD_BENCH_ONLY:-}" != td ]; then
  fresh
  py_fresh=$(seconds pyinfra_run)
  py_idle=$(idle pyinfra_run)
  fresh
  an_fresh=$(seconds ansible)
  an_idle=$(idle ansible)
  row 'pyinfra, nothing to change' "$py_idle" "$(ratio "$py_idle" "$floor")" ''
  row 'ansible, nothing to change' "$an_idle" "$(ratio "$an_idle" "$floor")" ''
fi
row 'apt alone over ssh' "$apt" '1.00' ''
r=$(ratio "$td_fresh" "$apt"); v=$(verdict "$r" $most_fresh); [[ $v != *MISSED ]] || missed=1
row 'td-provision, fresh' "$td_fresh" "$r" "$v"
if [ "${TD_BENCH_ONLY:-}" != td ]; then
  row 'pyinfra, fresh' "$py_fresh" "$(ratio "$py_fresh" "$apt")" ''
  row 'ansible, fresh' "$an_fresh" "$(ratio "$an_fresh" "$apt")" ''
fi
mib=$(ratio "$peak" 1024); v=$(verdict "$mib" 12); [[ $v != *MISSED ]] || missed=1
row 'td-agent on a node, memory (MiB)' "$mib" '' "$v"
[ "${TD_BENCH_ONLY:-}" = td ] || echo "$(ansible-playbook --version | sed -n 1p), $(pyinfra --version 2>&1 | sed -n 1p)"
exit $missed
