"""What is asked of the engine, as ratios of rows that were measured in one run, and whether it is met.

Each function takes the rows of a benchmark; a goal whose rows are missing is left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from bench.source import GROUPS, RATE

Rows = Sequence[Mapping[str, Any]]

_PERIOD = sum(GROUPS)


@dataclass(frozen=True)
class Goal:
    """A goal in words, what was measured of it, and whether that is enough."""

    goal: str
    measured: str
    met: bool


def trim(rows: Rows) -> Iterator[Goal]:
    """Goals of `bench.trim`."""
    whole = {row["row"]: row for row in rows if row.get("table") is None}
    smart, peer = whole.get("smart"), whole.get("ffmpeg-veryfast")
    if smart is None:
        return
    cpu = smart["cpu_s"]
    if peer is not None:
        yield _least("smart cut: CPU of ffmpeg veryfast over ours", peer["cpu_s"] / cpu, 100)
    if "ffmpeg-copy" in whole and "edges" in whole:
        limit = whole["ffmpeg-copy"]["cpu_s"] + 1.2 * whole["edges"]["cpu_s"]
        yield _most("smart cut: our CPU over `-c copy` and 1.2 × the edges alone", cpu / limit, 1)
    yield Goal(
        "smart cut: frames encoded, of those in the groups that the cuts touch",
        " and ".join(f"{frames} of {group}" for frames, group in _edges(smart)),
        all(frames <= group for frames, group in _edges(smart)),
    )
    yield from _peers(rows)
    yield from _flat([row for row in rows if row.get("table") == "one minute"])


def io(rows: Rows) -> Iterator[Goal]:
    """Goals of `bench.io`."""
    found = [row["read_to_needed"] for row in rows if row["row"] in {"smart", "copy"}]
    if found:
        yield _most("one minute: bytes read over index and groups", max(found), 1.1)


def parallel(rows: Rows) -> Iterator[Goal]:
    """Goals of `bench.parallel`."""
    two = next((row for row in rows if row["row"] == "workers-2"), None)
    if two is not None:
        yield _least("exact, 2 workers: speed over ffmpeg with 2 threads", two["speed_ratio"], 0.95)
        yield _most("exact, 2 workers: CPU over one process", two["cpu_ratio"], 1.1)


def images(rows: Rows) -> Iterator[Goal]:
    """Goals of `bench.images`."""
    for row in rows:
        if row.get("side") == "cutwork":
            yield _most(f"{row['row']}: time over the fastest of all sides", row["ratio"], 1.1)
            yield _most(f"{row['row']}: CPU over the cheapest of all sides", row["cpu_ratio"], 1.1)


def preview(rows: Rows) -> Iterator[Goal]:
    """Goals of `bench.preview`: shares of a pass that decodes all in full and encodes all."""
    found = {row["row"]: row for row in rows if "cpu_ratio" in row}
    for name, goal, key, limit in (
        ("seams", "first playable: time over the naive pass", "wall_ratio", 0.02),
        ("proxy", "whole proxy: CPU over the naive pass", "cpu_ratio", 0.5),
        ("edit", "a second edit's preview: CPU over the naive pass", "cpu_ratio", 0.02),
    ):
        if name in found:
            yield Goal(f"{goal}: at most {limit:g}", f"{found[name][key]:.3f}", found[name][key] <= limit)


def _edges(smart: Mapping[str, Any]) -> list[tuple[int, int]]:
    """The frames that were encoded at the start and at the end of the range, and those of the groups there."""
    seams = {seam["at"]: seam["frames"] for seam in smart["result"]["seams"]}
    start, end = (Fraction(time) for time in smart["keep_s"])
    return [
        (sum(frames for at, frames in seams.items() if at == "0"), _group(start)),
        (sum(frames for at, frames in seams.items() if at != "0"), _group(end)),
    ]


def _group(time: Fraction) -> int:
    """Frames of the recording's group of pictures at a time."""
    left = time % _PERIOD
    for length in GROUPS:
        if left < length:
            return int(length * RATE)
        left -= length
    raise AssertionError("groups fill their period")


def _peers(rows: Rows) -> Iterator[Goal]:
    """Against smartcut, row by row."""
    pairs = [
        (ours, theirs)
        for ours in rows
        for theirs in rows
        if (ours["row"], theirs["row"]) == ("smart", "smartcut")
        and all(ours.get(key) == theirs.get(key) for key in ("source_minutes", "table"))
    ]
    if pairs:
        ratio = min(theirs["cpu_s"] / ours["cpu_s"] for ours, theirs in pairs)
        yield _least("CPU of smartcut over ours, on every row", ratio, 1)
        exact = sum(ours["exact"] for ours, _ in pairs)
        yield Goal("exact on every row", f"{exact} of {len(pairs)}", exact == len(pairs))


def _flat(rows: Rows) -> Iterator[Goal]:
    ours = [row["cpu_s"] for row in rows if row["row"] == "smart"]
    if len(ours) > 1:
        yield _most("one minute: dearest over cheapest length of recording, CPU", max(ours) / min(ours), 1.2)


def _most(goal: str, found: float, limit: float) -> Goal:
    return Goal(f"{goal}: at most {limit:g}", f"{found:.2f}", found <= limit)


def _least(goal: str, found: float, limit: float) -> Goal:
    return Goal(f"{goal}: at least {limit:g}", f"{found:.2f}", found >= limit)
