#!/usr/bin/env python3
"""health-in-a-render.py PROGRAMS WORK PAIRS: what a render pays for asking an agent for its health.

One agent with one slot, and pairs of renders of one picture: in one of each pair the questions for its health pass, and the
probe runs once a minute; in the other they are answered with 404, as an agent that is too old answers, after which no more
come. Both go through the same proxy, whose CPU does not count. Compared is the CPU of the agent, the master and the probe,
without POV-Ray's. Prints the median over the pairs of what health adds, in % of the whole render's CPU, its POV-Ray's
included, and how many questions were asked in each. Needs root, for the probe.
"""
import os
import socket
import statistics
import subprocess
import sys
import threading
import time

PROGRAMS, WORK, PAIRS = sys.argv[1], sys.argv[2], int(sys.argv[3])
SCENE = "/usr/share/doc/povray/examples/objects/blob.pov"
SIZE = ["+W2000", "+H1500", "+A0.0", "+R3"]
TICK = os.sysconf("SC_CLK_TCK")


class Proxy:
    """Between master and agent: HTTP/1.1, request by request."""

    def __init__(self, agent):
        self.agent, self.passes, self.asked = agent, True, 0
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.listen, daemon=True).start()

    def listen(self):
        while True:
            client, _ = self.listener.accept()
            threading.Thread(target=self.serve, args=(client,), daemon=True).start()

    def serve(self, client):
        try:
            with client, socket.create_connection(("127.0.0.1", self.agent)) as agent:
                threading.Thread(target=pump, args=(agent, client), daemon=True).start()
                requests = client.makefile("rb")
                while head := read_head(requests):
                    if head.startswith(b"GET /health"):
                        self.asked += 1
                        if not self.passes:
                            client.sendall(b"HTTP/1.1 404 Not Found\r\ncontent-length: 2\r\n\r\n{}")
                            continue
                    agent.sendall(head)
                    pass_body(head, requests, agent)
        except OSError:
            # One of the two has gone: so does the connection.
            pass


def pump(source, sink):
    try:
        while data := source.recv(1 << 16):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)
    except OSError:
        pass


def read_head(stream):
    head = b""
    while line := stream.readline():
        head += line
        if line == b"\r\n":
            return head
    return b""


def pass_body(head, source, sink):
    fields = dict(line.lower().split(b":", 1) for line in head.split(b"\r\n")[1:] if b":" in line)
    if b"chunked" in fields.get(b"transfer-encoding", b""):
        while size := source.readline():
            length = int(size.split(b";")[0], 16)
            sink.sendall(size + source.read(length + 2))
            if length == 0:
                return
    left = int(fields.get(b"content-length", b"0"))
    while left > 0 and (data := source.read(min(left, 1 << 16))):
        sink.sendall(data)
        left -= len(data)


def cpu(pid):
    """Seconds of the process itself, and of the children that it has buried: its POV-Rays."""
    fields = open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()
    user, system, child_user, child_system = map(int, fields[11:15])
    return (user + system) / TICK, (child_user + child_system) / TICK


def bury(agent):
    """Waits until the agent has buried its POV-Rays: the master has its picture before, and until then their CPU is nobody's."""
    end = time.monotonic() + 20
    while subprocess.run(["pgrep", "-P", str(agent.pid)], stdout=subprocess.DEVNULL, check=False).returncode == 0:
        if time.monotonic() > end:
            sys.exit("health-in-a-render.py: the agent still has children 20 seconds after the picture")
        time.sleep(0.1)


def ended(process):
    """Waits for it; its CPU seconds."""
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        sys.exit(f"health-in-a-render.py: {process.args[:2]} ended with {process.returncode}")
    return usage.ru_utime + usage.ru_stime


def render(proxy, agent, asks):
    proxy.passes, proxy.asked = asks, 0
    before, povray_before = cpu(agent.pid)
    # No POV-Ray for the master's own probe: its CPU would count as the master's.
    surroundings = dict(os.environ, TD_POVRAY="/nonexistent", XDG_STATE_HOME=f"{WORK}/state", XDG_CACHE_HOME=f"{WORK}/home")
    typed = [f"{PROGRAMS}/td", "render", SCENE, "--agent", f"127.0.0.1:{proxy.port}", *SIZE, "--fresh", "--quiet", "-o", f"{WORK}/out.png"]
    master = subprocess.Popen(typed, env=surroundings)
    begun, probes, spent = time.monotonic(), 0, 0.0
    while asks and os.waitid(os.P_PID, master.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
        if time.monotonic() - begun >= 60 * probes:
            probes += 1
            spent += ended(subprocess.Popen([f"{PROGRAMS}/td-agent", "probe", "--user", "nobody", "--name", "bench"]))
        time.sleep(0.5)
    spent += ended(master)
    bury(agent)
    after, povray = cpu(agent.pid)
    return spent + after - before, povray - povray_before, proxy.asked


def main():
    said = open(f"{WORK}/said-in-a-render", "w+")
    serve = [f"{PROGRAMS}/td-agent", "serve", "--slots", "1", "--listen", "127.0.0.1:0", "--cache", f"{WORK}/in-a-render"]
    agent = subprocess.Popen(serve, stderr=said)
    try:
        while not os.path.exists(f"{WORK}/in-a-render/fingerprint.json"):
            if agent.poll() is not None:
                sys.exit("health-in-a-render.py: the agent has ended: " + open(said.name).read())
            time.sleep(0.1)
        heard = [line for line in open(said.name) if "listens on 127.0.0.1:" in line]
        proxy = Proxy(int(heard[0].rsplit(":", 1)[1]))
        render(proxy, agent, True)
        added, questions = [], []
        for pair in range(PAIRS):
            # Who comes first changes, or a machine that gets warm would favour one of the two.
            took = {asks: render(proxy, agent, asks) for asks in ([True, False] if pair % 2 else [False, True])}
            (on, povray, asked), (off, _, refused) = took[True], took[False]
            if asked < 2 or refused > 2:
                sys.exit(f"health-in-a-render.py: asked {asked} times, and {refused} times where no answer came: no comparison")
            added.append(100 * (on - off) / (off + povray))
            questions.append(asked)
        print(f"{statistics.median(added):.3f} {min(questions)}")
    finally:
        agent.terminate()
        agent.wait()


main()
