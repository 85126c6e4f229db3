"""Parts: stages that a running stage asks for, and runs again to join when they are done.

How an encode is cut into segments is known only once the source has been looked at, so its stages cannot be planned
with the job. A part is a stage like any other, with a digest, a lease and attempts of its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Session

from core import artifacts, jobs, leases, states
from core.db import transaction
from core.digest import stage_digest
from core.leases import Claim, Lease
from core.models import Asset, Job, JobStage

_JOINING = 0.05
"""Share of a stage's weight that is left for the run that joins its parts."""


@dataclass(frozen=True, kw_only=True)
class PartPlan:
    """One part to be: `name` is its own within the stage; `share` is its part of the work, by any measure.

    `kind` and `version` are those of the stage registry; `inputs` are as in `core.models.JobStage`.
    """

    name: str
    kind: str
    version: int
    params: Mapping[str, object]
    inputs: Mapping[str, Mapping[str, str]]
    share: float


def expand(lease: Lease, parts: Sequence[PartPlan], notes: Mapping[str, Any]) -> bool:
    """Put the parts before the stage that is held, and hand it back to wait for them; False when the lease is lost.

    The new epoch makes the messages of the old canvas stale: the caller has the job dispatched anew. A part whose
    artifact exists is done.
    """
    with transaction() as session:
        job = jobs.lock(session, lease.job_id)
        stage = leases.held(job, lease)
        if job is None or stage is None:
            return False
        rows = _rows(session, job, stage, parts)
        job.stages.extend(rows)
        session.flush()
        _wait_for(stage, rows, notes)
        job.epoch += 1
        job.dispatched_at = None
        moment = job.as_of
        done = artifacts.find(session, [row.digest for row in rows])
        for row in rows:
            if row.digest in done:
                jobs.finish_from_artifact(row, done[row.digest], cached=True, moment=moment)
        jobs.settle(job, moment)
    return True


def of(job: Job, stage: JobStage | Claim) -> list[JobStage]:
    """Return the parts of a stage, in the order in which they were asked for."""
    return [row for row in job.stages if row.part_of == stage.name]


def forget(job: Job, stage: JobStage) -> None:
    """Make a stage of a locked job what it was before it asked for parts; nobody may hold any of them."""
    pieces = of(job, stage)
    names = {piece.name for piece in pieces}
    job.stages = [row for row in job.stages if row.name not in names]
    stage.needs = [name for name in stage.needs if name not in names]
    stage.weight += sum(piece.weight for piece in pieces)
    stage.notes = None


def _rows(session: Session, job: Job, stage: JobStage, parts: Sequence[PartPlan]) -> list[JobStage]:
    total = sum(part.share for part in parts)
    return [
        JobStage(
            job_id=job.id,
            name=f"{stage.name}/{part.name}",
            kind=part.kind,
            part_of=stage.name,
            # Among the stages of the plan, whose order documents show, they come last.
            position=len(job.stages) + number,
            queue=part.kind,
            weight=stage.weight * (1 - _JOINING) * part.share / total,
            digest=stage_digest(
                stage=part.kind,
                version=part.version,
                params=part.params,
                inputs={label: identity(session, source) for label, source in part.inputs.items()},
                account=job.account_id,
            ),
            params=dict(part.params),
            inputs={label: dict(source) for label, source in part.inputs.items()},
            needs=list(stage.needs),
            outputs={},
            status=states.QUEUED,
        )
        for number, part in enumerate(parts)
    ]


def _wait_for(stage: JobStage, rows: Sequence[JobStage], notes: Mapping[str, Any]) -> None:
    states.move(stage, states.QUEUED)
    stage.needs = [*stage.needs, *(row.name for row in rows)]
    stage.notes = dict(notes)
    stage.weight *= _JOINING
    stage.progress = 0.0
    # To look and to ask is no attempt of the work itself.
    stage.attempt -= 1
    stage.lease_owner = stage.lease_expires_at = stage.queued_at = stage.started_at = None


def identity(session: Session, source: Mapping[str, str]) -> str:
    """Return what an input adds to a digest: the bytes of an asset, or the artifact and its file."""
    if "asset" in source:
        return f"sha256:{session.get_one(Asset, source['asset']).sha256}"
    return f"{source['digest']}/{source['file']}"
