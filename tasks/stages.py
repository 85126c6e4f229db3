"""Every stage, declared once.

Celery routes, queues and limits, worker pools, Flower's names, the weights of a job's progress, the broker's visibility
timeout, the Helm chart's workers and docs/stages.md are all derived from this table: a new stage is one entry here and
one task file.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Pool = Literal["light", "encode", "maintenance"]


@dataclass(frozen=True, kw_only=True)
class Stage:
    """One kind of work: its queue bears its name.

    `version` is part of every output's digest: raise it when the same input would come out different. Limits are in
    seconds; `attempts` counts the runs that lost their worker or were the last, `retries` those
    that met trouble that passes; `weight` is its share of a job's
    progress, 0 for those that are asked for as parts of another and share its weight. Of those that are `in_order` the
    first that was asked for goes first, not the longest: what they make is watched as it comes.
    """

    name: str
    summary: str
    pool: Pool
    version: int = 1
    soft_limit_s: int
    hard_limit_s: int
    attempts: int = 4
    retries: int = 10
    weight: float
    in_order: bool = False


@dataclass(frozen=True, kw_only=True)
class Periodic:
    """Work that beat starts: `every` names the setting that holds its period in seconds."""

    name: str
    summary: str
    queue: str = "housekeeping"
    every: str
    limit_s: int = 120


@dataclass(frozen=True, kw_only=True)
class Errand:
    """Work of a pool that is no stage of a job: its queue bears its name, and rows of its own say what is due."""

    name: str
    summary: str
    pool: Pool
    limit_s: int


_HOUR = 3600

STAGES: dict[str, Stage] = {
    stage.name: stage
    for stage in (
        Stage(
            name="import",
            summary="Fetch the file behind an address and make it an asset",
            pool="light",
            soft_limit_s=6 * _HOUR,
            hard_limit_s=6 * _HOUR + 300,
            retries=8,
            weight=10,
        ),
        Stage(
            name="probe",
            summary="Read the facts and the keyframe map of a file",
            pool="light",
            version=3,
            soft_limit_s=300,
            hard_limit_s=360,
            weight=2,
        ),
        Stage(
            name="moderate",
            summary="Judge files before anything is made of them, where the settings name a moderator",
            pool="light",
            soft_limit_s=600,
            hard_limit_s=660,
            weight=2,
        ),
        Stage(
            name="seams",
            summary="Render what plays around each cut, in small: the first of an edit that can be watched",
            # Seconds of work, which must not wait for an hour behind an encode.
            pool="light",
            version=3,
            soft_limit_s=900,
            hard_limit_s=960,
            weight=3,
        ),
        Stage(
            name="trim",
            summary="Keep the ranges that were asked for, frame-exact",
            pool="encode",
            version=11,
            soft_limit_s=12 * _HOUR,
            hard_limit_s=12 * _HOUR + 300,
            weight=50,
        ),
        Stage(
            name="segment",
            summary="Encode the pictures of one part of what is encoded in segments",
            pool="encode",
            version=6,
            soft_limit_s=2 * _HOUR,
            hard_limit_s=2 * _HOUR + 300,
            weight=0,
        ),
        Stage(
            name="sound",
            summary="Encode all the sound of what is encoded in segments",
            pool="encode",
            version=2,
            soft_limit_s=2 * _HOUR,
            hard_limit_s=2 * _HOUR + 300,
            weight=0,
        ),
        Stage(
            name="proxy",
            summary="Make the small film of a whole source that its previews are cut from",
            pool="encode",
            version=2,
            soft_limit_s=6 * _HOUR,
            hard_limit_s=6 * _HOUR + 300,
            weight=15,
        ),
        Stage(
            name="proxy_part",
            summary="Encode the pictures of one part of a proxy, or its sound",
            pool="encode",
            version=4,
            soft_limit_s=2 * _HOUR,
            hard_limit_s=2 * _HOUR + 300,
            weight=0,
            in_order=True,
        ),
        Stage(
            name="preview",
            summary="Cut the preview from the proxy; poster, sprite sheet, teaser and waveform",
            pool="encode",
            version=8,
            soft_limit_s=2 * _HOUR,
            hard_limit_s=2 * _HOUR + 300,
            weight=3,
        ),
        Stage(
            name="brand",
            summary="Add intro, outro, watermark and lower thirds",
            pool="encode",
            version=13,
            soft_limit_s=12 * _HOUR,
            hard_limit_s=12 * _HOUR + 300,
            weight=30,
        ),
        Stage(
            name="image",
            summary="Edit an image and write each file that was asked for",
            pool="light",
            version=4,
            soft_limit_s=900,
            hard_limit_s=960,
            weight=20,
        ),
        Stage(
            name="hls",
            summary="Pack the result for streaming, in several sizes",
            pool="encode",
            version=4,
            soft_limit_s=6 * _HOUR,
            hard_limit_s=6 * _HOUR + 300,
            weight=30,
        ),
        Stage(
            name="hls_part",
            summary="Encode a stretch of the result in the sizes that streaming needs",
            pool="encode",
            version=3,
            soft_limit_s=2 * _HOUR,
            hard_limit_s=2 * _HOUR + 300,
            weight=0,
        ),
        Stage(
            name="publish",
            summary="Write the fast-start file for download, with checksum and facts",
            pool="light",
            version=2,
            soft_limit_s=2 * _HOUR,
            hard_limit_s=2 * _HOUR + 300,
            weight=3,
        ),
    )
}

ERRANDS: dict[str, Errand] = {
    errand.name: errand
    for errand in (Errand(name="webhook", summary="Tell a receiver of an event", pool="light", limit_s=120),)
}

PERIODIC: dict[str, Periodic] = {
    task.name: task
    for task in (
        Periodic(
            name="reconcile",
            summary="Send again what was committed but never sent, or whose worker was lost",
            # Recovery does not wait behind the housekeeping, which may take long.
            queue="reconcile",
            every="reconcile_every_s",
        ),
        Periodic(
            name="deliver_due",
            summary="Send messages for webhook deliveries that are due",
            queue="reconcile",
            every="deliver_every_s",
        ),
        Periodic(
            name="expire_uploads",
            summary="Drop uploads that were never completed, with their parts",
            every="expire_uploads_every_s",
        ),
        Periodic(
            name="expire_artifacts",
            summary="Delete results that no job has needed for `ARTIFACT_TTL_DAYS`",
            every="housekeeping_every_s",
            limit_s=_HOUR,
        ),
        Periodic(
            name="sweep_leftovers",
            summary="End live events that would stay for ever, repair dead leases, remove old keys, webhooks, scratch",
            every="housekeeping_every_s",
            limit_s=600,
        ),
        Periodic(
            name="sweep_storage",
            summary="Delete files and multipart uploads that no row names",
            every="sweep_storage_every_s",
            limit_s=6 * _HOUR,
        ),
    )
}

POOLS: tuple[Pool, ...] = ("light", "encode", "maintenance")

PROCESSES: dict[Pool, int] = {
    "light": 4,
    "encode": 1,
    # One for the housekeeping, which takes turns, and one that is always free for recovery.
    "maintenance": 2,
}
"""Processes of one worker, where `WORKER_PROCESSES` does not say otherwise."""


def queues(pool: Pool) -> list[str]:
    """Return the queues that workers of a pool consume."""
    if pool == "maintenance":
        return list(dict.fromkeys(task.queue for task in PERIODIC.values()))
    stages = [stage.name for stage in STAGES.values() if stage.pool == pool]
    return stages + [errand.name for errand in ERRANDS.values() if errand.pool == pool]


def visibility_timeout_s() -> int:
    """How long Redis keeps a message unacknowledged before it delivers it again: longer than any stage may run."""
    return max(stage.hard_limit_s for stage in STAGES.values()) + _HOUR
