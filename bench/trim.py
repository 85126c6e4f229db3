"""What a trim costs, against others: `python -m bench.trim [--minutes 50] [--rows smart,ffmpeg-copy,…]`.

Prints tables and writes bench/results/trim.json, in which rows that were not measured now stay as they were, marked as
of an earlier run; of another length than 50 minutes, bench/results/trim-MINUTES.json. Every row is a process of its
own, measured with its children, on a recording that lies in the page cache. What would take too long is measured on a
part and multiplied; the row says so.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from bench import exact, goals, results
from bench.measure import BenchError, Cost, run
from bench.peers import ffmpeg, peer
from bench.source import CACHE, RATE, recording, warm

# Both begin and end in the middle of groups of pictures.
PART_OF_ALL = (Fraction(3, 10), Fraction(9, 10))
MINUTE = (Fraction(305), Fraction(365))
_MINUTES = 50
_ONE_MINUTE = "one minute"
_PARTS = ("nothing", "edges")
_TIMEOUT = 900.0
_CORES = str(os.cpu_count())

Command = Callable[[Path, Path, Fraction, Fraction], list[str]]


@dataclass(frozen=True)
class Way:
    """A way to cut. `part` seconds are cut instead of all where that would take too long; `repeat` runs are made, of
    which the one with the median CPU counts."""

    name: str
    what: str
    command: Command
    part: Fraction | None = None
    repeat: int = 1


def _engine(mode: str) -> Command:
    return lambda source, target, start, end: [
        sys.executable, "-m", "bench.cut_by_engine", mode, str(source), str(target), f"{start}-{end}",
    ]  # fmt: skip


def _ffmpeg(*options: str) -> Command:
    return lambda source, target, start, end: [
        ffmpeg(), "-v", "error", "-ss", _plain(start), "-to", _plain(end), "-i", str(source), *options, str(target),
    ]  # fmt: skip


def _smartcut(source: Path, target: Path, start: Fraction, end: Fraction) -> list[str]:
    return [str(peer("smartcut") / "smartcut"), str(source), str(target), "--keep", f"{_plain(start)},{_plain(end)}"]


def _moviepy(source: Path, target: Path, start: Fraction, end: Fraction) -> list[str]:
    python = str(peer("moviepy") / "python")
    return [python, "bench/cut_by_moviepy.py", str(source), str(target), _plain(start), _plain(end)]


_VERYFAST = ("-c:v", "libx264", "-preset", "veryfast", "-threads", _CORES, "-c:a", "aac")
WAYS = {
    way.name: way
    for way in (
        Way("smart", "Cutwork, smart cut with certificate", _engine("smart"), repeat=3),
        Way("copy", "Cutwork, copy mode (keyframes)", _engine("copy"), repeat=3),
        Way("ffmpeg-copy", "ffmpeg -c copy", _ffmpeg("-c", "copy"), repeat=3),
        Way("smartcut", "smartcut 1.7 (PyPI)", _smartcut, repeat=3),
        Way("exact", "Cutwork, exact mode (re-encodes all)", _engine("exact"), part=Fraction(60)),
        Way("ffmpeg-veryfast", "ffmpeg, x264 veryfast", _ffmpeg(*_VERYFAST), part=Fraction(60)),
        Way("moviepy", "MoviePy 2.2.1, its defaults (x264 medium)", _moviepy, part=Fraction(30)),
    )
}
FLAT = ("smart", "ffmpeg-copy", "smartcut")


def measure(way: Way, minutes: int, keep: tuple[Fraction, Fraction]) -> dict[str, Any]:
    """The row of one way on one recording."""
    source, (start, whole_end) = recording(minutes), keep
    end = whole_end if way.part is None else min(start + way.part, whole_end)
    scale = (whole_end - start) / (end - start)
    busy = results.load()
    results.note(f"{way.name}: {_plain(end - start)} s of {minutes} min (load {busy}) …")
    with tempfile.TemporaryDirectory(dir=CACHE) as folder:
        target = Path(folder) / "cut.mp4"
        command = way.command(source, target, start, end)
        costs = [_once(command, target) for _ in range(way.repeat)]
        found = exact.check(target, round(start * RATE), round((end - start) * RATE))
    cost = sorted(costs, key=lambda one: one.cpu)[len(costs) // 2]
    return {
        "row": way.name,
        "what": way.what,
        "source_minutes": minutes,
        "keep_s": [_plain(start), _plain(whole_end)],
        "measured_s": _plain(end - start),
        "extrapolated": scale != 1,
        "wall_s": round(cost.wall * scale, 2),
        "cpu_s": round(cost.cpu * scale, 2),
        "cpu_s_of_runs": [round(one.cpu, 2) for one in costs],
        "memory_mb": round(max(one.memory for one in costs) / 1e6, 1),
        "read_mb": round(cost.read * scale / 1e6, 1),
        "written_mb": round(cost.written * scale / 1e6, 1),
        "load_before": busy,
        "exact": found.exact,
        "shown": found.text,
        "stored": found.stored,
        "frames": asdict(found),
        "result": _result(cost) if command[0] == sys.executable else None,
        "command": _shown(command),
        "repeat": f"python -m bench.trim --minutes {minutes} --rows {way.name}",
    }


def _once(command: Sequence[str], target: Path) -> Cost:
    target.unlink(missing_ok=True)
    return run(command, timeout=_TIMEOUT)


def _result(cost: Cost) -> Any:
    return json.loads(cost.output)


def floor(minutes: int, smart: dict[str, Any]) -> list[dict[str, Any]]:
    """The parts of a smart cut that nobody can save: starting, and encoding the edge frames that `smart` encoded."""
    # Half a frame early, since times in results are rounded.
    source, start = recording(minutes), Fraction(smart["keep_s"][0]) - 1 / RATE / 2
    edges = [
        (start + Fraction(seam["at"]), start + Fraction(seam["at"]) + Fraction(seam["frames"]) / RATE)
        for seam in smart["result"]["seams"]
        if seam["frames"]
    ]
    base = [sys.executable, "-m", "bench.cut_by_engine"]
    rows = []
    for name, what, command in (
        ("nothing", "Python with the engine, started and ended", [*base, "nothing", str(source), "-"]),
        (
            "edges",
            "Cutwork, only decoding and encoding the edge frames",
            [*base, "edges", str(source), "-", *(f"{begin}-{end}" for begin, end in edges)],
        ),
    ):
        busy = results.load()
        costs = sorted((run(command, timeout=_TIMEOUT) for _ in range(3)), key=lambda one: one.cpu)
        rows.append(
            {
                "row": name,
                "what": what,
                "source_minutes": minutes,
                "wall_s": round(costs[1].wall, 2),
                "cpu_s": round(costs[1].cpu, 2),
                "cpu_s_of_runs": [round(one.cpu, 2) for one in costs],
                "memory_mb": round(max(one.memory for one in costs) / 1e6, 1),
                "read_mb": round(costs[1].read / 1e6, 1),
                "written_mb": round(costs[1].written / 1e6, 1),
                "load_before": busy,
                "exact": None,
                "command": _shown(command),
                "repeat": f"python -m bench.trim --minutes {minutes} --rows smart",
            }
        )
    return rows


def against_smart(rows: list[dict[str, Any]]) -> None:
    """Add to each row how many times the smart cut's CPU and wall time it took."""
    smart = {row["source_minutes"]: row for row in rows if row["row"] == "smart"}
    for row in rows:
        ours = smart.get(row["source_minutes"])
        if ours is not None:
            row["cpu_ratio"] = round(row["cpu_s"] / ours["cpu_s"], 2)
            row["wall_ratio"] = round(row["wall_s"] / ours["wall_s"], 2)


