#!/usr/bin/env python3
"""td against the paper's way on nodes at a Raspberry Pi 1's speed (nodes.py); see speed.sh, which starts this.

speed.py TD FOLDER [quick]      FOLDER is for caches and pictures, and removed at the end; ends with 1 when a bound is missed.
"""
import json
import os
import random
import shutil
import signal
import statistics
import sys
import threading
import time
from contextlib import closing
from functools import partial

from nodes import Bench, EXAMPLES, Groups, QUOTA_US, SHARE, Twin, middle, middle_measured, together
from pace import Pace

NODES = 8
# Scenes for which the quota is another, so that one node takes five to ten minutes; in the quick form a half of that.
SHARES = {"wineglass": 0.064, "landscape": 0.064}
QUICK_SHARES = {"wineglass": 0.128, "landscape": 0.128, "3200x2400": 0.032}
# Rendered once, not three times: more than three minutes on one node.
LONG = ("3200x2400", "wineglass", "landscape")
# So many rounds of a size, three where it is not named: renders of six seconds spread by a tenth, and are soon done.
ROUNDS = {"800x600": 5}
# So many rounds at the same time: each of the size takes ten minutes and a twelfth of this machine's CPU time.
SIDE_BY_SIDE = {"3200x2400": 3}
# Renders on eight nodes with an unknown and with a known map, in one round.
MOST_PAIRS = 3


def ideal(alone, start):
    """How long eight nodes take at best for what one does in `alone` seconds, if each starts once."""
    return start + (alone - start) / NODES


def wall_of(results, method):
    return f"{results[method].wall:.1f}" if method in results else "-"


class Round:
    """T1 of one job, and what was rendered beside it."""

    def __init__(self):
        self.starts, self.lefts = [], []
        self.classic, self.unknown, self.known = [], [], []
        self.alone = self.alone_classic = None

    @property
    def start(self):
        return statistics.median(self.starts)

    @property
    def left(self):
        return statistics.median(self.lefts)

    def ceiling(self, start):
        return self.alone.wall / ideal(self.alone.wall, start)

    def of_ceiling(self, results, start, as_measured=False):
        """What the median of `results` reaches of the ceiling: at one pace, or as measured."""
        if as_measured:
            return ideal(self.alone.wall, start) * self.alone.stretch / middle_measured(results)
        return ideal(self.alone.wall, start) / middle(results).wall


