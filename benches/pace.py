#!/usr/bin/env python3
"""This machine's pace, which others on the same host change by a tenth and more from one minute to the next.

pace.py [RUNS]      renders the same picture RUNS times (60) on a seventh of a core, and prints how POV-Ray's CPU time follows the pace.
"""
import math
import mmap
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import closing

from nodes import EXAMPLES, Group, Groups, LIBC, PR_SET_PDEATHSIG, fail

# Where the pace is a tenth lower, POV-Ray takes so many tenths more CPU time, about: what this program prints as the exponent. The loop
# keeps a core busier than POV-Ray does, and so loses more when it has to share it with other machines of the host.
POWER = 0.8
# The first pace is taken from so many CPU seconds of each core, or from what there is after so many seconds: other work goes first.
FIRST, LATEST = 1.0, 30.0


class Pace:
    """A loop on each core that gives way to everything else. A core with nothing to do sleeps, and how soon and how fast it is
    there again for a node's next millisecond depends on what else runs: one node was a fourth faster beside a dozen others than
    alone. So no core ever sleeps, whatever is measured. The loops count their turns, and the CPU time that these took."""

    TURNS = 20000

    def __init__(self, folder):
        self.file = os.path.join(folder, "pace")
        cores = sorted(os.sched_getaffinity(0))
        with open(self.file, "wb") as file:
            file.write(bytes(16 * len(cores)))
        with open(self.file, "rb") as file:
            self.counted = memoryview(mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ)).cast("d")
        self.loops = []
        for index, core in enumerate(cores):
            process = os.fork()
            if process == 0:
                try:
                    self.loop(index, core)
                finally:
                    os._exit(1)
            self.loops.append(process)
        begun = time.monotonic()
        while min(seconds for _, seconds in self.count()) < FIRST and time.monotonic() - begun < LATEST:
            time.sleep(0.1)
        self.usual = self.since([(0.0, 0.0)] * len(cores))
        if not self.usual:
            self.close()
            fail(f"other work left no core any time within {LATEST:.0f} s: the pace of this machine cannot be told")

    def loop(self, index, core):
        for number in (signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_DFL)
        LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        os.sched_setaffinity(0, {core})
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
        with open(self.file, "r+b") as file:
            counted = memoryview(mmap.mmap(file.fileno(), 0)).cast("d")
        turns, begun = 0, time.thread_time()
        while True:
            for _ in range(self.TURNS):
                pass
            turns += self.TURNS
            # Item by item: whoever reads in between must not find zeros.
            counted[2 * index], counted[2 * index + 1] = turns, time.thread_time() - begun

    def count(self):
        """(turns, CPU seconds) of each core's loop so far."""
        counted = self.counted.tolist()
        return list(zip(counted[::2], counted[1::2]))

    def since(self, before):
        """Millions of turns in a CPU second since that count, the mean of the cores that had time for any; None where none had."""
        rates = [(more - turns) / (longer - seconds) / 1e6
                 for (turns, seconds), (more, longer) in zip(before, self.count()) if longer > seconds]
        return statistics.mean(rates) if rates else None

    def stretch_since(self, before):
        """How many times longer than at the first pace POV-Ray has taken since that count."""
        return (self.usual / (self.since(before) or self.usual)) ** POWER

    def close(self):
        for loop in self.loops:
            os.kill(loop, signal.SIGKILL)
            os.waitpid(loop, 0)
        self.loops = []


def measure(runs, folder, groups, pace):
    """Logarithms of POV-Ray's CPU seconds for one picture, so many times, and of the pace meanwhile."""
    group = Group(groups, "node")
    group.set_share(0.128)
    command = ["povray", f"+I{EXAMPLES}/objects/blob.pov", "+W800", "+H600", f"+O{folder}/out.png", "-D", "-V", "+WT1"]
    seconds, paces = [], []
    for _ in range(runs):
        begun = pace.count()
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL, preexec_fn=group.enter)
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = status
        if status:
            sys.exit(f"pace.py: povray ended with {os.waitstatus_to_exitcode(status)}")
        seconds.append(math.log(used.ru_utime + used.ru_stime))
        paces.append(math.log(pace.since(begun) or pace.usual))
    return seconds, paces


def main():
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 60
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda number, _: sys.exit(128 + number))
    with tempfile.TemporaryDirectory(prefix="td-pace-", dir="/dev/shm") as folder, closing(Groups()) as groups, closing(Pace(folder)) as pace:
        seconds, paces = measure(runs, folder, groups, pace)
    exponent, _ = statistics.linear_regression(paces, seconds)
    at_one_pace = [one + POWER * other for one, other in zip(seconds, paces)]
    print("| blob at 800x600, so many times | CPU time, median | its variation | the pace's | correlation | exponent "
          f"| variation at one pace (exponent {-POWER}) |\n" + "|---" * 7 + "|")
    print(f"| {runs} | {math.exp(statistics.median(seconds)):.3f} s | {statistics.stdev(seconds):.1%} | {statistics.stdev(paces):.1%} | "
          f"{statistics.correlation(paces, seconds):.2f} | {exponent:.2f} | {statistics.stdev(at_one_pace):.1%} |")


if __name__ == "__main__":
    main()
