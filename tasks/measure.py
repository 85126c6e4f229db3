"""Counts what becomes of stages, for Prometheus: a few microseconds a run, all of them here."""

from __future__ import annotations

import time
from collections.abc import Iterable
from datetime import timedelta
from functools import lru_cache
from types import TracebackType
from typing import Any, NamedTuple

from celery.exceptions import Ignore, Retry
from prometheus_client import Counter, Gauge, Histogram

from core.errors import InputError
from core.leases import Claim
from core.models import Job
from core.refusals import Later, Refused
from core.telemetry import metrics
from media.errors import InputError as MediaInputError
from media.segments.plan import Segment

_OUTCOMES = ("succeeded", "split", "refused", "failed", "retried", "lost")


class _Series(NamedTuple):
    """The series of one stage: looked up once, as that costs as much as counting."""

    running: Gauge
    waited: Histogram
    took: Histogram
    attempts: Histogram
    cpu: Counter
    read: Counter
    written: Counter
    output: Counter


@lru_cache
def _series(stage: str) -> _Series:
    return _Series(
        metrics.STAGE_RUNNING.labels(stage),
        metrics.STAGE_QUEUE_SECONDS.labels(stage),
        metrics.STAGE_RUN_SECONDS.labels(stage),
        metrics.STAGE_ATTEMPTS.labels(stage),
        metrics.STAGE_CPU.labels(stage),
        metrics.STAGE_READ.labels(stage),
        metrics.STAGE_WRITTEN.labels(stage),
        metrics.STAGE_OUTPUT.labels(stage),
    )


def begin(stages: Iterable[str]) -> None:
    """Let the series of stages be there before anything is counted: a rate does not see the first of a new one."""
    for stage in stages:
        for outcome in _OUTCOMES:
            metrics.STAGE_RUNS.labels(stage, outcome)
        for outcome in ("claimed", "unavailable", *(one.name.lower() for one in Refused)):
            metrics.STAGE_CLAIMS.labels(stage, outcome)
        metrics.STAGE_CACHED.labels(stage)
        metrics.STAGE_RUNNING.labels(stage)


def unavailable(stage: str) -> None:
    """Count a message whose stage could not be claimed: the database was away, or there was no room to run it."""
    metrics.STAGE_CLAIMS.labels(stage, "unavailable").inc()


def claim(stage: str, claimed: Claim | Refused | Later) -> None:
    """Count a message that arrived."""
    refused = Refused.EARLY if isinstance(claimed, Later) else claimed
    outcome = refused.name.lower() if isinstance(refused, Refused) else "claimed"
    metrics.STAGE_CLAIMS.labels(stage, outcome).inc()


class Run:
    """Measures one run of a claimed stage while its block lasts; `end` is told what came of it.

    Its outcome is `succeeded`, `split` when it asked for parts, `refused` for the user's file or request, `failed` for
    a fault of ours, `retried` after trouble that passes, and `lost` when another has the stage or the job has ended.
    """

    def __init__(self, row: Claim) -> None:
        self._row = row
        self._series = _series(row.kind)
        self._outcome = "lost"

    def __enter__(self) -> Run:
        row, series = self._row, self._series
        series.waited.observe(max(0.0, (row.started_at - row.queued_at) / timedelta(seconds=1)))
        series.running.inc()
        self._began, self._cpu = time.perf_counter(), time.process_time()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        series = self._series
        series.running.dec()
        series.took.observe(time.perf_counter() - self._began)
        series.cpu.inc(time.process_time() - self._cpu)
        if error is not None:
            self._outcome = _outcome(error)
        metrics.STAGE_RUNS.labels(self._row.kind, self._outcome).inc()

    def end(self, job: Job | None) -> Job | None:
        """Count what was made and pass the job on; None stands for a stage that asked for parts."""
        if job is None:
            self._outcome = "split"
            return None
        self._outcome = "succeeded"
        made = next(row for row in job.stages if row.name == self._row.name)
        series = self._series
        series.attempts.observe(made.attempt)
        result: dict[str, Any] = made.result or {}
        series.read.inc(result.get("bytes_read", 0))
        series.written.inc(result.get("bytes_written", 0))
        series.output.inc(_output_s(self._row, result))
        return job


def _outcome(error: BaseException) -> str:
    if isinstance(error, Retry):
        return "retried"
    if isinstance(error, Ignore):
        return "lost"
    # Raised when the row had been failed: what had gone wrong is its context.
    return "refused" if isinstance(error.__context__, InputError | MediaInputError) else "failed"


def _output_s(row: Claim, result: dict[str, Any]) -> float:
    """How long what was made plays; stages that make neither film nor sound say nothing of it."""
    piece = {"segment": row.params, "proxy_part": row.params.get("segment")}.get(row.kind)
    if piece is not None:
        segment = Segment.from_dict(piece)
        return float(segment.end - segment.start)
    return float(result.get("duration") or (result.get("media") or {}).get("duration") or 0)
