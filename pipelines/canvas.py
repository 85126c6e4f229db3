"""A job's canvas, built from its rows and sent after they were committed.

What does not need each other is sent apart, so that neither waits for the other: after the probe, the result and its
preview are two chains. Each stays flat: a chain with at most one group at a time inside, which Celery makes a chord; a
chord never nests.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection

import structlog
from celery import chain, group
from celery.canvas import Signature
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError
from sqlalchemy import select, update

from core import clock, events, states
from core.db import transaction
from core.errors import TransientError
from core.models import Job, JobStage
from core.telemetry import metrics
from tasks.app import celery_app
from tasks.stages import STAGES
from tasks.traces import headers

_log = structlog.get_logger(__name__)

Needs = dict[str, set[str]]
"""Stages to send, each with those of them that it needs."""


def levels(stages: list[JobStage]) -> list[list[str]]:
    """Return the names of the stages to send, grouped by how many of them go before; a group may run side by side.

    Left out are stages that are done, those that a worker holds, and those that wait for what a worker holds. Raises
    ValueError when the needs form a circle.
    """
    left = {stage.name: set(stage.needs) for stage in stages if stage.status != states.SUCCEEDED}
    held = {stage.name for stage in stages if stage.status == states.RUNNING}
    answer: list[list[str]] = []
    while left:
        ready = [name for name, needs in left.items() if needs.isdisjoint(left)]
        if not ready:
            raise ValueError(f"stages need each other in a circle: {sorted(left)}")
        held |= {name for name in ready if held.intersection(left[name])}
        answer.append([name for name in ready if name not in held])
        left = {name: needs for name, needs in left.items() if name not in ready}
    return [level for level in answer if level]


def build(job: Job) -> Signature | None:
    """Return the canvas of what is left to send; None when nothing is. Every message is `(job id, epoch, stage)`."""

    kinds = {stage.name: stage.kind for stage in job.stages}

    def message(name: str) -> Signature:
        # Asking for a result would subscribe this process to a channel for each message.
        return celery_app.signature(
            kinds[name],
            args=(job.id, job.epoch, name),
            immutable=True,
            options={"ignore_result": True} | headers(job.trace),
        )

    # What takes longest is begun first: few workers then end at about the same time (Graham's rule).
    watched = {stage.name for stage in STAGES.values() if stage.in_order}
    weights = {stage.name: math.inf if stage.kind in watched else stage.weight for stage in job.stages}
    names = sorted(
        (name for level in levels(job.stages) for name in level), key=lambda name: weights[name], reverse=True
    )
    before = {stage.name: set(stage.needs) for stage in job.stages}
    needs = {name: before[name].intersection(names) for name in names}
    lines = [_in_line(_steps(part, message)) for part in _apart(needs)]
    if not lines:
        return None
    return lines[0] if len(lines) == 1 else group(lines)


def _steps(needs: Needs, message: Callable[[str], Signature]) -> list[Signature]:
    """What is to run one after the other; a group is as well what runs side by side as chains that end apart."""
    if not needs:
        return []
    parts = _apart(needs)
    if len(parts) > 1 and all(_is_chain(part) for part in parts):
        return [group([_in_line(_steps(part, message)) for part in parts])]
    ready = [name for name, before in needs.items() if not before]
    first = message(ready[0]) if len(ready) == 1 else group([message(name) for name in ready])
    return [first, *_steps(_without(needs, ready), message)]


def _in_line(steps: list[Signature]) -> Signature:
    return steps[0] if len(steps) == 1 else chain(*steps)


def _apart(needs: Needs) -> list[Needs]:
    """Stages that need each other, directly or by way of others, stay together."""
    parts: list[Needs] = []
    for name, before in needs.items():
        near = [part for part in parts if before.intersection(part) or any(name in part[other] for other in part)]
        parts = [part for part in parts if part not in near]
        together = {name, *(key for part in near for key in part)}
        parts.append({key: needs[key] for key in needs if key in together})
    order = list(needs)
    return sorted(parts, key=lambda part: order.index(next(iter(part))))


def _is_chain(needs: Needs) -> bool:
    while needs:
        ready = [name for name, before in needs.items() if not before]
        if len(ready) > 1:
            return False
        needs = _without(needs, ready)
    return True


def _without(needs: Needs, done: Collection[str]) -> Needs:
    return {name: before.difference(done) for name, before in needs.items() if name not in done}


def dispatch(job: Job) -> bool:
    """Send the canvas of a committed job; False when it could not be sent, or not be marked as sent: the reconciler
    sends it later.

    Of a job that has ended, or waits for its account to have room, there is nothing to send; what waits for a stage
    that a worker holds is sent when that stage is done.
    """
    if job.status in states.TERMINAL or job.admitted_at is None:
        return True
    canvas = build(job)
    try:
        if canvas is not None:
            # Asked first because it answers soon: a broker that hangs would hold the request for long.
            events.check()
            for line in canvas.tasks if isinstance(canvas, group) else [canvas]:
                line.apply_async(retry=False)
        _mark_sent(job)
    except (OperationalError, RedisError, TransientError) as error:
        metrics.NOT_SENT.inc()
        _log.warning("canvas not sent", job_id=job.id, reason=str(error))
        return False
    return True


def _mark_sent(job: Job) -> None:
    names = [name for level in levels(job.stages) for name in level]
    # Whoever bumped the epoch meanwhile sends a canvas of their own.
    mine = select(Job.id).where(Job.id == job.id, Job.epoch == job.epoch).with_for_update()
    with transaction() as session:
        if session.scalar(mine) is None:
            return
        for statement in (
            update(Job).where(Job.id == job.id).values(dispatched_at=clock.TIME),
            update(JobStage).where(JobStage.job_id == job.id, JobStage.name.in_(names)).values(sent_epoch=job.epoch),
        ):
            session.execute(statement, execution_options={"synchronize_session": False})