def _plain(value: Fraction) -> str:
    return str(float(value)).removesuffix(".0")


def _shown(command: Sequence[str]) -> str:
    short = {sys.executable: "python", ffmpeg(): "ffmpeg"}
    return " ".join("OUT.mp4" if word.endswith("/cut.mp4") else short.get(word, word) for word in command)


_COLUMNS = {
    "way": "what",
    "source, min": "source_minutes",
    "wall, s": "wall_s",
    "CPU, s": "cpu_s",
    "× smart": "cpu_ratio",
    "memory, MB": "memory_mb",
    "read, MB": "read_mb",
    "exact": "exact",
    "frames shown (first, last off by)": "shown",
    "frames in file": "stored",
    "extrapolated": "extrapolated",
}


def main() -> None:
    """Measure, show, save."""
    options = _options()
    names = options.rows.split(",")
    rows = []
    for minutes in {options.minutes, *(options.lengths if options.lengths else [])}:
        warm(recording(minutes))
    whole = (PART_OF_ALL[0] * options.minutes * 60, PART_OF_ALL[1] * options.minutes * 60)
    for name in names:
        rows.append(measure(WAYS[name], options.minutes, whole))
        if name == "smart":
            rows += floor(options.minutes, rows[-1])
    flat = [measure(WAYS[name], minutes, MINUTE) for name in names if name in FLAT for minutes in options.lengths]
    target = "trim" if options.minutes == _MINUTES else f"trim-{options.minutes}"
    rows, flat = _with_earlier(target, rows, [{**row, "table": _ONE_MINUTE} for row in flat])
    against_smart(rows)
    against_smart(flat)
    print(f"\n{options.minutes} minutes, of which {_plain(whole[0])} s to {_plain(whole[1])} s are kept\n")
    results.show(rows, _COLUMNS)
    if flat:
        print("\nOne minute kept of recordings of different lengths\n")
        results.show(flat, _COLUMNS)
    head = results.machine()
    path = results.save(target, [head, *rows, *flat])
    results.show_goals(goals.trim([*rows, *flat]))
    print(f"\n{path}: {head['date']}, {head['cores']} cores, {head['cpu']}")


