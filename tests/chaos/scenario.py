"""What will be done, drawn from a seed: the same seed gives the same jobs, faults, kinds and gaps.

Only the list is the same. Which process a fault hits, and what that was doing, is decided by real time: a fault says
`pick`, a number from 0 to 1, and the choice is made among what runs at that moment.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

from tests.chaos import workload
from tests.chaos.workload import JobSpec

STORM = {
    "kill_child": 22,
    "kill_worker": 14,
    "kill_beat": 5,
    "kill_api": 8,
    "stop_child": 6,
    "stop_worker": 4,
    "restart_broker": 4,
    "flush_broker": 3,
    "restart_postgres": 6,
    "storage_error": 6,
    "storage_stall": 5,
    "storage_cut": 6,
    "roll_workers": 3,
    "copy_messages": 6,
    "copy_all_messages": 3,
    "shuffle_messages": 4,
}
"""Every kind of fault and how often it comes, in shares."""


@dataclass(frozen=True)
class Fault:
    """One blow: after `gap_s` seconds, to whom `pick` says, for `hold_s` seconds where it lasts."""

    kind: str
    gap_s: float
    pick: float
    hold_s: float


@dataclass(frozen=True)
class Scenario:
    """Jobs and faults in the order in which they come."""

    seed: int
    jobs: tuple[JobSpec, ...]
    faults: tuple[Fault, ...]

    def timeline(self) -> list[JobSpec | Fault]:
        """Spread the faults evenly between the jobs."""
        places = [(index + 0.5) / len(self.faults) for index in range(len(self.faults))]
        marked: list[tuple[float, int, JobSpec | Fault]] = [
            (place, 1, event) for place, event in zip(places, self.faults, strict=True)
        ]
        marked += [(index / len(self.jobs), 0, event) for index, event in enumerate(self.jobs)]
        return [event for _, _, event in sorted(marked, key=lambda entry: entry[:2])]


def draw(seed: int, *, jobs: int, faults: int, lease_s: float) -> Scenario:
    """Return the scenario of a seed; every kind of fault comes once before any comes again."""
    return Scenario(
        seed, tuple(workload.draw(random.Random(f"{seed}/jobs"), jobs)), tuple(_faults(seed, faults, lease_s))
    )


def _faults(seed: int, count: int, lease_s: float) -> list[Fault]:
    chance = random.Random(f"{seed}/faults")
    kinds = list(STORM)
    chance.shuffle(kinds)
    kinds += chance.choices(list(STORM), list(STORM.values()), k=max(0, count - len(kinds)))
    return [
        Fault(
            kind,
            gap_s=round(min(chance.expovariate(1 / (lease_s / 6)), lease_s), 2),
            pick=chance.random(),
            hold_s=round(_hold(chance, kind, lease_s), 2),
        )
        for kind in kinds[:count]
    ]


def _hold(chance: random.Random, kind: str, lease_s: float) -> float:
    if kind.startswith("stop"):
        return lease_s * chance.uniform(1.2, 1.8)
    return chance.uniform(0.5, min(5.0, lease_s))
