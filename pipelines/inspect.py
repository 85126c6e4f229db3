"""The inspect pipeline: probe alone, so that an asset's facts are known before anybody asks for an edit."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from core import artifacts
from core.db import reading
from core.models import Artifact, Asset
from core.moderation import stamp
from core.plan import JobPlan
from core.settings import get_settings
from pipelines.planner import Output, Planner

NAME = "inspect"


def plan_probe(planner: Planner, source: Asset | Output) -> None:
    """Add the probe of an asset: the same stage, with the same digest, in every pipeline."""
    planner.add("probe", params={}, inputs={"source": source})


def plan_moderation(planner: Planner) -> None:
    """Have all files that a plan reads judged, where the settings name a moderator; to be called when it is whole."""
    rules = stamp(get_settings())
    if rules is not None:
        planner.moderate(rules)


def plan(account_id: str, asset: Asset) -> JobPlan:
    """Plan the probe of one asset."""
    planner = Planner(account_id)
    plan_probe(planner, asset)
    return JobPlan(
        pipeline=NAME,
        input_asset_id=asset.id,
        params={"input": asset.id},
        filename=asset.filename,
        stages=planner.stages,
        lane=NAME,
    )


def probes(account_id: str, assets: Iterable[Asset]) -> Mapping[str, Artifact]:
    """Return the probe's artifacts that exist, by asset id; `result` of each is the media document."""
    digests = {asset.id: plan(account_id, asset).stages[0].digest for asset in assets}
    with reading() as session:
        found = artifacts.find(session, digests.values())
    return {asset_id: found[digest] for asset_id, digest in digests.items() if digest in found}


def facts(account_id: str, asset: Asset) -> dict[str, Any] | None:
    """Return the media document of an asset; None while it is not known."""
    artifact = probes(account_id, [asset]).get(asset.id)
    return artifact.result if artifact else None
