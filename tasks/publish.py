"""Publish: the file that people download."""

from __future__ import annotations

from media.publish import publish as finish
from tasks.base import stage
from tasks.context import StageContext
from tasks.limits import limits


@stage("publish")
def publish(ctx: StageContext) -> None:
    """Write the fast-start file for download, with checksum and facts."""
    with ctx.open(ctx.input("body")) as body, ctx.output("video.mp4") as target:
        made = finish(body, target, title=None, limits=limits(ctx.settings), on_progress=ctx.progress)
        facts = made.to_dict()
        ctx.store({"video.mp4": target}, result=facts, media={"video.mp4": facts["media"]})
