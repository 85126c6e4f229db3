"""Rows of a benchmark: kept as JSON, one line a row, and shown as a table."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench.goals import Goal
from bench.peers import ffmpeg_version

FOLDER = Path("bench/results")

Row = Mapping[str, Any]


def machine() -> dict[str, Any]:
    """What the numbers depend on: kind of machine, versions, and how busy it was at the beginning."""
    import av

    with open("/proc/cpuinfo") as info:
        models = [line.split(":", 1)[1].strip() for line in info if line.startswith("model name")]
    return {
        "row": "machine",
        "date": datetime.now(UTC).date().isoformat(),
        "cores": os.cpu_count(),
        "cpu": models[0] if models else platform.machine(),
        "python": platform.python_version(),
        "pyav": av.__version__,
        "ffmpeg": ffmpeg_version(),
        "cutwork": _commit(),
    }


def _commit() -> str | None:
    """The commit that was measured, marked where files differ from it; None outside a checkout."""
    command = ["git", "describe", "--always", "--dirty", "--exclude=*"]
    found = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)
    return found.stdout.strip() or None


def load() -> float:
    """Processes that wanted to run, averaged over the last minute: what is above 0 is not ours."""
    return round(os.getloadavg()[0], 1)


def save(name: str, rows: Sequence[Row]) -> Path:
    """Write `bench/results/NAME.json`: a JSON array with one row on each line."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    draft, target = FOLDER / f"{name}.json.tmp", FOLDER / f"{name}.json"
    draft.write_text("[\n" + ",\n".join(json.dumps(row, ensure_ascii=False) for row in rows) + "\n]\n")
    draft.replace(target)
    return target


def earlier(name: str) -> list[dict[str, Any]]:
    """The rows that were saved last, without that of the machine; none if there are none."""
    path = FOLDER / f"{name}.json"
    rows: list[dict[str, Any]] = json.loads(path.read_text()) if path.exists() else []
    return rows[1:]


def show(rows: Sequence[Row], columns: Mapping[str, str]) -> None:
    """Print the rows under `columns` (heading to key) as a Markdown table."""
    cells = [list(columns), *([_text(row.get(key)) for key in columns.values()] for row in rows)]
    widths = [max(len(line[place]) for line in cells) for place in range(len(columns))]
    for number, line in enumerate(cells):
        print("| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) + " |")
        if number == 0:
            print("|" + "|".join("-" * (width + 2) for width in widths) + "|")


def show_goals(found: Iterable[Goal]) -> None:
    """Print what was asked for beside what was measured."""
    rows = [asdict(goal) for goal in found]
    if rows:
        print()
        show(rows, {"goal": "goal", "measured": "measured", "met": "met"})


def note(text: str) -> None:
    """Tell what is going on."""
    print(text, file=sys.stderr, flush=True)


def _text(value: Any) -> str:
    match value:
        case None:
            return "–"
        case bool():
            return "yes" if value else "no"
        case float() if value >= 100:
            return f"{value:,.0f}"
        case float():
            return f"{value:.2f}" if value < 10 else f"{value:.1f}"
        case _:
            return str(value)
