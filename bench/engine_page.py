"""Writes what was measured into docs/engine.md and docs/preview.md, between markers: `python -m bench.engine_page`."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from bench import goals
from bench.results import FOLDER

PAGES = (Path("docs/engine.md"), Path("docs/preview.md"))
_SECTION = re.compile(r"(<!-- measured: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)

_ASKED = {"trim": goals.trim, "io": goals.io, "parallel": goals.parallel}

Row = Mapping[str, Any]


def render(page: str) -> str:
    """The page, with every section that is measured written anew."""

    def section(found: re.Match[str]) -> str:
        return f"{found[1]}\n{SECTIONS[found[2]]()}\n\n{found[3]}"

    return _SECTION.sub(section, page)


def _rows(name: str) -> list[Row]:
    rows: list[Row] = json.loads((FOLDER / f"{name}.json").read_text())
    return rows


def _trim() -> str:
    head, *rows = _rows("trim")
    whole = [row for row in rows if row.get("table") is None]
    lines = [
        _machine(head, whole),
        "| what | CPU s | to ours | wall s | memory MB | read MB | frames for those asked |",
        "|---|---|---|---|---|---|---|",
        *(
            f"| {_name(row)} | {row['cpu_s']:,.1f} | {row['cpu_ratio']:.2f} | {row['wall_s']:,.1f} |"
            f" {row['memory_mb']:,.0f} | {row['read_mb']:,.0f} | {_shown(row)} |"
            for row in whole
        ),
    ]
    return "\n".join(lines) + "\n\n" + _lengths(rows)


def _lengths(rows: Sequence[Row]) -> str:
    minute = [row for row in rows if row.get("table") == "one minute"]
    lengths = list(dict.fromkeys(row["source_minutes"] for row in minute))
    head = "| one minute out of | " + " | ".join(f"{length} minutes" for length in lengths) + " |"
    lines = [head, "|---" * (len(lengths) + 1) + "|"]
    for name in dict.fromkeys(row["row"] for row in minute):
        found = {row["source_minutes"]: row for row in minute if row["row"] == name}
        cells = [
            f"{found[length]['cpu_s']:.1f} CPU s, {_shown(found[length])}" for length in lengths if length in found
        ]
        lines.append(f"| {next(iter(found.values()))['what']} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _cell(row: Row | None) -> str:
    return "" if row is None else f"{row['cpu_s']:.1f} CPU s, {_shown(row)}"


def _io() -> str:
    head, *rows = _rows("io")
    lines = [
        _machine(head, rows),
        "| one minute out of 50 | ms more a request | requests | read MB | over what is needed | wall s |",
        "|---|---|---|---|---|---|",
        *(
            f"| {row['row']} | {row['added_ms']} | {row['requests']} | {row['read_mb']:,.1f} |"
            f" {row['read_to_needed']:.2f} | {row['wall_s']:.1f} |"
            for row in rows
        ),
    ]
    return "\n".join(lines)


def _parallel() -> str:
    head, *rows = _rows("parallel")
    what = f"{rows[0]['result_s']} s of 1080p30"
    lines = [
        _machine(head, rows),
        f"| {what} | wall s | CPU s | speed to ffmpeg with 2 threads | CPU to one process | frames |",
        "|---|---|---|---|---|---|",
        *(
            f"| {_name(row)} | {row['wall_s']:.1f} | {row['cpu_s']:.1f} | {row['speed_ratio']:.2f} |"
            f" {row['cpu_ratio']:.2f} | {_shown(row)} |"
            for row in rows
        ),
    ]
    return "\n".join(lines)


def _preview() -> str:
    head, *rows = _rows("preview")
    minutes = rows[0]["source_minutes"]
    lines = [
        _machine(head, rows),
        f"| {minutes} minutes of 1080p30 | CPU s | to the pass | wall s | to the pass | memory MB | size MB |",
        "|---|---|---|---|---|---|---|",
        *(
            f"| {_name(row)} | {row['cpu_s']:,.1f} | {row['cpu_ratio']:.3f} | {row['wall_s']:,.1f} |"
            f" {row['wall_ratio']:.3f} | {row['memory_mb']:,.0f} | {row['size_mb']:,.1f} |"
            for row in rows
        ),
        "",
        "\\* measured on a part of two minutes and multiplied. A proxy is one process here, part after part.",
        "",
        *_met(goals.preview(rows)),
    ]
    return "\n".join(lines)


def _goals() -> str:
    found = [goal for name, of in _ASKED.items() for goal in of(_rows(name))]
    return "\n".join(_met(found))


def _met(found: Iterable[goals.Goal]) -> list[str]:
    told = (f"| {goal.goal} | {goal.measured} | {'met' if goal.met else '**not met**'} |" for goal in found)
    return ["| goal | measured | |", "|---|---|---|", *told]


def _machine(head: Row, rows: Sequence[Row]) -> str:
    loads = sorted(row["load_before"] for row in rows)
    commands = sorted({re.sub(r" --rows \S+", "", row["repeat"]) for row in rows})
    again = " ".join(f"`{command}`" for command in commands)
    text = (
        f"{again}: {head['date']}, commit {head['cutwork']}, {head['cores']} cores ({head['cpu']}),"
        f" FFmpeg {head['ffmpeg']}, PyAV {head['pyav']}; processes that wanted to run when a row began:"
        f" {loads[0]:g} to {loads[-1]:g}."
    )
    return "\n".join([*_wrapped(text), ""])


def _wrapped(text: str) -> Iterator[str]:
    line = ""
    for word in text.split():
        if line and len(line) + 1 + len(word) > 120:
            yield line
            line = ""
        line = f"{line} {word}".strip()
    yield line


def _name(row: Row) -> str:
    name = f"**{row['what']}**" if row["row"] in {"smart", "workers-2"} else row["what"]
    return name + (" *" if row.get("extrapolated") else "") + (" †" if row.get("earlier_run") else "")


def _shown(row: Row) -> str:
    if row.get("exact") is None:
        return ""
    return "exact" if row["exact"] else f"not exact: {row['shown']}"


SECTIONS: dict[str, Callable[[], str]] = {
    "trim": _trim,
    "io": _io,
    "parallel": _parallel,
    "goals": _goals,
    "preview": _preview,
}


if __name__ == "__main__":
    for page in PAGES:
        page.write_text(render(page.read_text()))
