"""The job document: the same in create, get, list, events and webhooks."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from pathlib import PurePath
from typing import Any

import structlog

from core import artifacts, clock, events, jobs, parts, states, stream_links
from core.admission import PRIORITIES
from core.db import reading
from core.errors import TransientError
from core.estimate import seconds_to_go, usual
from core.models import Artifact, Job, JobStage, now
from core.position import positions
from core.settings import get_settings
from core.storage import Storage

_log = structlog.get_logger(__name__)
_PRIORITIES = {number: word for word, number in PRIORITIES.items()}
# The stage that says whether a job's files may be worked on.
_JUDGE = "moderate"
# Of an output that is played, not fetched: the stage from whose end on it can be.
_STREAM = "stream"
_UNSAFE = re.compile(r'[\x00-\x1f\x7f/\\:*?"<>|]+')


def documents(rows: Iterable[Job], storage: Storage | None) -> list[dict[str, Any]]:
    """Return the documents of jobs; without a storage to sign URLs `outputs` and `streams` stay
    empty, as in live events."""
    shown = list(rows)
    digests = [stage.digest for job in shown for stage in job.stages if _has_outputs(stage)]
    with reading() as session:
        found = artifacts.find(session, digests) if storage and digests else {}
        places = positions(session, shown)
        # A job that was read for itself knows the time already.
        moment = next((job.as_of for job in shown if "as_of" in vars(job)), None) or clock.moment(session)
    return [_document(job, found, storage, places.get(job.id), moment) for job in shown]


def document(job: Job, storage: Storage | None) -> dict[str, Any]:
    """Return the document of one job."""
    return documents([job], storage)[0]


def announce(job_id: str) -> Job | None:
    """Publish the job as it is now to its live events, and return it; None when there is none of that id.

    Events are a hint: a database that is away is logged and also gives None. Whoever announces has committed, and what
    follows from that (a request's answer, the next stage) must not fail for it.
    """
    try:
        with reading() as session:
            job = jobs.find(session, job_id, only_state=True)
    except TransientError as error:
        _log.warning("job not announced", job_id=job_id, reason=error.message)
        return None
    if job:
        publish(job)
    return job


def publish(job: Job) -> None:
    """Publish a job to its live events as its caller has just committed it, without reading it again."""
    try:
        events.publish(job.id, document(job, None))
    except TransientError as error:
        _log.warning("job not announced", job_id=job.id, reason=error.message)


def _document(
    job: Job, found: dict[str, Artifact], storage: Storage | None, place: int | None, moment: datetime
) -> dict[str, Any]:
    return {
        "id": job.id,
        "pipeline": job.pipeline,
        "status": job.status,
        "priority": _PRIORITIES[job.priority],
        "progress": round(job.progress, 4),
        "eta_s": _eta(job, moment),
        "queue_position": place,
        "stages": {
            stage.name: _stage(stage, parts.of(job, stage), moment) for stage in job.stages if stage.part_of is None
        },
        "outputs": [entry for stage in job.stages for entry in _outputs(job, stage, found, storage)],
        "streams": [entry for stage in job.stages for entry in _streams(job, stage, found, storage)],
        "warnings": [
            *_warnings(job),
            *(_expired(stage) for stage in job.stages if storage and _has_outputs(stage) and stage.digest not in found),
        ],
        "error": job.error,
        "external_id": job.external_id,
        "metadata": job.client_metadata,
        "created_at": job.created_at.isoformat(),
        "started_at": job.started_at.isoformat() if job.started_at else None,
        "finished_at": job.finished_at.isoformat() if job.finished_at else None,
    }


def _warnings(job: Job) -> Iterable[dict[str, str]]:
    """What stages have to tell; what many parts of one say is told once, of the stage."""
    told = [warning | {"stage": stage.part_of or stage.name} for stage in job.stages for warning in stage.warnings]
    return [warning for number, warning in enumerate(told) if warning not in told[:number]]


def _stage(stage: JobStage, pieces: Sequence[JobStage], moment: datetime) -> dict[str, Any]:
    """A stage with its parts, as one."""
    rows = [*pieces, stage]
    began = [row.started_at for row in rows if row.started_at]
    waited = [row.queued_at for row in rows if row.queued_at]
    begun = stage.status == states.QUEUED and any(row.started_at for row in pieces)
    made = sum(row.weight * row.progress for row in rows)
    return {
        "status": states.RUNNING if begun else stage.status,
        "progress": round(made / sum(row.weight for row in rows), 4),
        "attempt": max(row.attempt for row in rows),
        "queue": stage.queue,
        "queued_ms": _milliseconds(min(waited, default=None), min(began, default=stage.finished_at) or moment),
        "run_ms": _milliseconds(min(began, default=None), stage.finished_at or moment),
        "cached": stage.cached,
        "parts": {
            "total": len(pieces),
            "running": sum(row.status == states.RUNNING for row in pieces),
            "succeeded": sum(row.status == states.SUCCEEDED for row in pieces),
        }
        if pieces
        else None,
        "result": stage.result,
    }


def _milliseconds(start: datetime | None, end: datetime) -> int | None:
    return None if start is None else max(0, round((end - start) / timedelta(milliseconds=1)))


def _eta(job: Job, moment: datetime) -> int | None:
    return seconds_to_go(job, usual(job.account_id), moment) if job.status == states.RUNNING else None


def _has_outputs(stage: JobStage) -> bool:
    return bool(stage.outputs) and stage.status == states.SUCCEEDED


def _expired(stage: JobStage) -> dict[str, str]:
    """Say why a job that succeeded has nothing to fetch (see `core.housekeeping.artifacts`)."""
    message = "The files were not needed for long and have been deleted; the same request makes them again."
    return {"code": "outputs_expired", "message": message, "stage": stage.name}


def _outputs(
    job: Job, stage: JobStage, found: dict[str, Artifact], storage: Storage | None
) -> Iterable[dict[str, Any]]:
    artifact = found.get(stage.digest)
    if artifact is None or storage is None or stage.status != states.SUCCEEDED or not let_through(job):
        return
    expires_s = get_settings().url_ttl_s
    for name, output in stage.outputs.items():
        entry = artifact.files.get(output["file"])
        if entry is None or _STREAM in output:
            continue
        filename = download_name(job.filename, output["suffix"], entry["key"])
        url = storage.sign_get(entry["key"], expires_s=expires_s, filename=filename, content_type=entry["content_type"])
        yield {
            "name": name,
            "url": url,
            "expires_at": (now() + timedelta(seconds=expires_s)).isoformat(),
            "filename": filename,
            "size": entry["size"],
            "sha256": entry["sha256"],
            "content_type": entry["content_type"],
            "media": entry.get("media"),
        }


def _streams(
    job: Job, stage: JobStage, found: dict[str, Artifact], storage: Storage | None
) -> Iterable[dict[str, Any]]:
    made = {row.name: found[row.digest] for row in job.stages if row.status == states.SUCCEEDED and row.digest in found}
    for name, output in stage.outputs.items():
        if storage is None or _STREAM not in output or not let_through(job):
            continue
        entry = made[stage.name].files.get(output["file"]) if stage.name in made else None
        if entry is None and not _grows(job, stage, made.get(output[_STREAM])):
            continue
        playlist = stream_links.GROWING if entry is None else stream_links.FIRST
        url, ends = stream_links.address(job.id, name, playlist, expires_s=get_settings().url_ttl_s)
        yield {
            "name": name,
            "url": url,
            "expires_at": ends.isoformat(),
            "status": "growing" if entry is None else "whole",
            "content_type": "application/vnd.apple.mpegurl",
            "media": None if entry is None else entry.get("media"),
        }


def _grows(job: Job, stage: JobStage, beginning: Artifact | None) -> bool:
    """Whether some of what a stage makes can be played while the rest is being made: what it needs is made in parts."""
    unfinished = stage.status not in states.TERMINAL and job.status not in states.TERMINAL
    in_parts = any(row.part_of in stage.needs for row in job.stages)
    return unfinished and in_parts and beginning is not None and bool(beginning.files)


def let_through(job: Job) -> bool:
    """Whether the job has no moderator, or its verdict is there: what came from cache was there before."""
    return all(stage.status == states.SUCCEEDED for stage in job.stages if stage.kind == _JUDGE)


def download_name(filename: str, suffix: str, key: str) -> str:
    """Return `lecture-cut.mp4` for `lecture.mov`, `-cut` and a key that ends in `.mp4`; what is unsafe becomes `_`."""
    stem = _UNSAFE.sub("_", PurePath(filename).stem).strip(" .") or "video"
    return f"{stem[:180]}{suffix}{PurePath(key).suffix}"
