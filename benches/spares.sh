#!/bin/bash
# spares.sh: what an idle agent's spare POV-Ray has done of its start before a job is there, and what it costs to have one.
# TD_BENCH_PROGRAMS names a folder with td-agent to use instead of building it. Ends with 1 when a bound is missed.
set -eu
cd "$(dirname "$0")/.."
target=${CARGO_TARGET_DIR:-target}
[ -e /usr/share/doc/povray/examples/objects/blob.pov ] || { echo "no blob.pov: apt-get install povray-examples" >&2; exit 2; }
if [ -z "${TD_BENCH_PROGRAMS:-}" ]; then
  cargo build --quiet --release --locked -p td-agent
  TD_BENCH_PROGRAMS=$target/release
fi
exec python3 - "$TD_BENCH_PROGRAMS/td-agent" <<'PYTHON'
import os, shutil, statistics, subprocess, sys, tempfile, time

agent = sys.argv[1]
scene = "/usr/share/doc/povray/examples/objects/blob.pov"
folder = tempfile.mkdtemp(prefix="td-spares-")
RUNS = 7


def cpu(pid):
    """Seconds of all threads of a process."""
    total = 0
    for task in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{task}/schedstat") as stat:
            total += int(stat.read().split()[0])
    return total * 1e-9


def until(what, found):
    begun = time.monotonic()
    while True:
        value = found()
        if value is not None:
            return value
        if time.monotonic() - begun > 30:
            sys.exit(f"spares.sh: {what} took more than 30 s")
        time.sleep(0.0005)


def states(pid):
    """Of all threads of a process."""
    for task in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{task}/stat") as stat:
            yield stat.read().rsplit(") ", 1)[1][0]


def spare_of(parent, wanted):
    """The POV-Ray that is a child of this agent, if all of its threads are in this state."""
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/stat") as stat:
                name, rest = stat.read().split("(", 1)[1].rsplit(") ", 1)
            with open(f"/proc/{pid}/cmdline") as command:
                is_spare = name == "povray" and int(rest.split()[1]) == parent and "rows.ini" in command.read()
            if is_spare and set(states(pid)) == {wanted}:
                return int(pid)
        except OSError:
            continue
    return None


def spare(number):
    """CPU seconds that a spare took to come to its gate, those that it takes in a second once it is stopped, and MB that are its own."""
    cache = f"{folder}/cache{number}"
    process = subprocess.Popen([agent, "serve", "--slots", "1", "--cache", cache, "--socket", f"{cache}.sock"], stdin=subprocess.DEVNULL)
    try:
        asleep = 0
        while asleep < 3:
            pid = until("a spare", lambda: spare_of(process.pid, "S"))
            took = cpu(pid)
            time.sleep(0.01)
            asleep = asleep + 1 if spare_of(process.pid, "S") else 0
        until("its stop", lambda: spare_of(process.pid, "T"))
        before = cpu(pid)
        time.sleep(1)
        idle = cpu(pid) - before
        with open(f"/proc/{pid}/status") as status:
            own = next(int(line.split()[1]) for line in status if line.startswith("RssAnon")) / 1024
        return took, idle, own
    finally:
        process.terminate()
        process.wait()


def start():
    """CPU seconds of a POV-Ray until it traces."""
    state = f"{folder}/s.pov-state"
    process = subprocess.Popen(["povray", f"+I{scene}", f"+O{folder}/s.png", "+W800", "+H600", "+WT1", "-D", "-V"],
                               stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        until("a start", lambda: True if os.path.exists(state) else None)
        return cpu(process.pid)
    finally:
        process.kill()
        process.wait()
        if os.path.exists(state):
            os.unlink(state)


try:
    found = [spare(number) for number in range(RUNS)]
    took, idle, own = (statistics.median(column) for column in zip(*found))
    whole = statistics.median(start() for _ in range(RUNS))
    print("| a spare POV-Ray, median of", RUNS, "| measured | bound |\n|---|---|---|")
    print(f"| CPU time until it waits / until a POV-Ray traces blob.pov | {1000 * took:.1f} ms / {1000 * whole:.1f} ms = {took / whole:.2f} | 0.25 at least |")
    print(f"| CPU time in a second, once it is stopped | {1000 * idle:.3f} ms | 0.1 ms |")
    print(f"| memory that is not a file's | {own:.1f} MB | 4 MB |")
    sys.exit(took / whole < 0.25 or idle > 1e-4 or own > 4)
finally:
    shutil.rmtree(folder, ignore_errors=True)
PYTHON
