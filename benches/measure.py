#!/usr/bin/env python3
"""What programs cost, for overhead.sh, strip.sh and memory.sh. Needs nothing but Linux's /proc.

measure.py cpu PROGRAM [ARGUMENT ...]
    Runs PROGRAM and prints: wall seconds, CPU seconds of it and all its descendants. Descendants count when
    their parents wait for them; td waits for its td-agent and td-agent for each POV-Ray, those it kills too.

measure.py served TD CACHE SLOTS ARGUMENT ...
    Starts the td-agent beside TD, runs `TD render --json --fresh --agent SOCKET ARGUMENT ...` and prints: CPU seconds
    of td itself, of td-agent itself, of all POV-Rays and of the agent that td starts for its own probe; peak MB of td,
    of td-agent; strips; pictures' bytes.

measure.py planned TD CACHE SLOTS ARGUMENT ...
    The same with `TD plan`, which does all that comes before the first strip; prints CPU seconds of td.

measure.py idle TD CACHE
    Prints the resident MB of a td-agent that has started (the fingerprint taken) and has no work.
"""
import json
import os
import resource
import subprocess
import sys
import tempfile
import time

TICKS = os.sysconf("SC_CLK_TCK")


def memory(pid, field):
    """A field of /proc/PID/status in MB; None once the process has ended."""
    try:
        with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as status:
            for line in status:
                if line.startswith(field + ":"):
                    return int(line.split()[1]) / 1024
    except (FileNotFoundError, ProcessLookupError):
        pass
    return None


def processor(pid):
    """CPU seconds of the process itself, and of the children that it has waited for (proc(5))."""
    with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as stat:
        user, system, child_user, child_system = map(int, stat.read().rsplit(")", 1)[1].split()[11:15])
    return (user + system) / TICKS, (child_user + child_system) / TICKS


def own_nanoseconds(pid):
    """CPU time of the process without its children, finer than /proc's ticks: its CPU clock (clock_getcpuclockid(3))."""
    return time.clock_gettime_ns((~pid << 3) | 2)


class Agent:
    """A td-agent of its own socket; ends with the `with` block."""

    def __init__(self, td, cache, slots):
        self.folder = tempfile.TemporaryDirectory(prefix="td-bench-")
        self.socket = os.path.join(self.folder.name, "agent.sock")
        program = os.path.join(os.path.dirname(td), "td-agent")
        self.process = subprocess.Popen(
            [program, "serve", "--embedded", "--socket", self.socket, "--slots", str(slots), "--cache", cache],
            stdin=subprocess.PIPE,
        )
        self.pid = self.process.pid

    def __enter__(self):
        begun = time.monotonic()
        while not os.path.exists(self.socket):
            if self.process.poll() is not None or time.monotonic() - begun > 15:
                sys.exit("td-agent did not start")
            time.sleep(0.01)
        self.settle()
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.folder.cleanup()

    def settle(self):
        """Waits until the agent has used no CPU and has no child for a second (10 at most)."""
        last, quiet = None, 0
        for _ in range(100):
            with open(f"/proc/{self.pid}/task/{self.pid}/children", encoding="ascii") as children:
                now = (processor(self.pid), children.read())
            quiet = quiet + 1 if now == last and not now[1] else 0
            if quiet == 10:
                return
            last = now
            time.sleep(0.1)


def cpu(command):
    begun = time.monotonic()
    with tempfile.TemporaryFile() as said:
        status = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=said, stderr=said, check=False).returncode
        wall = time.monotonic() - begun
        if status:
            said.seek(0)
            sys.exit(said.read()[-2000:].decode(errors="replace") + f"{command[0]} ended with {status}")
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    print(f"{wall:.3f} {used.ru_utime + used.ru_stime:.3f}")


def served(td, cache, slots, *arguments):
    with Agent(td, cache, slots) as agent, tempfile.TemporaryFile() as events, tempfile.TemporaryFile() as said:
        before = processor(agent.pid)
        command = [td, "render", "--json", "--fresh", "--agent", agent.socket, *arguments]
        master = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=events, stderr=said)
        peak = 0
        while os.waitid(os.P_PID, master.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
            peak = memory(master.pid, "VmHWM") or peak
            time.sleep(0.002)
        # It is a zombie here, whose times can still be read.
        own, probe = own_nanoseconds(master.pid) / 1e9, processor(master.pid)[1]
        _, status, _ = os.wait4(master.pid, 0)
        if status:
            said.seek(0)
            sys.exit(said.read()[-2000:].decode(errors="replace") + f"td ended with {os.waitstatus_to_exitcode(status)}")
        agent.settle()
        after = processor(agent.pid)
        events.seek(0)
        done = json.loads(events.read().splitlines()[-1])
        strips = sum(node["strips"] for node in done["nodes"].values())
        print(
            f"{own:.4f} {after[0] - before[0]:.2f} {after[1] - before[1] + probe:.2f} "
            f"{peak:.1f} {memory(agent.pid, 'VmHWM'):.1f} {strips} {done['bytes']}"
        )


def planned(td, cache, slots, *arguments):
    with Agent(td, cache, slots) as agent:
        command = [td, "plan", "--json", "--agent", agent.socket, *arguments]
        master = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        os.waitid(os.P_PID, master.pid, os.WEXITED | os.WNOWAIT)
        own = own_nanoseconds(master.pid) / 1e9
        _, status, _ = os.wait4(master.pid, 0)
        if status:
            sys.exit(f"td plan ended with {os.waitstatus_to_exitcode(status)}")
        print(f"{own:.4f}")


def idle(td, cache):
    with Agent(td, cache, 2) as agent:
        print(f"{memory(agent.pid, 'VmRSS'):.1f}")


if __name__ == "__main__":
    if len(sys.argv) < 3 or sys.argv[1] not in ("cpu", "served", "planned", "idle"):
        sys.exit(__doc__)
    if sys.argv[1] == "cpu":
        cpu(sys.argv[2:])
    else:
        {"served": served, "planned": planned, "idle": idle}[sys.argv[1]](*sys.argv[2:])
