"""Rows for tests: an account with an asset, and jobs of a small diamond of stages."""

from dataclasses import replace

from core import accounts, jobs
from core.db import transaction
from core.models import Account, Artifact, Asset
from core.plan import JobPlan, StagePlan


def make_account(name: str) -> str:
    with transaction() as session:
        account = Account(name=name)
        session.add(account)
    return account.id


def make_asset(**changes) -> Asset:
    account = accounts.default_account()
    fields = {
        "account_id": account.id,
        "filename": "lecture.mov",
        "content_type": "video/quicktime",
        "size": 10,
        "sha256": "a" * 64,
        "storage_key": "assets/upl_x/source",
    }
    with transaction() as session:
        asset = Asset(**(fields | changes))
        session.add(asset)
    return asset


def stage_plan(name: str, *needs: str, weight: float = 1, digest: str | None = None) -> StagePlan:
    return StagePlan(
        name=name,
        queue=name,
        weight=weight,
        version=1,
        digest=(digest or name).ljust(64, "0"),
        params={},
        inputs={},
        needs=needs,
        outputs={},
    )


DIAMOND = (
    stage_plan("probe", weight=2),
    stage_plan("trim", "probe", weight=50),
    stage_plan("preview", "trim", weight=15),
    stage_plan("brand", "trim", weight=30),
    stage_plan("publish", "brand", "preview", weight=3),
)


def make_job(stages=DIAMOND, *, salt: str = "", account_id: str | None = None, **order):
    asset = make_asset(**({"account_id": account_id} if account_id else {}))
    salted = tuple(replace(stage, digest=(salt + stage.digest)[:64]) for stage in stages)
    plan = JobPlan(pipeline="edit", input_asset_id=asset.id, params={}, filename="lecture.mov", stages=salted, **order)
    return jobs.create(asset.account_id, plan)


def artifact_of(stage, account_id: str) -> Artifact:
    return Artifact(
        digest=stage.digest, account_id=account_id, stage=stage.name, version=1, files={}, result={"made": stage.name}
    )
