#!/usr/bin/env python3
"""td health of eight nodes of which three are dead, and of a thousand; see health.sh, which starts this.

health.py PROGRAMS FOLDER AGENTS      ends with 1 when a bound is missed.
"""
import json
import os
import signal
import subprocess
import sys
import tempfile
import time

PORT = 7989
TIMES = 3
# Seconds, and MB.
BOUND_EIGHT, BOUND_MANY, BOUND_MEMORY = 3, 10, 128


def fail(text):
    sys.exit(f"health.py: {text}")


def main():
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    programs, kept, agents = sys.argv[1], sys.argv[2], int(sys.argv[3])
    with open("/proc/loadavg", encoding="ascii") as load:
        print(f"td health over mutual TLS on loopback; {os.cpu_count()} cores, load {load.read().split()[0]}.\n")
    rows = []
    with tempfile.TemporaryDirectory(prefix="health-", dir=kept) as folder:
        rows += eight(programs, folder)
    with tempfile.TemporaryDirectory(prefix="health-", dir=kept) as folder:
        rows += many(programs, folder, agents)
    print("\n| what | measured | bound | |\n|---|---|---|---|")
    missed = False
    for what, value, bound in rows:
        missed |= value > bound
        print(f"| {what} | {value:.2f} | {bound} | {'MISSED' if value > bound else 'ok'} |")
    if missed:
        sys.exit(1)


def surroundings(folder):
    home = f"{folder}/home"
    os.mkdir(home)
    return {"PATH": os.environ["PATH"], "HOME": home, "XDG_CACHE_HOME": f"{home}/.cache"}


def inventory(folder, nodes):
    with open(f"{folder}/inventory.yaml", "w", encoding="utf-8") as file:
        file.write("cluster: many\nnodes:\n")
        for name, address, port in nodes:
            file.write(f"  {name}: {{ address: {address}, agent_port: {port} }}\n")


def call(folder, environment, *command):
    done = subprocess.run(command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, timeout=600, check=False)
    if done.returncode:
        fail(f"{' '.join(command)} ended with {done.returncode}:\n{done.stdout[-2000:]}")


def certificates(programs, folder, environment):
    call(folder, environment, f"{programs}/td-provision", "certs", "init")
    call(folder, environment, f"{programs}/td-provision", "certs", "issue")


def ask(programs, folder, environment, *more):
    """Seconds, peak memory in MB, and the document of one question."""
    command = [f"{programs}/td", "health", "-i", "inventory.yaml", "--json", *more]
    begun = time.monotonic()
    with open(f"{folder}/said", "wb") as said:
        process = subprocess.Popen(command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=said, stderr=said)
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = status
    seconds = time.monotonic() - begun
    with open(f"{folder}/said", encoding="utf-8") as said:
        text = said.read()
    try:
        return seconds, used.ru_maxrss / 1024, json.loads(text)
    except ValueError:
        fail(f"td ended with {os.waitstatus_to_exitcode(status)}:\n{text[-1500:]}")


class Walled:
    """A machine in a network namespace of its own that drops what it would answer."""

    def __init__(self):
        self.name = f"tdbench{os.getpid()}"
        subnet = f"10.77.{os.getpid() % 250}"
        self.address = f"{subnet}.2"
        link = f"tb{os.getpid()}"[:15]
        self.is_there = os.geteuid() == 0 and self.ip(f"netns add {self.name}")
        if not self.is_there:
            return
        for words in (f"link add {link} type veth peer name eth0 netns {self.name}", f"addr add {subnet}.1/30 dev {link}",
                      f"link set {link} up", f"-n {self.name} addr add {subnet}.2/30 dev eth0", f"-n {self.name} link set eth0 up",
                      f"-n {self.name} link set lo up", f"-n {self.name} route add blackhole {subnet}.1/32"):
            if not self.ip(words):
                fail(f"ip {words} failed")

    @staticmethod
    def ip(words):
        return subprocess.run(["ip", *words.split()], check=False, stderr=subprocess.DEVNULL).returncode == 0

    def end(self):
        if self.is_there:
            self.ip(f"netns del {self.name}")


