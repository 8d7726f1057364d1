"""Nodes at a Raspberry Pi 1's speed for the benchmarks, and renders on them.

A node is a td-agent with one slot in a control group with a CPU quota. All that the agent does (HTTP, hashing, reading the
state file, encoding) is paid out of that quota, as POV-Ray is. The master is outside of it: a desk computer.
"""
import contextlib
import ctypes
import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

# 1 ms of 62.5 ms, the kernel's least quota: blob at 800x600 takes plain povray about the paper's 35 s.
QUOTA_US = 1000
SHARE = 0.016
EXAMPLES = "/usr/share/doc/povray/examples"
# Ends a render that hangs: far above anything measured here.
LIMIT = 3600
# Bytes of a state file that has no block yet.
STATE_HEADER = 512
LIBC = ctypes.CDLL(None)
PR_SET_PDEATHSIG = 1


def fail(text):
    sys.exit(f"{os.path.basename(sys.argv[0])}: {text}")


# --- Control groups -------------------------------------------------------------------------------------------------

class Groups:
    """The parent of all nodes' groups: weighty, so that other work on the machine does not take their little from them."""

    def __init__(self):
        self.closed = False
        name = f"td-bench-{os.getpid()}"
        if os.path.isdir("/sys/fs/cgroup/cpu") and os.path.exists("/sys/fs/cgroup/cpu/cpu.shares"):
            self.version, self.path = 1, f"/sys/fs/cgroup/cpu/{name}"
            os.mkdir(self.path)
            write(f"{self.path}/cpu.shares", 100 * 1024)
        elif os.path.exists("/sys/fs/cgroup/cgroup.controllers"):
            self.version, self.path = 2, f"/sys/fs/cgroup/{name}"
            write("/sys/fs/cgroup/cgroup.subtree_control", "+cpu")
            os.mkdir(self.path)
            write(f"{self.path}/cgroup.subtree_control", "+cpu")
            write(f"{self.path}/cpu.weight", 10000)
        else:
            fail("needs control groups with the cpu controller")

    def close(self):
        """Ends all that still runs in any group: threads that wait for it then end too, and begin nothing more."""
        self.closed = True
        for _ in range(200):
            self.kill_all()
            with contextlib.suppress(OSError):
                for entry in os.scandir(self.path):
                    if entry.is_dir():
                        os.rmdir(entry.path)
                os.rmdir(self.path)
                return
            time.sleep(0.05)

    def kill_all(self):
        for entry in [entry for entry in os.scandir(self.path) if entry.is_dir()]:
            with contextlib.suppress(OSError):
                # One without its share of the processor would take long to die.
                Group.at(self, entry.path).set_share(None)
                with open(f"{entry.path}/cgroup.procs", encoding="ascii") as processes:
                    for process in processes.read().split():
                        os.kill(int(process), signal.SIGKILL)


class Group:
    """One node's CPU."""

    def __init__(self, groups, name):
        self.groups, self.path = groups, f"{groups.path}/{name}"
        if groups.closed:
            fail("was told to end")
        os.mkdir(self.path)

    @classmethod
    def at(cls, groups, path):
        """One that is there."""
        group = cls.__new__(cls)
        group.groups, group.path = groups, path
        return group

    def set_share(self, share):
        """At most `share` of one core from now on; None: no limit."""
        if self.groups.version == 1:
            if share is None:
                write(f"{self.path}/cpu.cfs_quota_us", -1)
                return
            # The quota stays, the period follows: one write where there is a limit already. The kernel begins a period with each, and
            # forgets what the group took too much.
            write(f"{self.path}/cpu.cfs_period_us", round(QUOTA_US / share))
            if read(f"{self.path}/cpu.cfs_quota_us") != str(QUOTA_US):
                write(f"{self.path}/cpu.cfs_quota_us", QUOTA_US)
        else:
            write(f"{self.path}/cpu.max", "max" if share is None else f"{QUOTA_US} {round(QUOTA_US / share)}")

    def enter(self):
        """Puts the calling process in. It ends with the thread that started it, also where that is killed."""
        write(f"{self.path}/cgroup.procs", os.getpid())
        LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)

    def remove(self):
        for _ in range(100):
            with contextlib.suppress(OSError):
                os.rmdir(self.path)
                return
            time.sleep(0.05)


class Twin:
    """A loop that takes all that a group of this share gets. The kernel gives a bit more than the share where it changes often."""

    def __init__(self, bench, share):
        self.group = Group(bench.groups, f"{bench.next_name()}")
        self.group.set_share(share)
        self.process = subprocess.Popen(["sh", "-c", "while :; do :; done"], stdin=subprocess.DEVNULL, preexec_fn=self.group.enter)

    def cpu(self):
        """CPU seconds so far."""
        with open(f"/proc/{self.process.pid}/schedstat", encoding="ascii") as stat:
            return int(stat.read().split()[0]) * 1e-9

    def stop(self):
        self.group.set_share(None)
        self.process.kill()
        self.process.wait()
        self.group.remove()


