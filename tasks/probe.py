"""Probe: what a file is, and where its keyframes are."""

from __future__ import annotations

import json

from media.keyframes import keyframe_map
from media.probe import probe as read_facts
from tasks.base import stage
from tasks.context import StageContext
from tasks.limits import limits


@stage("probe")
def probe(ctx: StageContext) -> None:
    """Read the facts and the keyframe map of a file."""
    source = ctx.input("source")
    with ctx.open(source) as file:
        facts = read_facts(file, limits(ctx.settings)).to_dict()
    with ctx.scratch() as folder:
        files = {}
        if facts["kind"] == "video":
            with ctx.open(source) as file:
                path = folder / "keyframes.json"
                found = keyframe_map(file, limits(ctx.settings), on_progress=ctx.progress)
                path.write_text(json.dumps(found.to_dict()))
                files["keyframes.json"] = path
        ctx.store(files, result=facts)
