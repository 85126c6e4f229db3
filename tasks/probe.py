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
        found = None
        if facts["kind"] == "video":
            # The same file again: the bytes of its index are at hand.
            file.seek(0)
            found = keyframe_map(file, limits(ctx.settings), on_progress=ctx.progress)
    with ctx.scratch() as folder:
        files = {}
        if found is not None:
            files["keyframes.json"] = folder / "keyframes.json"
            files["keyframes.json"].write_text(json.dumps(found.to_dict()))
        ctx.store(files, result=facts)