def read(path):
    with open(path, encoding="ascii") as file:
        return file.read().strip()


def write(path, value):
    with open(path, "w", encoding="ascii") as file:
        file.write(str(value))


def state_bytes(path):
    try:
        return os.stat(path).st_size
    except FileNotFoundError:
        return 0


# --- Nodes ----------------------------------------------------------------------------------------------------------

class Unix(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("agent", timeout=120)
        self.unix = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.unix)


class Node:
    """A td-agent with one slot and a cache of its own, at `share` of a core."""

    def __init__(self, bench, number, share):
        self.bench, self.number, self.share = bench, number, share
        self.group = Group(bench.groups, f"{bench.next_name()}")
        self.folder = tempfile.mkdtemp(prefix=f"node{number}-", dir=bench.folder)
        self.socket = f"{self.folder}/node{number}.sock"
        self.cache = f"{self.folder}/cache"
        os.makedirs(self.cache, mode=0o700)
        with open(f"{self.cache}/fingerprint.json", "w", encoding="utf-8") as out:
            json.dump(bench.fingerprint_at(share), out)
        # It is as slow as it will be from the first: the agent notes what the start of a spare POV-Ray takes.
        self.group.set_share(share)
        self.start()

    def start(self):
        command = [self.bench.agent, "serve", "--socket", self.socket, "--slots", "1", "--cache", self.cache,
                   "--name", f"node{self.number}"]
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, preexec_fn=self.group.enter)

    def comes_up(self):
        begun = time.monotonic()
        while not os.path.exists(self.socket):
            if self.process.poll() is not None or time.monotonic() - begun > 30:
                fail("td-agent did not start")
            time.sleep(0.01)

    def hello(self):
        """Waits until the agent knows its fingerprint."""
        for _ in range(100):
            with contextlib.suppress(ConnectionError, FileNotFoundError):
                connection = Unix(self.socket)
                connection.request("GET", "/hello")
                answer = json.loads(connection.getresponse().read())
                connection.close()
                return answer
            time.sleep(0.05)
        fail("an agent does not say hello")

    def comes_to_rest(self):
        """Waits until it has nothing to do any more: a node that has been on for some seconds."""
        self.comes_up()
        self.hello()
        begun = time.monotonic()
        seen = 0
        while seen < 3:
            if time.monotonic() - begun > 60:
                fail("an idle agent has no POV-Ray ready")
            time.sleep(0.1)
            seen = seen + 1 if self.has_spare() else 0

    def has_spare(self):
        """Whether a POV-Ray of the agent's is there, and all of its threads wait, or are stopped until it is needed."""
        states = []
        with open(f"{self.group.path}/cgroup.procs", encoding="ascii") as processes:
            for process in processes.read().split():
                with contextlib.suppress(OSError):
                    for thread in os.listdir(f"/proc/{process}/task"):
                        with open(f"/proc/{process}/task/{thread}/stat", encoding="ascii") as stat:
                            name, state = stat.read().split("(", 1)[1].rsplit(") ", 1)
                            if name == "povray":
                                states.append(state[0])
        return bool(states) and all(state in "ST" for state in states)

    def own_cpu(self):
        """CPU seconds of the agent itself, without its POV-Rays."""
        with open(f"/proc/{self.process.pid}/schedstat", encoding="ascii") as stat:
            main = int(stat.read().split()[0])
        threads = 0
        for thread in os.listdir(f"/proc/{self.process.pid}/task"):
            with contextlib.suppress(OSError), open(f"/proc/{self.process.pid}/task/{thread}/schedstat", encoding="ascii") as stat:
                threads += int(stat.read().split()[0])
        # Threads that have ended are only in the ticks of stat.
        with open(f"/proc/{self.process.pid}/stat", encoding="ascii") as stat:
            fields = stat.read().rsplit(")", 1)[1].split()
        ticks = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
        return max(ticks, threads * 1e-9, main * 1e-9)

    def stop_process(self):
        self.group.set_share(None)
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def stop(self):
        self.stop_process()
        self.group.remove()
        shutil.rmtree(self.folder, ignore_errors=True)


# --- Renders --------------------------------------------------------------------------------------------------------