def _with_earlier(name: str, *tables: list[dict[str, Any]]) -> tuple[list[dict[str, Any]], ...]:
    """The tables, each with those rows of the last result that were not measured now."""

    def key(row: dict[str, Any]) -> tuple[Any, ...]:
        return row.get("table"), row["row"], row["source_minutes"]

    fresh = {key(row) for table in tables for row in table}
    kept = [row | {"earlier_run": True} for row in results.earlier(name) if key(row) not in fresh]
    order = ["smart", *_PARTS, *WAYS]

    def place(row: dict[str, Any]) -> tuple[int, int]:
        return order.index(row["row"]), row["source_minutes"]

    of = (None, _ONE_MINUTE)
    return tuple(
        sorted([*table, *(row for row in kept if row.get("table") == title)], key=place)
        for title, table in zip(of, tables, strict=True)
    )


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.trim", description=__doc__)
    parser.add_argument(
        "--minutes", type=int, default=_MINUTES, help="length of the recording; three fifths of it are kept"
    )
    parser.add_argument("--rows", default=",".join(WAYS), help="which ways, joined by commas (default: all)")
    parser.add_argument(
        "--lengths", type=int, nargs="*", default=[10, 50, 180], help="minutes of the recordings one minute is kept of"
    )
    options = parser.parse_args()
    unknown = set(options.rows.split(",")) - set(WAYS)
    if unknown or options.minutes < 2 or any(minutes < 7 for minutes in options.lengths):
        parser.error(f"ways are {', '.join(WAYS)}; --minutes is 2 or more, --lengths 7 or more")
    return options


if __name__ == "__main__":
    try:
        main()
    except BenchError as error:
        sys.exit(str(error))
