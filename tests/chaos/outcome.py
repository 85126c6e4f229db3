"""What the rows say in the end: how each job ended, and what its outputs are."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from core.models import Artifact, Job
from tests.chaos.workload import JobSpec


@dataclass(frozen=True)
class Ended:
    """A job in the end; `outputs` maps names to SHA-256, `attempts` its stages to how often they were begun."""

    id: str
    number: int | None
    status: str
    error: Mapping[str, Any] | None
    outputs: Mapping[str, str]
    attempts: Mapping[str, int]
    digests: tuple[str, ...]


def jobs(engine: Engine) -> dict[str, Ended]:
    """Every job of the database, by id."""
    with Session(engine) as session:
        artifacts = {row.digest: row for row in session.scalars(select(Artifact))}
        return {job.id: _ended(job, artifacts) for job in session.scalars(select(Job))}


def artifacts(engine: Engine) -> list[Artifact]:
    """Every artifact of the database."""
    with Session(engine, expire_on_commit=False) as session:
        return list(session.scalars(select(Artifact)))


def likeness(spec: JobSpec) -> str:
    """What two jobs have in common when their outputs must be equal; fresh bytes play the same, and count apart."""
    return json.dumps([spec.source, spec.number if spec.fresh else None, spec.body], sort_keys=True)


def distinct(specs: Iterable[JobSpec]) -> list[JobSpec]:
    """One of each likeness."""
    return list({likeness(spec): spec for spec in specs}.values())


def _ended(job: Job, artifacts: Mapping[str, Artifact]) -> Ended:
    done = [stage for stage in job.stages if stage.status == "succeeded"]
    return Ended(
        id=job.id,
        number=job.client_metadata.get("number"),
        status=job.status,
        error=job.error,
        outputs={
            name: artifacts[stage.digest].files[output["file"]]["sha256"]
            for stage in done
            if stage.digest in artifacts
            for name, output in stage.outputs.items()
            if output["file"] in artifacts[stage.digest].files
        },
        attempts={stage.name: stage.attempt for stage in job.stages},
        digests=tuple(stage.digest for stage in done),
    )
