"""What a pipeline hands to the database: stages with their digests, before anything runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class StagePlan:
    """One stage to be; the fields are those of `core.models.JobStage`, which explains them."""

    name: str
    queue: str
    weight: float
    version: int
    digest: str
    params: Mapping[str, object]
    inputs: Mapping[str, Mapping[str, str]]
    needs: tuple[str, ...]
    outputs: Mapping[str, Mapping[str, str]]


@dataclass(frozen=True, kw_only=True)
class JobPlan:
    """One job to be: its stages in an order in which each comes after all that it needs.

    `lane` and `priority` say beside and behind which jobs of the account it waits (see `core.admission`).
    """

    pipeline: str
    input_asset_id: str | None
    params: Mapping[str, object]
    filename: str
    stages: tuple[StagePlan, ...]
    client_metadata: Mapping[str, object] = field(default_factory=dict)
    external_id: str | None = None
    media_ms: int = 0
    lane: str = "work"
    priority: int = 0
    webhook_url: str | None = None