def eight(programs, folder):
    environment = surroundings(folder)
    walled = Walled()
    names = [f"pi{number}" for number in range(110, 118)]
    # The last three are dead: off, behind a firewall, stopped.
    address = {name: f"127.0.{number}.1" for number, name in enumerate(names, 1)}
    if walled.is_there:
        address["pi116"] = walled.address
    inventory(folder, [(name, address[name], PORT) for name in names])
    certificates(programs, folder, environment)
    credentials = f"{environment['HOME']}/.config/td/clusters/many"
    agents = []
    try:
        for name in names:
            if name == "pi115":
                continue
            own = f"{folder}/{name}"
            os.mkdir(own)
            for source, to in (("ca.pem", "ca.pem"), (f"nodes/{name}.pem", "agent.pem"), (f"nodes/{name}.key", "agent.key")):
                with open(f"{credentials}/{source}", "rb") as data, open(f"{own}/{to}", "wb") as copy:
                    copy.write(data.read())
                os.chmod(f"{own}/{to}", 0o600)
            command = [f"{programs}/td-agent", "serve", "--slots", "1", "--name", name, "--tls", own, "--cache", f"{own}/cache"]
            if name == "pi116" and walled.is_there:
                command = ["ip", "netns", "exec", walled.name, *command]
            command += ["--listen", f"{address[name]}:{PORT}"]
            agents.append(subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                           stderr=subprocess.PIPE, text=True))
            for line in agents[-1].stderr:
                if "listens on" in line:
                    break
            else:
                fail(f"the agent of {name} does not listen")
        # At its very first start an agent finds out about its POV-Ray; that is no part of what is measured.
        ask(programs, folder, environment, "--timeout", "120", *names[:5])
        for agent in agents[-1:] if walled.is_there else agents[-2:]:
            agent.send_signal(signal.SIGSTOP)
        slowest = 0
        for _ in range(TIMES):
            seconds, _, document = ask(programs, folder, environment)
            slowest = max(slowest, seconds)
            if document["counts"]["unreachable"] != 3:
                said = [(node['name'], node['unreachable']) for node in document['nodes'] if node['unreachable']]
                fail(f"3 of the nodes are dead, td says {document['counts']}: {said}")
        for node in document["nodes"]:
            if node["unreachable"]:
                print(f"{node['name']}: {node['unreachable']['why']}: {node['unreachable']['sentence']}")
    finally:
        for agent in agents:
            agent.send_signal(signal.SIGCONT)
            agent.terminate()
        for agent in agents:
            agent.wait(30)
        walled.end()
    dead = "off, firewall, stopped" if walled.is_there else "off, and two stopped: no root for a firewall"
    return [(f"8 nodes of which 3 are dead ({dead}), slowest of {TIMES}, seconds", slowest, BOUND_EIGHT)]


def many(programs, folder, agents):
    environment = surroundings(folder)
    processes = 4
    names = [f"n{number:04}" for number in range(agents)]
    inventory(folder, [(name, f"127.1.{number // 250}.{number % 250 + 1}", PORT + number % processes)
                       for number, name in enumerate(names)])
    certificates(programs, folder, environment)
    credentials = f"{environment['HOME']}/.config/td/clusters/many"
    running = []
    try:
        for part in range(processes):
            command = [f"{programs}/health-agents", credentials, str(PORT + part), *names[part::processes]]
            running.append(subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment, text=True))
        for process in running:
            if process.stdout.readline().strip() != "ready":
                fail("health-agents did not start")
        slowest = most = 0
        for _ in range(TIMES):
            seconds, memory, document = ask(programs, folder, environment, "--timeout", "10")
            slowest, most = max(slowest, seconds), max(most, memory)
            if document["counts"]["ok"] != agents:
                fail(f"{agents} agents are well, td says {document['counts']}: "
                     f"{[node['unreachable'] for node in document['nodes'] if node['unreachable']][:3]}")
    finally:
        for process in running:
            process.stdin.close()
            process.wait(30)
    return [(f"{agents} agents in {processes} processes, --timeout 10, slowest of {TIMES}, seconds", slowest, BOUND_MANY),
            (f"the same, td's peak memory, MB", most, BOUND_MEMORY)]


if __name__ == "__main__":
    main()
