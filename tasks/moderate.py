"""Moderate: whether files may be worked on."""

from __future__ import annotations

from functools import partial
from typing import BinaryIO

from core.errors import EngineError, InputError
from core.moderation import Item, moderator
from media.probe import probe as read_facts
from media.stills import stills
from media.types import Limits, Progress
from tasks.base import stage
from tasks.context import StageContext
from tasks.limits import limits


@stage("moderate")
def moderate(ctx: StageContext) -> None:
    """Judge files before anything is made of them, where the settings name a moderator."""
    judge, bounds = moderator(ctx.settings), limits(ctx.settings)
    if judge is None or judge.stamp != ctx.params["rules"]:
        raise EngineError(
            "moderation_differs", "The API and the workers have different moderation settings: make them the same."
        )
    labels: dict[str, float] = {}
    for label, sha256 in ctx.params["files"].items():
        file = ctx.input(label)
        with ctx.open(file) as source:
            facts = read_facts(source, bounds).to_dict()
            looks = partial(_stills, source, bounds, ctx.progress)
            verdict = judge.review(Item(size=facts["size"], sha256=sha256, media=facts, stills=looks))
        if not verdict.allowed:
            raise InputError(
                "asset_blocked", f"{file.filename} may not be worked on here: {'; '.join(verdict.reasons)}."
            )
        labels |= verdict.labels
    ctx.store({}, result={"moderator": judge.name, "labels": labels})


def _stills(source: BinaryIO, bounds: Limits, on_progress: Progress, count: int) -> list[bytes]:
    source.seek(0)
    return stills(source, count, limits=bounds, on_progress=on_progress)
