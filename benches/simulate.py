#!/usr/bin/env python3
"""The tables of `td simulate`; see simulate.sh, which starts this.

simulate.py TD [quick]      ends with 1 when a bound is missed.
"""
import json
import math
import os
import subprocess
import sys

MAPS = ("blob", "woodbox", "wineglass", "landscape", "sunsethf", "chess2")
METHODS = ("td", "equal-strips", "guided-self-scheduling", "factoring")
SPEEDS = ("1", "1,1,2,4")
# The bounds are to hold with no more than the probe's map and finished bands, though agents tell more.
TOLD = "bands"
# The same small cluster with other dice, so that its few decisions take a time that can be told.
SEEDS = {10: 60, 100: 8, 1000: 2, 10000: 1}


class Bounds:
    def __init__(self):
        self.missed = []

    def check(self, what, is_kept):
        if not is_kept:
            self.missed.append(what)
        return "ok" if is_kept else "MISSED"


def simulate(td, *arguments):
    command = [td, "simulate", "--json", "--told", TOLD, *map(str, arguments)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL) as process:
        last = None
        for line in process.stdout:
            last = line
    if process.returncode:
        sys.exit(f"simulate.py: {' '.join(command)} ended with {process.returncode}")
    return json.loads(last)


def growth(td, bounds, sizes):
    print("\n## By the number of nodes (map blob; 1,000 rows and ten minutes of work for each, a start 0.6 s)\n")
    print("The scheduler sees only the probe's map and finished bands (--told bands).")
    print("makespan / ideal: the worst of some seeds. Decisions: CPU of the scheduler, all events of one simulation.\n")
    print("| nodes | rows | seeds | makespan / ideal | bound | | events | decisions, CPU s | bound | | CPU us for each event | times that of 10 nodes | log n / log 10 | |")
    print("|" + "---|" * 14, flush=True)
    first = None
    for nodes in sizes:
        runs = [simulate(td, "--nodes", nodes, "--seed", seed) for seed in range(1, SEEDS[nodes] + 1)]
        worst = max(run["makespan"] / run["ideal"] for run in runs)
        events = sum(run["decisions"] for run in runs) / len(runs)
        seconds = sum(run["decision_seconds"] for run in runs) / len(runs)
        each = seconds / events * 1e6
        first = first or each
        most = {1000: 1.03, 10000: 1.10}.get(nodes)
        says = bounds.check(f"{nodes} nodes, makespan", worst <= most) if most else ""
        cpu = bounds.check(f"{nodes} nodes, CPU of all decisions", seconds < 2) if nodes == 1000 else ""
        slower, log = each / first, math.log(nodes) / math.log(10)
        grows = "" if nodes == sizes[0] else bounds.check(f"{nodes} nodes, CPU of a decision", slower <= log)
        print(f"| {nodes} | {runs[0]['rows']} | {len(runs)} | {worst:.4f} | {most or ''} | {says} | {events:.0f} | {seconds:.4f} | "
              f"{2 if nodes == 1000 else ''} | {cpu} | {each:.2f} | {slower:.2f} | {log:.2f} | {grows} |", flush=True)


def references(td, bounds):
    for speeds in SPEEDS:
        print(f"\n## 1,000 nodes, speeds {speeds}: efficiency (strips started for each node)\n")
        print("| map | " + " | ".join(METHODS) + " | td first |")
        print("|" + "---|" * (len(METHODS) + 2), flush=True)
        for name in MAPS:
            runs = {method: simulate(td, "--nodes", 1000, "--speeds", speeds, "--map", name, "--method", method)
                    for method in METHODS}
            best = min(runs[method]["makespan"] for method in METHODS[1:])
            says = bounds.check(f"{name}, speeds {speeds}: first", runs["td"]["makespan"] < best)
            cells = (f"{run['efficiency']:.3f} ({run['starts'] / run['nodes']:.1f})" for run in runs.values())
            print(f"| {name} | {' | '.join(cells)} | {says} |", flush=True)


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    td, bounds = sys.argv[1], Bounds()
    with open("/proc/loadavg", encoding="ascii") as load:
        print(f"{os.cpu_count()} cores, load {load.read().split()[0]}")
    growth(td, bounds, (10, 100, 1000) if "quick" in sys.argv[2:] else (10, 100, 1000, 10000))
    references(td, bounds)
    print()
    for text in bounds.missed:
        print(f"MISSED: {text}")
    sys.exit(1 if bounds.missed else 0)


if __name__ == "__main__":
    main()
