"""Documents as tables for people."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from rich.table import Table
from rich.text import Text

from cli.client import Json
from cli.progress import STYLES, duration, fraction, state

KIT_PARTS = ("logo", "intro", "outro", "watermark", "transition", "background", "color", "accent", "font")
"""What a brand kit may say."""


def table(*headings: str, rows: Iterable[Iterable[object]]) -> Table:
    """Return a plain table; a cell that is no Text is shown as it reads."""
    made = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
    for heading in headings:
        made.add_column(heading, overflow="fold")
    for row in rows:
        made.add_row(*(cell if isinstance(cell, Text) else Text(str(cell)) for cell in row))
    return made


def bytes_text(count: int) -> str:
    """Write a size: `512 B`, `3.4 MB`, `1.2 GB` (powers of ten)."""
    if count < 1000:
        return f"{count} B"
    power = min((len(str(count)) - 1) // 3, 4)
    return f"{count / 1000**power:.1f} {' kMGT'[power]}B"


def status(word: str) -> Text:
    """Colour a status."""
    return Text(word, style=STYLES.get("done" if word == "succeeded" else word, ""))


def stages(job: Json) -> Table:
    """A line for each stage: what became of it and how long it took."""
    rows = (
        (name, status(state(stage)), duration(stage.get("run_ms")), duration(stage.get("queued_ms")), stage["attempt"])
        for name, stage in job["stages"].items()
    )
    return table("stage", "status", "ran", "waited", "attempt", rows=rows)


def outputs(job: Json) -> Table:
    """A line for each output, with the address to fetch it from."""
    rows = ((output["name"], bytes_text(output["size"]), output["url"]) for output in job["outputs"])
    return table("output", "size", "address (expires)", rows=rows)


def streams(job: Json) -> Table:
    """A line for each stream, with the address to play it from."""
    rows = ((stream["name"], stream["status"], stream["url"]) for stream in job["streams"])
    return table("stream", "status", "address (expires)", rows=rows)


def files(written: Iterable[tuple[str, Path]]) -> Table:
    """A line for each file that was written."""
    return table("made", "size", "file", rows=((name, bytes_text(path.stat().st_size), path) for name, path in written))


def jobs(documents: Iterable[Json]) -> Table:
    """A line for each job."""
    rows = (
        (job["id"], job["pipeline"], status(job["status"]), f"{fraction(job):.0%}", _about(job)) for job in documents
    )
    return table("job", "pipeline", "status", "done", "about", rows=rows)


def _about(job: Json) -> str:
    if job.get("error"):
        return f"{job['error'].get('stage') or 'job'}: {job['error']['code']}"
    return ", ".join(name for name, stage in job["stages"].items() if stage["status"] == "running")


def assets(documents: Iterable[Json]) -> Table:
    """A line for each asset."""
    rows = (
        (asset["id"], asset["filename"], bytes_text(asset["size"]), (asset.get("media") or {}).get("duration") or "")
        for asset in documents
    )
    return table("asset", "file", "size", "seconds", rows=rows)


def kits(documents: Iterable[Json]) -> Table:
    """A line for each brand kit, with the parts that it has."""
    rows = (
        (kit["id"], kit["name"], ", ".join(part for part in KIT_PARTS if kit.get(part) is not None))
        for kit in documents
    )
    return table("kit", "name", "says", rows=rows)


def kit_parts(kit: Json) -> Table:
    """A line for each part of a brand kit that says something."""
    return table("part", "is", rows=((part, _said(kit[part])) for part in _parts(kit)))


def _parts(kit: Json) -> list[str]:
    return [part for part in KIT_PARTS if kit.get(part) is not None]


def _said(value: object) -> str:
    if not isinstance(value, dict):
        return str(value)
    return ", ".join(f"{name} {inner}" for name, inner in value.items() if inner is not None)


def webhooks(documents: Iterable[Json]) -> Table:
    """A line for each webhook."""
    rows = (
        (hook["id"], _hook_state(hook), hook["url"], ", ".join(hook["events"]), hook["description"])
        for hook in documents
    )
    return table("webhook", "status", "address", "events", "about", rows=rows)


def deliveries(documents: Iterable[Json]) -> Table:
    """A line for each delivery."""
    rows = (
        (one["id"], one["event"], one["job"] or "", status(one["status"]), one["attempt_count"], one["error"] or "")
        for one in documents
    )
    return table("delivery", "event", "job", "status", "attempts", "why", rows=rows)


def attempts(documents: Iterable[Json]) -> Table:
    """A line for each attempt of a delivery."""
    rows = (
        (
            one["number"],
            one["started_at"],
            one["status"] or "",
            duration(one["latency_ms"]),
            one["error"] or one["body"],
        )
        for one in documents
    )
    return table("attempt", "at", "answer", "took", "said", rows=rows)


def _hook_state(hook: Json) -> str:
    return f"{hook['status']} ({hook['disabled_reason']})" if hook["disabled_reason"] else str(hook["status"])
