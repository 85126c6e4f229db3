"""What a preview costs: `python -m bench.preview [--minutes 50] [--rows naive,seams,…]`.

A 1080p30 recording and an edit that keeps three fifths of it in two ranges: against the pass that anybody would write,
all of the recording decoded in full and encoded at 360 lines by FFmpeg (`scale=-2:360`, x264 veryfast). Prints a table
and writes bench/results/preview.json; of another length than 50 minutes, bench/results/preview-MINUTES.json. Every row
is a process of its own, measured with its children, on a recording that lies in the page cache. What would take too
long is measured on a part and multiplied; the row says so. Rows that need a proxy make it, unmeasured, if it is not
there from the row before.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from bench import goals, results
from bench.measure import BenchError, run
from bench.peers import ffmpeg
from bench.source import CACHE, recording, warm

_MINUTES = 50
_PART = 120
"""Seconds of the recording that FFmpeg's passes are measured on."""
_TIMEOUT = 3600.0
# Of the recording; no border is at a group of pictures.
_KEEP = ((Fraction(1, 10), Fraction(4, 10)), (Fraction(11, 20), Fraction(17, 20)))
_SMALL = ("-vf", "scale=-2:360", "-c:v", "libx264", "-preset", "veryfast", "-c:a", "aac", "-b:a", "128k")

Command = Callable[[Path, Path, int], list[str]]


def _ours(kind: str) -> Command:
    def command(source: Path, folder: Path, minutes: int) -> list[str]:
        keep = [f"{start}-{end}" for start, end in _ranges(minutes)]
        return [sys.executable, "-m", "bench.preview_side", kind, str(source), str(folder), *keep]

    return command


def _ffmpeg(source: Path, folder: Path, minutes: int) -> list[str]:
    part = min(_PART, minutes * 60)
    return [
        ffmpeg(), "-v", "error", "-y", "-t", str(part), "-i", str(source), *_SMALL, str(folder / "naive.mp4")
    ]  # fmt: skip


@dataclass(frozen=True)
class Way:
    """One row; of FFmpeg's pass `of` says how much of the recording it is multiplied for."""

    name: str
    what: str
    command: Command
    of: Fraction | None = None


WAYS = {
    way.name: way
    for way in (
        Way("naive", "ffmpeg, all of the recording at 360 lines", _ffmpeg, Fraction(1)),
        Way("anew", "ffmpeg, all of what is kept at 360 lines, for each edit", _ffmpeg, Fraction(3, 5)),
        Way("seams", "Cutwork, what plays first: around each cut", _ours("seams")),
        Way("proxy", "Cutwork, the proxy of all of the recording, once", _ours("proxy")),
        Way("edit", "Cutwork, a further edit's preview: film, poster, sprite sheet", _ours("edit")),
    )
}


def _ranges(minutes: int) -> list[tuple[Fraction, Fraction]]:
    whole = minutes * 60
    return [(start * whole + Fraction(1, 7), end * whole + Fraction(1, 7)) for start, end in _KEEP]


def measure(way: Way, minutes: int, folder: Path) -> dict[str, Any]:
    """The row of one way."""
    source, whole = recording(minutes), Fraction(minutes * 60 // 8 * 8)
    if way.name == "edit" and not (folder / "proxy.mp4").exists():
        run(_ours("proxy")(source, folder, minutes), timeout=_TIMEOUT)
    measured = whole if way.of is None else min(Fraction(_PART), whole)
    scale = Fraction(1) if way.of is None else whole * way.of / measured
    busy = results.load()
    results.note(f"{way.name}: of {minutes} min (load {busy}) …")
    cost = run(way.command(source, folder, minutes), timeout=_TIMEOUT)
    return {
        "row": way.name,
        "what": way.what,
        "source_minutes": minutes,
        "measured_s": str(measured),
        "extrapolated": scale != 1,
        "wall_s": round(float(cost.wall * scale), 2),
        "cpu_s": round(float(cost.cpu * scale), 2),
        "memory_mb": round(cost.memory / 1e6, 1),
        "read_mb": round(float(cost.read * scale / 1e6), 1),
        "load_before": busy,
        "size_mb": round(float(_size(folder / "naive.mp4") * scale / 1e6), 1) if way.of is not None else None,
        "result": json.loads(cost.output) if way.of is None else None,
        "repeat": f"python -m bench.preview --minutes {minutes} --rows {way.name}",
    }


def _size(path: Path) -> int:
    return path.stat().st_size


def against_naive(rows: list[dict[str, Any]]) -> None:
    """Add to each row which share of the naive pass's processor time and time it took, and its size."""
    naive = next((row for row in rows if row["row"] == "naive"), None)
    for row in rows:
        told = row["result"] or {}
        if "bytes" in told:
            row["size_mb"] = round(told["bytes"] / 1e6, 1)
        if naive is not None:
            row["cpu_ratio"] = round(row["cpu_s"] / naive["cpu_s"], 4)
            row["wall_ratio"] = round(row["wall_s"] / naive["wall_s"], 4)


_COLUMNS = {
    "way": "what",
    "wall, s": "wall_s",
    "CPU, s": "cpu_s",
    "CPU × naive": "cpu_ratio",
    "wall × naive": "wall_ratio",
    "memory, MB": "memory_mb",
    "read, MB": "read_mb",
    "size, MB": "size_mb",
    "extrapolated": "extrapolated",
}


def main() -> None:
    """Measure, show, save."""
    options = _options()
    warm(recording(options.minutes))
    with tempfile.TemporaryDirectory(dir=CACHE) as folder:
        rows = [measure(WAYS[name], options.minutes, Path(folder)) for name in options.rows.split(",")]
    against_naive(rows)
    results.show(rows, _COLUMNS)
    head = results.machine()
    target = "preview" if options.minutes == _MINUTES else f"preview-{options.minutes}"
    path = results.save(target, [head, *rows])
    results.show_goals(goals.preview(rows))
    print(f"\n{path}: {head['date']}, {head['cores']} cores, {head['cpu']}")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.preview", description=__doc__)
    parser.add_argument("--minutes", type=int, default=_MINUTES, help="length of the recording, 1 or more")
    parser.add_argument("--rows", default=",".join(WAYS), help="which rows, joined by commas (default: all)")
    options = parser.parse_args()
    if options.minutes < 1 or set(options.rows.split(",")) - set(WAYS):
        parser.error(f"--minutes is 1 or more, rows are {', '.join(WAYS)}")
    return options


if __name__ == "__main__":
    try:
        main()
    except BenchError as error:
        sys.exit(str(error))
