"""What will be done, drawn from a seed: the same seed gives the same jobs, faults, kinds and gaps.

Only the list is the same. Which process a fault hits, and what that was doing, is decided by real time: a fault says
`pick`, a number from 0 to 1, and the choice is made among what runs at that moment.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

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

_KINDS_OF_JOB = {
    "smart": 34,
    "exact": 22,
    "brand": 12,
    "preview": 10,
    "again": 12,
    "text": 3,
    "past_end": 3,
    "cancel": 8,
}


@dataclass(frozen=True)
class Fault:
    """One blow: after `gap_s` seconds, to whom `pick` says, for `hold_s` seconds where it lasts."""

    kind: str
    gap_s: float
    pick: float
    hold_s: float


@dataclass(frozen=True)
class JobSpec:
    """One request: the body without its input, the source by name, and how it may end.

    `fresh` uploads the source anew under other bytes, so that nothing of it is known; `cancel_s` is when its user
    cancels it, in seconds after it was accepted.
    """

    number: int
    kind: str
    gap_s: float
    source: str
    body: Mapping[str, Any] = field(hash=False)
    fresh: bool = False
    cancel_s: float | None = None
    codes: tuple[str, ...] = ()


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
    return Scenario(seed, tuple(_jobs(random.Random(f"{seed}/jobs"), jobs)), tuple(_faults(seed, faults, lease_s)))


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


def _jobs(chance: random.Random, count: int) -> list[JobSpec]:
    made: list[JobSpec] = []
    for number in range(count):
        kind = chance.choices(list(_KINDS_OF_JOB), list(_KINDS_OF_JOB.values()))[0]
        gap_s = round(min(chance.expovariate(1.0), 4.0), 2)
        earlier = [spec for spec in made if spec.kind in {"smart", "exact", "brand", "preview"} and not spec.fresh]
        if kind == "again" and earlier:
            known = chance.choice(earlier)
            made.append(JobSpec(number, kind, gap_s, known.source, known.body))
        else:
            made.append(_job(chance, number, "smart" if kind == "again" else kind, gap_s))
    return made


def _job(chance: random.Random, number: int, kind: str, gap_s: float) -> JobSpec:
    long = kind in {"exact", "cancel"}
    source = chance.choice(("long-a", "long-b") if long else ("short-a", "short-b", "short-c"))
    body: dict[str, Any] = {"keep": _ranges(chance, 40 if long else 12), "preview": None}
    if long:
        body["mode"] = "exact"
    if kind == "preview":
        body["preview"] = {"height": 144}
    if kind == "brand":
        intro = {"title": f"Part {chance.randrange(50)}", "duration": f"0.{chance.randrange(4, 10)}"}
        body["brand"] = {"intro": intro, "outro": {"title": "The end", "duration": "0.5"}}
        if chance.random() < 0.5:
            body["preview"] = {"height": 144}
    if kind == "text":
        return JobSpec(number, kind, gap_s, "text", body, fresh=True, codes=("unsupported_format",))
    if kind == "past_end":
        body["keep"] = [{"start": "5", "end": f"{chance.randrange(60, 90)}"}]
        return JobSpec(number, kind, gap_s, source, body, fresh=True, codes=("range_past_end",))
    cancel_s = round(chance.uniform(0.0, 3.0), 2) if kind == "cancel" else None
    return JobSpec(number, kind, gap_s, source, body, fresh=chance.random() < 0.1, cancel_s=cancel_s)


def _ranges(chance: random.Random, seconds: int) -> list[dict[str, str]]:
    """One or two ranges on the frames of 25 a second, the second one after the first."""
    frames = seconds * 25
    cuts = sorted(chance.sample(range(frames), 4))
    pairs = [(cuts[0], cuts[1] + 5), (cuts[2] + 6, cuts[3] + 12)]
    if chance.random() < 0.4:
        pairs = [(cuts[0], cuts[3] + 1)]
    return [{"start": f"{a / 25:.2f}", "end": f"{min(b, frames) / 25:.2f}"} for a, b in pairs if min(b, frames) > a]
