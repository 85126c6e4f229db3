"""Show what goes on: live bars on a terminal, plain lines elsewhere, nothing for scripts."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol

from rich.console import Console, Group
from rich.live import Live
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from cli.client import Json
from cli.config import Config

OnBytes = Callable[[int], None]
LINE_EVERY_S = 5
STYLES = {"queued": "dim", "running": "cyan", "cached": "green", "done": "green", "failed": "red", "canceled": "yellow"}


class Display(Protocol):
    """Where progress is shown; both methods give a function to report to, valid inside the `with` block."""

    def transfer(self, title: str, size: int) -> AbstractContextManager[OnBytes]:
        """Show bytes that move; the function takes how many more are done, from any thread."""
        ...

    def job(self, job_id: str) -> AbstractContextManager[Callable[[Json], None]]:
        """Show a job; the function takes its newest document."""
        ...


def display(config: Config) -> Display:
    """Return bars for a terminal, lines for a pipe, nothing with `--json`."""
    if config.json:
        return Silent()
    return Bars(config.err) if config.err.is_terminal else Lines(config.err)


def state(stage: Json) -> str:
    """Return one word for a stage: queued, running, cached, done, failed or canceled."""
    if stage["status"] == "succeeded":
        return "cached" if stage.get("cached") else "done"
    return str(stage["status"])


def fraction(document: Json) -> float:
    """Return how much of a job or stage is done, 0 to 1; one that succeeded is done."""
    return 1.0 if document["status"] == "succeeded" else min(1.0, float(document.get("progress") or 0))


def duration(milliseconds: int | None) -> str:
    """Write a stage's run time: `850 ms`, `12.3 s`, `4 min 05 s`."""
    if milliseconds is None:
        return ""
    if milliseconds < 1000:
        return f"{milliseconds} ms"
    if milliseconds < 100_000:
        return f"{milliseconds / 1000:.1f} s"
    minutes, seconds = divmod(round(milliseconds / 1000), 60)
    return f"{minutes} min {seconds:02d} s"


class Silent:
    """Shows nothing."""

    @contextmanager
    def transfer(self, title: str, size: int) -> Iterator[OnBytes]:  # noqa: ARG002
        """Swallow the bytes."""
        yield lambda _: None

    @contextmanager
    def job(self, job_id: str) -> Iterator[Callable[[Json], None]]:  # noqa: ARG002
        """Swallow the documents."""
        yield lambda _: None


class Lines:
    """One plain line for each thing that happens: for logs and pipes."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._lock = threading.Lock()

    @contextmanager
    def transfer(self, title: str, size: int) -> Iterator[OnBytes]:
        """Print a line every few seconds, and one at the end."""
        done, shown = 0, time.monotonic()

        def report(count: int) -> None:
            nonlocal done, shown
            with self._lock:
                done += count
                if done >= size or time.monotonic() > shown + LINE_EVERY_S:
                    shown = time.monotonic()
                    self._say(f"{title}: {done * 100 // size if size else 100} %")

        yield report

    @contextmanager
    def job(self, job_id: str) -> Iterator[Callable[[Json], None]]:
        """Print a line for every change of a stage, and for every quarter of one."""
        seen: dict[str, tuple[str, int]] = {}

        def report(job: Json) -> None:
            for name, stage in job["stages"].items():
                now = (state(stage), int(fraction(stage) * 4) if stage["status"] == "running" else 0)
                if seen.get(name, ("queued", 0)) != now:
                    seen[name] = now
                    self._say(f"{job_id} {name}: {_line(stage, now[1])}")

        yield report

    def _say(self, text: str) -> None:
        self._console.print(text, markup=False)


def _line(stage: Json, quarters: int) -> str:
    word = state(stage)
    if word == "done":
        return f"done in {duration(stage.get('run_ms'))}"
    return f"{word} {quarters * 25} %" if quarters else word


class Bars:
    """Live bars for a terminal."""

    def __init__(self, console: Console) -> None:
        self._console = console

    @contextmanager
    def transfer(self, title: str, size: int) -> Iterator[OnBytes]:
        """Show a bar with speed and time to go."""
        columns = (
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            DownloadColumn(),
            TransferSpeedColumn(),
            TimeRemainingColumn(compact=True),
        )
        with Progress(*columns, console=self._console) as progress:
            task = progress.add_task(title, total=size)
            yield lambda count: progress.advance(task, count)

    @contextmanager
    def job(self, job_id: str) -> Iterator[Callable[[Json], None]]:
        """Show a line for each stage and one for the whole, redrawn until the block ends."""
        board = Board(job_id)
        with Live(get_renderable=board.render, console=self._console, refresh_per_second=8):
            yield board.update


class Board:
    """The lines of one job; between two documents the clock of a running stage goes on."""

    def __init__(self, job_id: str) -> None:
        self._job: Json = {"id": job_id, "status": "queued", "progress": 0, "stages": {}}
        self._since = time.monotonic()
        self._furthest = 0.0

    def update(self, job: Json) -> None:
        """Take the newest document."""
        self._job, self._since = job, time.monotonic()

    def render(self) -> Group:
        """Draw what is known now."""
        table = Table.grid(padding=(0, 1))
        for name, stage in self._job["stages"].items():
            table.add_row(*self._row(name, stage))
        self._furthest = max(self._furthest, fraction(self._job))
        table.add_row(
            Text("all", style="bold"),
            ProgressBar(total=1, completed=self._furthest, width=30),
            Text(f"{self._furthest:4.0%}"),
            Text(str(self._job["status"]), style="bold"),
            Text(self._hint(), style="dim"),
        )
        return Group(Text(str(self._job["id"]), style="dim"), table)

    def _row(self, name: str, stage: Json) -> tuple[Text, ProgressBar, Text, Text, Text]:
        word, done = state(stage), fraction(stage)
        elapsed = stage.get("run_ms")
        if word == "running" and elapsed is not None:
            elapsed += int((time.monotonic() - self._since) * 1000)
        attempt = stage.get("attempt") or 1
        return (
            Text(name),
            ProgressBar(total=1, completed=done, width=30),
            Text(f"{done:4.0%}"),
            Text(word, style=STYLES.get(word, "")),
            Text(duration(elapsed) + (f", attempt {attempt}" if attempt > 1 else ""), style="dim"),
        )

    def _hint(self) -> str:
        if self._job["status"] == "queued" and self._job.get("queue_position"):
            return f"number {self._job['queue_position']} in the queue"
        eta = self._job.get("eta_s")
        return f"about {duration(int(float(eta) * 1000))} to go" if eta and self._job["status"] == "running" else ""