class Bench:
    """`pace` is this machine's (pace.py): seconds are told at the pace that it had when the bench began."""

    def __init__(self, td, folder, groups, pace):
        self.pace = pace
        self.td, self.agent = td, os.path.join(os.path.dirname(td), "td-agent")
        self.folder = folder
        self.groups = groups
        self.names, self.lock = 0, threading.Lock()
        # The master is a computer of its own: what else runs here does not take its processor.
        self.desk = Group(self.groups, "master")
        self.fingerprint = self.measure_speed()
        self.warm = None
        self.master()

    def measure_speed(self, runs=7):
        """The fingerprint that all nodes tell. Eight real nodes of one model measure one speed; eight measurements of this
        machine, beside whatever else runs, do not. So it is measured some times, and the median is everybody's."""
        found = []
        for _ in range(runs):
            with tempfile.TemporaryDirectory(dir=self.folder) as folder:
                process = subprocess.Popen([self.agent, "serve", "--socket", f"{folder}/s.sock", "--slots", "1", "--cache", f"{folder}/cache"],
                                           stdin=subprocess.DEVNULL, preexec_fn=self.desk.enter)
                file = f"{folder}/cache/fingerprint.json"
                begun = time.monotonic()
                while not (os.path.exists(file) and os.path.getsize(file)):
                    if process.poll() is not None or time.monotonic() - begun > 60:
                        fail("td-agent does not take its fingerprint")
                    with contextlib.suppress(OSError):
                        # It is taken when somebody asks.
                        connection = Unix(f"{folder}/s.sock")
                        connection.request("GET", "/hello")
                        connection.getresponse().read()
                        connection.close()
                    time.sleep(0.02)
                with open(file, encoding="utf-8") as kept:
                    found.append(json.load(kept))
                process.terminate()
                process.wait()
        speeds = sorted(one["found"]["speed"] for one in found)
        print("speeds measured:", ", ".join(f"{speed:.2f}" for speed in speeds), file=sys.stderr)
        found[0]["found"]["speed"] = speeds[runs // 2]
        return found[0]

    def fingerprint_at(self, share):
        """As a node with this share of a core would have measured it."""
        told = json.loads(json.dumps(self.fingerprint))
        told["found"]["speed"] *= share
        return told

    def next_name(self):
        with self.lock:
            self.names += 1
            return f"n{self.names}"

    @contextlib.contextmanager
    def cluster(self, shares):
        nodes = []
        try:
            for number, share in enumerate(shares, 1):
                # Whatever happens from here on, what is started is ended: by the groups, where not by the node.
                nodes.append(Node(self, number, share))
            for node in nodes:
                node.comes_to_rest()
            yield nodes
        finally:
            for node in nodes:
                node.stop()

    def master(self):
        """A home for masters: cost maps are kept there from one render to the next. The fingerprint of the master's own
        POV-Ray is there already."""
        home = tempfile.mkdtemp(prefix="master-", dir=self.folder)
        if self.warm is None:
            # Any render on a node has the master take its own fingerprint.
            self.warm = tempfile.mkdtemp(prefix="warm-", dir=self.folder)
            self.render((f"{EXAMPLES}/objects/blob.pov", ["+W32", "+H24"]), [1.0], self.warm)
        for folder, _, files in os.walk(self.warm):
            if "fingerprint.json" in files:
                kept = os.path.join(home, os.path.relpath(folder, self.warm))
                os.makedirs(kept)
                shutil.copy(os.path.join(folder, "fingerprint.json"), kept)
        return home

    def render(self, job, shares, home, method="td", meanwhile=None):
        """Renders `job` on fresh agents; what came of it. `meanwhile(nodes, ended)` runs in a thread beside it."""
        with self.cluster(shares) as nodes:
            scene, switches = job
            out = f"{home}/{self.next_name()}.png"
            command = [self.td, "render", scene, *switches, "-o", out, "--json", "--method", method]
            for node in nodes:
                command += ["--agent", node.socket]
            environment = {"PATH": os.environ["PATH"], "HOME": home}
            environment |= {f"XDG_{kind}_HOME": f"{home}/{kind.lower()}" for kind in ("CACHE", "CONFIG", "STATE", "DATA")}
            before, turns = [node.own_cpu() for node in nodes], self.pace.count()
            ended = threading.Event()
            helper = threading.Thread(target=meanwhile, args=(nodes, ended)) if meanwhile else None
            begun = time.monotonic()
            if helper:
                helper.start()
            with tempfile.TemporaryFile() as events, tempfile.TemporaryFile() as said:
                process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=events, stderr=said,
                                           env=environment, cwd=os.path.dirname(scene), preexec_fn=self.desk.enter)
                # One read at the end: what td prints is for programs, and nobody has to look meanwhile.
                timer = threading.Timer(LIMIT, process.kill)
                timer.start()
                _, status, used = os.wait4(process.pid, 0)
                process.returncode = status
                wall, stretch = time.monotonic() - begun, self.pace.stretch_since(turns)
                timer.cancel()
                ended.set()
                if helper:
                    helper.join()
                events.seek(0)
                lines = events.read().splitlines()
                if status:
                    said.seek(0)
                    fail(f"{' '.join(command)} ended with {os.waitstatus_to_exitcode(status)}\n"
                         + said.read()[-2000:].decode(errors="replace"))
            done = json.loads(lines[-1])
            after = [node.own_cpu() for node in nodes]
            os.unlink(out)
            keep = os.environ.get("TD_BENCH_EVENTS")
            if keep:
                os.makedirs(keep, exist_ok=True)
                with open(f"{keep}/{self.next_name()}-{method}-{len(nodes)}-{os.path.basename(scene)}.jsonl", "wb") as file:
                    file.write(b"\n".join(lines))
            return Result(wall, stretch, done, used.ru_utime + used.ru_stime,
                          sum(b - a for a, b in zip(before, after)), sum(shares))

    @staticmethod
    def comes_to(fifo, process):
        """Waits until a thread of `process` waits for whoever opens the other end of `fifo`: on a busy machine that takes longer than
        usual, and what is not there yet cannot be let on."""
        begun = time.monotonic()
        while True:
            for thread in os.listdir(f"/proc/{process.pid}/task"):
                with contextlib.suppress(OSError):
                    if read(f"/proc/{process.pid}/task/{thread}/wchan") == "wait_for_partner":
                        return
            if process.poll() is not None or time.monotonic() - begun > 60:
                fail(f"povray does not come to {fifo}")
            time.sleep(0.1)

    def start_seconds(self, job, share, is_spare=False):
        """Until a POV-Ray of its own, on one node's share, has parsed the scene, set its trace up and traced a first block: what
        each start costs, whatever rows it is for. Of one that waits as spares do: what is left of its start. At the bench's pace."""
        scene, switches = job
        group = Group(self.groups, self.next_name())
        with tempfile.TemporaryDirectory(dir=self.folder) as folder:
            group.set_share(share)
            switches = [f"+I{os.path.basename(scene)}", f"+O{folder}/s.png", *switches, "+FN8", "+WT1", "-D", "-V"]
            command = ["povray", *switches]
            if is_spare:
                command = ["povray", f"{folder}/rows.ini"]
                os.mkfifo(f"{folder}/fifo")
                os.link(f"{folder}/fifo", command[1])
            begun, turns = time.monotonic(), self.pace.count()
            process = subprocess.Popen(command, cwd=os.path.dirname(scene), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                       stderr=subprocess.DEVNULL, preexec_fn=group.enter, env=os.environ | {"POV_TEMP_DIR": folder})
            if is_spare:
                self.comes_to(f"{folder}/fifo", process)
                # It rests there: what it took too much of its share is forgotten.
                time.sleep(0.5)
                with open(f"{folder}/new", "w", encoding="ascii") as ini:
                    ini.write("\n".join(switches) + "\n")
                os.rename(f"{folder}/new", command[1])
                begun, turns = time.monotonic(), self.pace.count()
                os.close(os.open(f"{folder}/fifo", os.O_WRONLY | os.O_NONBLOCK))
            while state_bytes(f"{folder}/s.pov-state") <= STATE_HEADER:
                if process.poll() is not None:
                    fail(f"povray ends before it traces: {' '.join(command)}")
                time.sleep(0.005)
            seconds = (time.monotonic() - begun) / self.pace.stretch_since(turns)
            process.kill()
            process.wait()
        group.remove()
        return seconds


class Result:
    """`wall`: seconds at the bench's pace; `measured`: those that passed; `stretch`: how many times longer these were for the pace."""

    def __init__(self, measured, stretch, done, master_cpu, agents_cpu, share):
        self.measured, self.stretch, self.wall = measured, stretch, measured / stretch
        self.done, self.master_cpu = done, master_cpu
        self.phases = done["phases"]
        self.second = self.phases["second_sequential"]
        self.starts = done["povray_starts"]
        # What the agents themselves used of all that their groups could.
        self.agents_share = agents_cpu / (measured * share)
        self.nodes = done["nodes"]


def middle(results):
    return sorted(results, key=lambda result: result.wall)[len(results) // 2]


def middle_measured(results):
    """The middle of the seconds that passed: those of `middle(results)` may be among the shortest."""
    return sorted(result.measured for result in results)[len(results) // 2]


def together(tasks):
    """Runs all of `tasks` (name to function) at the same time; name to what came back."""
    results, errors = {}, []

    def run(name, task):
        try:
            results[name] = task()
        except BaseException as error:  # pylint: disable=broad-except
            errors.append(error)

    threads = [threading.Thread(target=run, args=item) for item in tasks.items()]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]
    return results
