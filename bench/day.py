"""A day of arrivals against the chart's autoscaling: `python -m bench.day --film-hours 100`.

Jobs arrive at random, few at night and most at noon; their stages wait in queues and run on pods as long as the
measured constants say. The autoscaler looks as KEDA and the HPA do (docs/scaling.md); a pod takes a while to start, and
one that is to go ends its stage within the grace, or hands it over and its work is lost.
"""

from __future__ import annotations

import argparse
import heapq
import itertools
import math
import random
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial

from bench.scaling import EFFICIENCY, PARALLEL, Cost, Mix, Pool, chart, constants, costs, pods

DAY_S = 86400
START_S = 90.0
"""From the wish for a pod to its first stage: an image that is there, on a node that is there."""
OVERHEAD_S = 0.5
"""Of each stage: start of its process's work, storage, commit."""
SEGMENTS = 4
UP_LEAST, UP_SPAN_S = 4, 15.0
"""The HPA adds the larger of four pods and all that there are, each fifteen seconds."""
TOLERANCE = 0.1


@dataclass(order=True)
class Pod:
    """A pod: ready from `ready`, and taking nothing new when it `leaves`."""

    ready: float
    number: int
    running: list[Stage] = field(default_factory=list, compare=False)
    leaves: bool = field(default=False, compare=False)


@dataclass(eq=False)
class Stage:
    """A stage of a job that waits or runs, with what comes after it."""

    pool: str
    seconds: float
    job: Job
    since: float = 0.0


@dataclass
class Job:
    """What is left of a job: levels of stages, each with the pool and seconds of those that run side by side."""

    arrived: float
    levels: deque[list[tuple[str, float]]]
    open: int = 0


@dataclass
class Report:
    """A day's outcome: waits and times in seconds."""

    waits: dict[str, list[float]] = field(default_factory=dict)
    times: list[float] = field(default_factory=list)
    most: Counter[str] = field(default_factory=Counter)
    pod_hours: Counter[str] = field(default_factory=Counter)
    busy_hours: Counter[str] = field(default_factory=Counter)
    handed_over: int = 0
    left: int = 0

    def wait(self, pool: str, share: float) -> float:
        """The wait in a pool's queues that this share of stages did not exceed."""
        found = sorted(self.waits.get(pool, [0.0]))
        return found[min(len(found) - 1, int(share * len(found)))]


def arrivals(jobs: int, draw: random.Random) -> Iterator[float]:
    """Yield when jobs come: the density is 1 - 0.8 cos(2πt), lowest at midnight, 1.8 times the mean at noon."""
    found = 0
    while found < jobs:
        moment = draw.uniform(0, DAY_S)
        if draw.uniform(0, 1.8) <= 1 - 0.8 * math.cos(2 * math.pi * moment / DAY_S):
            found += 1
            yield moment


