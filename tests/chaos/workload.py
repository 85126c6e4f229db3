"""The jobs of a scenario: what is asked of which source, drawn from a seed."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

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


def draw(chance: random.Random, count: int) -> list[JobSpec]:
    """Return so many jobs; one in eight asks for what an earlier one asked for."""
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
    body: dict[str, Any] = {"keep": _ranges(chance, 30 if long else 12), "preview": None}
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
        body["keep"] = [{"start": "5", "end": f"{chance.randrange(40, 90)}"}]
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
