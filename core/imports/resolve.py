"""What a job does with an asset that was not there when it was planned.

Its stages were planned with the import's output as their input, and digests that nobody else can have. Once the asset
is there, they get the inputs and digests that they would have had, had it been there before: so what was made of the
same bytes already is not made again.
"""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy.orm import Session

from core import artifacts, jobs, parts, states
from core.digest import stage_digest
from core.models import Asset, Job, JobStage


def resolve(session: Session, job: Job, imported: JobStage, asset: Asset, versions: Mapping[str, int]) -> None:
    """Put an asset in the place of what the stage `imported` of a locked job was to bring.

    `versions` are those of the stage registry by kind. The caller settles the job.
    """
    job.input_asset_id = asset.id
    renamed: dict[str, str] = {}
    changed = []
    for stage in job.stages:
        inputs = {label: _replaced(source, imported.digest, asset, renamed) for label, source in stage.inputs.items()}
        if inputs == stage.inputs or stage.status != states.QUEUED:
            continue
        before, stage.inputs = stage.digest, inputs
        stage.digest = renamed[before] = stage_digest(
            stage=stage.kind,
            version=versions[stage.kind],
            params=stage.params,
            inputs={label: parts.identity(session, source) for label, source in inputs.items()},
            account=job.account_id,
        )
        changed.append(stage)
    done = artifacts.find(session, [stage.digest for stage in changed])
    for stage in changed:
        if stage.digest in done:
            jobs.finish_from_artifact(stage, done[stage.digest], cached=True, moment=job.as_of)


def _replaced(source: Mapping[str, str], imported: str, asset: Asset, renamed: Mapping[str, str]) -> dict[str, str]:
    digest = source.get("digest")
    if digest == imported:
        return {"asset": asset.id}
    return dict(source) if digest is None else {**source, "digest": renamed.get(digest, digest)}