class Day:
    """The simulation: events by time, pods and queues by pool."""

    def __init__(self, pools: Mapping[str, Pool], mix: Mix, cost: Mapping[str, Cost], seed: int) -> None:
        self.pools, self.mix, self.cost = pools, mix, cost
        self.draw = random.Random(seed)
        self.report = Report()
        self.queues: dict[str, deque[Stage]] = {name: deque() for name in pools}
        self.pods: dict[str, list[Pod]] = {name: [] for name in pools}
        self.wanted: dict[str, deque[tuple[float, int]]] = {name: deque() for name in pools}
        self.removed: dict[str, deque[float]] = {name: deque() for name in pools}
        self.added: dict[str, deque[tuple[float, int]]] = {name: deque() for name in pools}
        self.events: list[tuple[float, int, Callable[[float], None]]] = []
        self.numbers = itertools.count()
        self.live = 0

    def run(self, jobs: int) -> Report:
        """Replay a day, and go on until what has come has ended, or for another day."""
        for moment in arrivals(jobs, self.draw):
            self.at(moment, self.arrive)
        for name, pool in self.pools.items():
            self.pods[name] = [Pod(0.0, next(self.numbers)) for _ in range(pool.least)]
            self.at(0.0, partial(self.look, name=name))
        self.live = jobs
        while self.events and self.live and self.events[0][0] < 2 * DAY_S:
            now, _, happen = heapq.heappop(self.events)
            happen(now)
        self.report.left = self.live
        return self.report

    def at(self, moment: float, happen: Callable[[float], None]) -> None:
        """Do something later, and tell it when."""
        heapq.heappush(self.events, (moment, next(self.numbers), happen))

    def arrive(self, now: float) -> None:
        """A job comes: its stages follow by level."""
        film = self.draw.expovariate(1 / self.mix.film_s)
        job = Job(now, deque(self._levels(film)))
        self.next_level(now, job)

    def _levels(self, film: float) -> Iterator[list[tuple[str, float]]]:
        if self.draw.random() < self.mix.cached:
            return
        yield [("light", self._seconds("probe", film))]
        exact, previewed = self.draw.random() < self.mix.exact, self.draw.random() < self.mix.previews
        cut = [("encode", self._seconds("trim-exact", film / SEGMENTS))] * SEGMENTS
        small = [("encode", self._seconds("proxy", film * self.mix.recorded / SEGMENTS))] * SEGMENTS
        yield [
            *(cut if exact else [("encode", self._seconds("trim-smart", film))]),
            *(small if previewed and self.draw.random() < self.mix.new else []),
        ]
        if exact:
            yield [("encode", self._seconds("publish", film))]  # the joint copies
        if previewed:
            yield [("encode", self._seconds("preview", film))]
        yield [("light", self._seconds("publish", film))]

    def _seconds(self, stage: str, film: float) -> float:
        pool = self.pools["light" if stage == "probe" else "encode"]
        cores = max(1.0, pool.cores * EFFICIENCY) if stage in PARALLEL else 1.0
        return OVERHEAD_S + self.cost[stage].of(film) / cores

    def next_level(self, now: float, job: Job) -> None:
        """Queue what comes next, or end the job."""
        if not job.levels:
            self.live -= 1
            self.report.times.append(now - job.arrived)
            return
        level = job.levels.popleft()
        job.open = len(level)
        for pool, seconds in level:
            self.queues[pool].append(Stage(pool, seconds, job, now))
        for pool, _ in level:
            self.start(now, pool)

    def start(self, now: float, name: str) -> None:
        """Give waiting stages to pods with a free process."""
        pool = self.pools[name]
        # The processes of a pod share its processors.
        slots = max(1, min(pool.processes, int(pool.cores * 2)))
        for pod in self.pods[name]:
            while self.queues[name] and not pod.leaves and pod.ready <= now and len(pod.running) < slots:
                stage = self.queues[name].popleft()
                self.report.waits.setdefault(name, []).append(now - stage.since)
                pod.running.append(stage)
                self.at(now + stage.seconds, partial(self.end, pod=pod, stage=stage, began=now))

    def end(self, now: float, *, pod: Pod, stage: Stage, began: float) -> None:
        """A stage ends, if its pod was not gone before."""
        if pod not in self.pods[stage.pool]:
            return
        pod.running.remove(stage)
        self.report.busy_hours[stage.pool] += (now - began) / 3600
        if pod.leaves and not pod.running:
            self.pods[stage.pool].remove(pod)
        stage.job.open -= 1
        if not stage.job.open:
            self.next_level(now, stage.job)
        self.start(now, stage.pool)

    def look(self, now: float, *, name: str) -> None:
        """The autoscaler looks: desired is what waits and runs by the stages a pod is for, within bounds and speeds."""
        pool, there = self.pools[name], [pod for pod in self.pods[name] if not pod.leaves]
        load = len(self.queues[name]) + sum(len(pod.running) for pod in self.pods[name])
        ratio = load / pool.processes / max(1, len(there))
        desired = len(there) if abs(ratio - 1) <= TOLERANCE else math.ceil(load / pool.processes)
        desired = min(pool.most, max(pool.least, desired))
        self.wanted[name].append((now, desired))
        while self.wanted[name][0][0] < now - pool.quiet_s:
            self.wanted[name].popleft()
        if desired > len(there):
            grown = min(desired, len(there) + max(UP_LEAST, len(there)))
            for _ in range(grown - len(there)):
                pod = Pod(now + START_S, next(self.numbers))
                self.pods[name].append(pod)
                self.at(pod.ready, partial(self.start, name=name))
        else:
            self._shrink(now, name, there, max(count for _, count in self.wanted[name]))
        self.report.most[name] = max(self.report.most[name], sum(not pod.leaves for pod in self.pods[name]))
        self.report.pod_hours[name] += len(self.pods[name]) * pool.look_s / 3600
        self.start(now, name)
        self.at(now + pool.look_s, partial(self.look, name=name))

    def _shrink(self, now: float, name: str, there: list[Pod], needed: int) -> None:
        pool, removed = self.pools[name], self.removed[name]
        while removed and removed[0] <= now - 60:
            removed.popleft()
        count = min(len(there) - needed, pool.down_a_minute - len(removed))
        for pod in sorted(there, reverse=True)[: max(0, count)]:
            removed.append(now)
            pod.leaves = True
            if pod.running:
                self.at(now + pool.grace_s, partial(self.kill, name=name, pod=pod))
            else:
                self.pods[name].remove(pod)

    def kill(self, now: float, *, name: str, pod: Pod) -> None:
        """The grace is over: what the pod still runs is begun anew elsewhere."""
        if pod not in self.pods[name]:
            return
        self.pods[name].remove(pod)
        for stage in pod.running:
            self.report.handed_over += 1
            stage.since = now
            self.queues[name].appendleft(stage)
        self.start(now, name)


def main() -> None:
    """Replay a day at the chart's values, with as many pods allowed as the model asks for."""
    from dataclasses import replace

    parser = argparse.ArgumentParser(prog="python -m bench.day", description=__doc__)
    parser.add_argument("--film-hours", type=float, default=100, help="hours of film an hour, in the busiest hour")
    parser.add_argument("--exact", type=float, default=0.1, help="share of jobs that are encoded whole")
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    mix, cost = Mix(exact=asked.exact), costs(constants())
    pools = {}
    for name in ("light", "encode"):
        pool = chart(name)
        pools[name] = replace(pool, most=max(pool.least, pods(asked.film_hours, name, mix, cost, pool.cores)))
    report = Day(pools, mix, cost, asked.seed).run(jobs_a_day(asked.film_hours, mix))
    print(f"{len(report.times)} jobs done, {report.left} left, {report.handed_over} stages handed over")
    for name, pool in pools.items():
        used = report.busy_hours[name] / (report.pod_hours[name] or 1)
        waits = f"median {report.wait(name, 0.5):.0f} s, 95 % {report.wait(name, 0.95):.0f} s"
        hours = f"{report.pod_hours[name]:.0f} pod hours, {used:.2f} stages at once in a pod"
        print(f"{name}: at most {report.most[name]} pods of {pool.most}, {hours}; waits: {waits}")


def jobs_a_day(film_hours: float, mix: Mix) -> int:
    """Jobs of a day whose busiest hour brings so many hours of film: 1.8 times the mean."""
    return round(film_hours * 3600 / mix.film_s * 24 / 1.8)


if __name__ == "__main__":
    main()