class Tables:
    def __init__(self, bench, quick):
        self.bench, self.quick = bench, quick
        self.shares = QUICK_SHARES if quick else SHARES
        self.missed, self.record = [], {"rows": []}
        self.alone, self.starts = {}, {}

    def check(self, what, value, bound, name, results):
        """`value` compares the middle one of `results` with T1 of the job `name`, in seconds at one pace. As measured it has to keep its
        bound as well."""
        measured = value * self.alone[name].stretch * middle(results).wall / middle_measured(results)
        return self.verdict(what, value, measured, bound)

    def verdict(self, what, value, measured, bound):
        ok = min(value, measured) >= bound
        if not ok:
            self.missed.append(f"{what}: {value:.3f} ({measured:.3f} as measured), bound {bound}")
        return f"{value:.3f} ({measured:.3f}) | {bound:.2f} | {'ok' if ok else 'MISSED'}"

    def runs(self, name):
        return 1 if name in LONG or (self.quick and name != "800x600") else 3

    def beside(self, jobs, eights):
        """Measures T1 of all `jobs` (by name), each on a node of its own, one run after the other, while `eights` does what there is to do
        on eight nodes: so both meet the same machine, which is not always as fast. Each needs a sixtieth of a core. `eights` gets a
        function that measures a start of POV-Ray for a job's name; what it returns is called when T1 is known."""
        starts = {name: [] for name in jobs}

        def start(name):
            starts[name].append(self.bench.start_seconds(jobs[name], self.shares.get(name, SHARE)))

        def alone(name, job):
            share = self.shares.get(name, SHARE)
            return lambda: [self.bench.render(job, [share], self.bench.master()) for _ in range(self.runs(name))]

        found = together({name: alone(name, job) for name, job in jobs.items()} | {"eight nodes": lambda: eights(start)})
        tell = found.pop("eight nodes")
        self.alone |= {name: middle(results) for name, results in found.items()}
        self.starts |= {name: statistics.median(seconds) for name, seconds in starts.items()}
        tell()

    def both(self, job, shares, meanwhile=lambda method: None):
        """td and, but in the quick form, the paper's way on nodes of its own at the same time. `meanwhile(method)` is what happens to the
        nodes of one of them."""
        methods = ["td"] if self.quick else ["td", "classic"]
        return together({method: partial(self.bench.render, job, shares, self.bench.master(), method, meanwhile(method)) for method in methods})

    def eight(self, job, runs, home=None, share=SHARE, **more):
        return [self.bench.render(job, [share] * NODES, home or self.bench.master(), **more) for _ in range(runs)]

    def round(self, name, job):
        """T1 both ways, each on a node of its own, and beside them on eight nodes: the paper's way once, and td with an unknown map and
        then with a known one, again and again until T1 is known, some times at most."""
        share, alone_over, beside = self.shares.get(name, SHARE), threading.Event(), Round()

        def alone(method):
            return lambda: self.bench.render(job, [share], self.bench.master(), method)

        def eights():
            beside.starts.append(self.bench.start_seconds(job, share))
            beside.lefts.append(self.bench.start_seconds(job, share, is_spare=True))
            beside.classic += self.eight(job, 1, share=share, method="classic")
            while not beside.known or (len(beside.known) < MOST_PAIRS and not alone_over.is_set()):
                home = self.bench.master()
                beside.unknown += self.eight(job, 1, home, share)
                beside.known += self.eight(job, 1, home, share)
            beside.starts.append(self.bench.start_seconds(job, share))

        def both():
            try:
                return together({method: alone(method) for method in ("td", "classic")})
            finally:
                # Also where a render fails: nobody waits for more then.
                alone_over.set()

        found = together({"alone": both, "eights": eights})
        beside.alone, beside.alone_classic = found["alone"]["td"], found["alone"]["classic"]
        return beside

    def rounds(self, name, job):
        if self.quick:
            return [self.round(name, job) for _ in range(self.runs(name))]
        if name in SIDE_BY_SIDE:
            return list(together({number: lambda: self.round(name, job) for number in range(SIDE_BY_SIDE[name])}).values())
        return [self.round(name, job) for _ in range(ROUNDS.get(name, 3))]

    def by_size(self, sizes):
        rounds = {name: self.rounds(name, job) for name, job, _ in sizes}
        print("\n## One image, eight equal nodes\n")
        print("T1: td on one such node. ceiling: T1 / (start + (T1 - start) / 8). Whole commands, wall seconds at one pace.")
        print("A round: T1, and beside it renders on eight nodes. Ratios are medians over the rounds, each of its own T1 and start and of the median "
              "of its renders; seconds are medians of all.\n")
        print("| blob | rounds, renders | T1 td | T1 classic | start | classic on 8 | td on 8, map unknown | map known | classic's speedup "
              "| td's | known | ceiling | unknown / ceiling | bound | | known / ceiling | bound | | 2nd sequential |")
        print("|" + "---|" * 19)
        for name, _, bounds in sizes:
            self.size_row(name, rounds[name], bounds)
        print("\nThe start is that of a POV-Ray that is started when the job is there. Spares have done a part of it before (T1 is less by it, too); "
              "with what is left of it in its place:\n")
        print("| blob | left of a start | ceiling | unknown / ceiling | known / ceiling |\n|" + "---|" * 5)
        for name, _, _ in sizes:
            left = statistics.median(one.left for one in rounds[name])
            numbers = [statistics.median(numbers) for numbers in zip(*(
                (one.ceiling(one.left), one.of_ceiling(one.unknown, one.left), one.of_ceiling(one.known, one.left)) for one in rounds[name]))]
            print(f"| {name} | {left:.2f} | {numbers[0]:.2f} | {numbers[1]:.3f} | {numbers[2]:.3f} |", flush=True)

    def size_row(self, name, rounds, bounds):
        def median(number):
            return statistics.median(number(one) for one in rounds)

        def all_of(which):
            return [result for one in rounds for result in which(one)]

        classic, unknown, known = all_of(lambda one: one.classic), all_of(lambda one: one.unknown), all_of(lambda one: one.known)
        second = max(result.second for result in unknown + known)
        walls = [middle(results).wall for results in (classic, unknown, known)]
        speedups = [median(lambda one: one.alone_classic.wall / middle(one.classic).wall),
                    median(lambda one: one.alone.wall / middle(one.unknown).wall), median(lambda one: one.alone.wall / middle(one.known).wall)]
        cells = []
        for what, which, bound in (("unknown", lambda one: one.unknown, bounds[0]), ("known", lambda one: one.known, bounds[1])):
            value = median(lambda one, which=which: one.of_ceiling(which(one), one.start))
            measured = median(lambda one, which=which: one.of_ceiling(which(one), one.start, as_measured=True))
            cells.append(self.verdict(f"{name}, map {what}", value, measured, bound))
        print(f"| {name} | {len(rounds)}, {len(unknown)} | {median(lambda one: one.alone.wall):.1f} | {median(lambda one: one.alone_classic.wall):.1f} | "
              f"{median(lambda one: one.start):.2f} | " + " | ".join(f"{value:.1f}" for value in walls + speedups)
              + f" | {median(lambda one: one.ceiling(one.start)):.2f} | {cells[0]} | {cells[1]} | {second:.3f} |", flush=True)
        if second >= 0.1:
            self.missed.append(f"{name}: second sequential part {second:.3f} s, bound 0.1 s")
        self.note(name, unknown=unknown, known=known, classic=classic)

    def note(self, name, **groups):
        for kind, results in groups.items():
            self.record["rows"].append({
                "name": name, "kind": kind, "walls": [round(result.wall, 2) for result in results],
                "measured": [round(result.measured, 2) for result in results],
                "phases": [result.phases for result in results],
                "starts": [result.starts for result in results],
                "agents_share": [round(result.agents_share, 4) for result in results],
                "master_cpu": [round(result.master_cpu, 3) for result in results],
            })

    def overheads(self):
        print("\n## What td itself cost (medians)\n")
        print("| render | strips | agents' own CPU, of their nodes' | master's CPU, s | 1st sequential | parallel | 2nd sequential |")
        print("|" + "---|" * 7)
        for row in self.record["rows"]:
            median = statistics.median
            phase = lambda which, row=row: median(phases[which] for phases in row["phases"])
            print(f"| {row['name']}, {row['kind']} | {median(row['starts']):.0f} | {100 * median(row['agents_share']):.1f} % | "
                  f"{median(row['master_cpu']):.2f} | {phase('first_sequential'):.2f} | {phase('parallel'):.2f} | "
                  f"{phase('second_sequential'):.3f} |")
        sys.stdout.flush()

    def uneven(self, scenes):
        found = {}

        def eights(start):
            for name, job, _ in scenes:
                share = self.shares.get(name, SHARE)
                start(name)
                found[name] = (self.eight(job, 1, share=share, method="classic"), self.eight(job, 1, share=share))
                start(name)
            return tell

        def tell():
            print("\n## Uneven scenes, eight equal nodes, map unknown\n")
            print("| scene | T1 td | start | classic on 8 | td on 8 | classic's speedup | td's | ceiling | of the ceiling | bound | |")
            print("|" + "---|" * 11)
            for name, job, bound in scenes:
                alone, start = self.alone[name].wall, self.starts[name]
                classic, own = found[name]
                ceiling = alone / ideal(alone, start)
                speedup = alone / own[0].wall
                print(f"| {name} {' '.join(job[1])}, nodes of {self.shares.get(name, SHARE)} core | {alone:.1f} | {start:.2f} | {classic[0].wall:.1f} | "
                      f"{own[0].wall:.1f} | {alone / classic[0].wall:.2f} | "
                      f"{speedup:.2f} | {ceiling:.2f} | {self.check(name, speedup / ceiling, bound, name, own)} |", flush=True)
                self.note(name, td=own, classic=classic)

        self.beside({name: job for name, job, _ in scenes}, eights)

    def long_parse(self, name, job, start):
        start(name)
        first = self.both(job, [SHARE] * NODES)
        own = [first["td"]]
        for _ in range(0 if self.quick else 2):
            start(name)
            own += self.eight(job, 1)

        def tell():
            print("\n## A scene with a long parse P: of (P + R) / (P + R / 8)\n")
            print("| scene | T1 td | P | R | classic on 8 | td on 8 | speedup | possible | of it | bound | |")
            print("|" + "---|" * 11)
            alone, parse = self.alone[name].wall, self.starts[name]
            possible = alone / ideal(alone, parse)
            speedup = alone / middle(own).wall
            print(f"| {name} | {alone:.1f} | {parse:.1f} | {alone - parse:.1f} | {wall_of(first, 'classic')} | {middle(own).wall:.1f} | {speedup:.2f} | {possible:.2f} | "
                  f"{self.check(name, speedup / possible, 0.90, name, own)} |", flush=True)
            self.note(name, td=own)

        return tell

    def changing(self, name, job, start):
        """Speeds that differ, and speeds that change: against what the speeds that were there could do, and beside the paper's way."""
        share = self.shares.get(name, SHARE)
        start(name)
        speeds = [1, 1, 2, 4, 1, 1, 2, 4]
        unit = 8 / sum(speeds)
        # The sum of the speeds is that of eight equal nodes; a slow node takes longer to start.
        unequal = self.both(job, [share * unit * speed for speed in speeds])
        start(name)
        # Unequal nodes take a bit longer than equal ones: about the middle.
        drop_at = 0.45 * unequal["td"].measured

        def drops(nodes, ended):
            if not ended.wait(drop_at):
                nodes[2].group.set_share(share / 4)
        dropped = self.both(job, [share] * NODES, lambda _: drops)
        start(name)

        # What each node really got, by a loop in a group like its own.
        shaken = {method: [[] for _ in range(NODES)] for method in ("td", "classic")}

        def shakes(nodes, ended, plans):
            dice, twins = random.Random(7), []
            try:
                for _ in nodes:
                    twins.append(Twin(self.bench, share))
                begun, taken = time.monotonic(), [twin.cpu() for twin in twins]
                moment, over = 0.0, False
                while not over:
                    over = ended.wait(5)
                    since, moment = moment, time.monotonic() - begun
                    for index, twin in enumerate(twins):
                        before, taken[index] = taken[index], twin.cpu()
                        plans[index].append((since, (taken[index] - before) / (moment - since) / share))
                        if not over:
                            factor = dice.uniform(0.25, 1.0)
                            nodes[index].group.set_share(share * factor)
                            twin.group.set_share(share * factor)
            finally:
                for twin in twins:
                    twin.stop()
        shaking = self.both(job, [share] * NODES, lambda method: lambda nodes, ended: shakes(nodes, ended, shaken[method]))

        def tell():
            alone, start_seconds = self.alone[name].wall, self.starts[name]
            print(f"\n## Speeds that differ or change ({name}, nodes of {share} core, T1 {alone:.1f} s): of what the speeds that were there "
                  "could do, one start counted in\n")
            print("| nodes | classic on 8 | td on 8 | possible | of it | bound | |")
            print("|" + "---|" * 7)
            drop = [[(0.0, 1.0)] for _ in range(NODES)]
            drop[2].append((drop_at, 0.25))
            for what, text, results, plans, bound in (
                    ("1:1:2:4", "speeds 1:1:2:4, twice", unequal, [[(0.0, unit * speed)] for speed in speeds], 0.90),
                    ("a drop", f"one drops to a quarter after {drop_at:.0f} s", dropped, drop, 0.88),
                    ("random quotas", "all change each 5 s, 0.25 to 1", shaking, shaken["td"], 0.85)):
                result = results["td"]
                # The changes came at their moments, whatever the pace.
                plans = [[(moment / result.stretch, speed) for moment, speed in plan] for plan in plans]
                possible = self.possible(alone - start_seconds, plans, start_seconds)
                print(f"| {text} | {wall_of(results, 'classic')} | {result.wall:.1f} | {possible:.1f} | "
                      f"{self.check(what, possible / result.wall, bound, name, [result])} |", flush=True)
                self.note(what, td=[result])

        return tell

    def parse_and_changing(self, parse, changing):
        """Either may be None."""
        def eights(start):
            tells = []
            if changing:
                tells.append(self.changing(*changing, start))
            if parse:
                tells.insert(0, self.long_parse(*parse, start))
            return lambda: [tell() for tell in tells]

        self.beside(dict(filter(None, (parse, changing))), eights)

    @staticmethod
    def possible(work, plans, start):
        """When `work` (seconds at speed 1) is done if each node starts once (`start` seconds at speed 1) and none ever
        waits. A plan is a list of (moment, speed)."""
        def done(end):
            total = 0.0
            for plan in plans:
                spent = 0.0
                for (since, speed), until in zip(plan, [moment for moment, _ in plan[1:]] + [end]):
                    spent += max(0.0, min(until, end) - since) * speed
                total += max(0.0, spent - start)
            return total
        low, high = 0.0, 1e5
        for _ in range(60):
            middle_of = (low + high) / 2
            low, high = (middle_of, high) if done(middle_of) < work else (low, middle_of)
        return high


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    td, folder, quick = sys.argv[1], sys.argv[2], "quick" in sys.argv[3:]
    # What is started here ends with this, however it ends.
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda number, _: sys.exit(128 + number))
    only = os.environ.get("TD_BENCH_ONLY", "sizes,uneven,parse,changing").split(",")
    try:
        with closing(Groups()) as groups, closing(Pace(folder)) as pace:
            measure(Bench(td, folder, groups, pace), folder, quick, only)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def measure(bench, folder, quick, only):
    begun, began_at = time.monotonic(), bench.pace.count()
    blob = f"{EXAMPLES}/objects/blob.pov"
    parse = f"{folder}/long-parse.pov"
    with open(blob, encoding="utf-8") as scene, open(parse, "w", encoding="utf-8") as out:
        out.write(scene.read() + "\n#declare N = 0; #while (N < 160000) #declare N = N + 1; #declare M = sin(N); #end\n")
    tables = Tables(bench, quick)
    with open("/proc/loadavg", encoding="ascii") as load:
        load = load.read().split()[0]
    print(f"Eight td-agents, each with {QUOTA_US / 1000:g} ms of {QUOTA_US / SHARE / 1000:g} ms of one core ({SHARE} of it); "
          f"the agents' own work is inside, the master is not (it has this machine: {os.cpu_count()} cores, load {load}).")
    print("All nodes tell one measured speed times their share. " + ("QUICK FORM: three rounds of 800x600 only; uneven scenes and changing speeds on faster nodes." if quick else "Medians of 3, and of what takes one node more than three minutes one, where no table tells how many."))
    print("All seconds are at the pace that this machine had at the begin (pace.py); a ratio as it was measured, without that, is in brackets; both have to keep the bound.")
    print("Before each render the nodes were at rest: each agent had a spare POV-Ray in its slot.")
    print("Renders on one node ran beside those on eight, each on a node of its own, so that all met the same machine; no core ever slept. "
          f"Caches and pictures in {folder.rsplit('/', 1)[0]}.")
    middle_size = (blob, ["+W1600", "+H1200"])
    sizes = [("800x600", (blob, ["+W800", "+H600"]), (0.85, 0.90)), ("1600x1200", middle_size, (0.90, 0.94))]
    if not quick:
        sizes.append(("3200x2400", (blob, ["+W3200", "+H2400"]), (0.94, 0.96)))
    # Not smaller in the quick form: rows of these are exact in whole bands of 32 only, and eight strips of few bands cannot be even.
    uneven = [("wineglass", (f"{EXAMPLES}/advanced/wineglass.pov", ["+W1800", "+H1350"]), 0.85),
              ("landscape", (f"{EXAMPLES}/advanced/landscape.pov", ["+W3200", "+H2400"]), 0.85)]
    # Speeds that change each five seconds take a job that lasts.
    changing, changing_job = "3200x2400", (blob, ["+W3200", "+H2400"])
    sizes = [size for size in sizes if size[0] in os.environ.get("TD_BENCH_SIZES", size[0]).split(",")]
    if "sizes" in only:
        tables.by_size(sizes)
    if "uneven" in only:
        tables.uneven(uneven)
    if "parse" in only or "changing" in only:
        long_parse = ("long parse", (parse, ["+W1600", "+H1200"]))
        tables.parse_and_changing(long_parse if "parse" in only else None, (changing, changing_job) if "changing" in only else None)
    tables.overheads()
    with open("/proc/loadavg", encoding="ascii") as load:
        print(f"\nLoad at the end {load.read().split()[0]}; took {(time.monotonic() - begun) / 60:.1f} minutes.")
    record = os.environ.get("TD_BENCH_RECORD")
    if record:
        with open(record, "w", encoding="utf-8") as file:
            json.dump(tables.record, file, indent=1)
    print(f"From the begin to the end POV-Ray took {bench.pace.stretch_since(began_at):.2f} times what it takes at the pace of the begin.")
    for text in tables.missed:
        print(f"MISSED: {text}")
    sys.exit(1 if tables.missed else 0)


if __name__ == "__main__":
    main()
