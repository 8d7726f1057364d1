#!/usr/bin/env python3
"""The master of a large cluster; see many-agents.sh, which starts this.

many-agents.py PROGRAMS FOLDER AGENTS      ends with 1 when a bound is missed.
"""
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time

SCENE = "/usr/share/doc/povray/examples/objects/blob.pov"
WIDTH = 640
# A picture as high as td allows gives each agent four blocks; a block is about twelve seconds of a node.
ROWS_EACH = 128
WORK = 60
START = 3
PORT = 7979


def fail(text):
    sys.exit(f"many-agents.py: {text}")


def main():
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    programs, kept, agents = sys.argv[1], sys.argv[2], int(sys.argv[3])
    with tempfile.TemporaryDirectory(prefix="many-agents-", dir=kept) as folder:
        run(programs, folder, agents)


def run(programs, folder, agents):
    td, home = f"{programs}/td", f"{folder}/home"
    os.mkdir(home)
    environment = {"PATH": os.environ["PATH"], "HOME": home}
    names = [f"n{number:03}" for number in range(agents)]
    with open(f"{folder}/inventory.yaml", "w", encoding="utf-8") as inventory:
        inventory.write("cluster: many\nnodes:\n")
        for number, name in enumerate(names):
            address = f"127.1.{number // 250}.{number % 250 + 1}"
            inventory.write(f"  {name}: {{ address: {address}, agent_port: {PORT}, slots: 1 }}\n")

    def call(*command):
        done = subprocess.run(command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, timeout=600, check=False)
        if done.returncode:
            fail(f"{' '.join(command)} ended with {done.returncode}:\n{done.stdout[-2000:]}")

    call(f"{programs}/td-provision", "certs", "init")
    call(f"{programs}/td-provision", "certs", "issue")
    # The recording; and what this machine's agent finds its POV-Ray to be.
    call(td, "render", SCENE, f"+W{WIDTH}", "+H480", "-o", f"{folder}/recorded.png")
    fingerprint = f"{home}/.cache/td/agent/fingerprint.json"
    arguments = [f"{programs}/replay-agents", f"{home}/.config/td/clusters/many", str(PORT), fingerprint,
                 f"{folder}/recorded.png", "blob", str(WORK), str(START), *names]
    replay = subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment, text=True)
    try:
        if replay.stdout.readline().strip() != "ready":
            fail("replay-agents did not start")
        # The master's own probe has its fingerprint by now, as it has in daily life.
        probe = f"{home}/.cache/td/probe-agent"
        os.makedirs(probe, mode=0o700)
        shutil.copy(fingerprint, probe)
        render(td, folder, environment, agents)
    finally:
        replay.stdin.close()
        replay.wait(30)


def render(td, folder, environment, agents):
    height = ROWS_EACH * agents
    command = [td, "render", SCENE, f"+W{WIDTH}", f"+H{height}", "-i", "inventory.yaml", "-o", "out.png", "--json"]
    begun = time.monotonic()
    with open(f"{folder}/events", "wb") as events, open(f"{folder}/said", "wb") as said:
        process = subprocess.Popen(command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=events, stderr=said)
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = status
    wall = time.monotonic() - begun
    with open(f"{folder}/events", encoding="utf-8") as events:
        lines = events.read().splitlines()
    if status:
        with open(f"{folder}/said", encoding="utf-8", errors="replace") as said:
            fail(f"td ended with {os.waitstatus_to_exitcode(status)}:\n{said.read()[-1500:]}")
    done = json.loads(lines[-1])
    own, phases = done["own_cpu"], done["phases"]
    # wait4 counts td's own embedded agent for the probe, and its POV-Ray, as td's: it waits for them.
    all_cpu = used.ru_utime + used.ru_stime
    memory = used.ru_maxrss / 1024
    workers = sum(node["rows"] > 0 for node in done["nodes"].values())
    with open("/proc/loadavg", encoding="ascii") as load:
        load = load.read().split()[0]
    print(f"{agents} agents that replay recorded bands (blob, {WIDTH}x{height}, {WORK} s of work each, a start {START} s), mutual TLS over loopback; "
          f"{os.cpu_count()} cores, load {load}.")
    print(f"{wall:.1f} s: before the first strip {phases['first_sequential']:.2f}, parallel {phases['parallel']:.2f}, after the last row "
          f"{phases['second_sequential']:.3f}; efficiency {done['efficiency']:.3f}; {workers} agents rendered, {done['povray_starts']} strips, "
          f"{done['shrinks']} shrinks.\n")
    missed = []

    def row(what, value, bound=None):
        says = "" if bound is None else "ok" if value <= bound else "MISSED"
        if says == "MISSED":
            missed.append(what)
        print(f"| {what} | {value:.4f} | {'' if bound is None else bound} | {says} |")

    each = 1000 / max(own["decisions"], 1)
    print("| what | measured | bound | |")
    print("|---|---|---|---|")
    row("messages that the loop took, thousands", own["messages"] / 1000)
    row("events that the scheduler was told, thousands", own["decisions"] / 1000)
    row("scheduler, CPU ms for each of its events", 1000 * own["deciding"] / max(own["decisions"], 1))
    row("keeping a segment, CPU ms", 1000 * own["keeping"] / max(own["segments"], 1))
    row("the loop in all (scheduler, keeping, journal, orders, display, all messages), CPU ms for each event of the scheduler", own["looping"] * each, 1.0)
    row("checking a segment, CPU ms", 1000 * own["checking"] / max(own["segments"], 1))
    row("segments checked, thousands", own["segments"] / 1000)
    row("td as a whole, its embedded agent and probe too (TLS, HTTP, start), CPU s", all_cpu)
    row("td's peak memory, MB", memory, 64)
    if missed:
        sys.exit(1)


if __name__ == "__main__":
    main()
