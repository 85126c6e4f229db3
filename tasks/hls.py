"""HLS: the result in several sizes, of which players choose by what their network bears.

What has to be encoded is cut into stretches that many workers encode at once: the stage asks for them as its parts, and
runs again to pack what they made.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import BinaryIO

from media.hls.index import Rendition
from media.hls.ladder import LadderPlan, encode_stretch, pack_rung, plan_ladder
from media.hls.package import Clip
from tasks.base import stage
from tasks.context import Part, StageContext
from tasks.limits import threads

INDEX = "hls.json"
_Clips = Callable[[str], Iterator[Clip]]


@stage("hls")
def hls(ctx: StageContext) -> None:
    """Pack the result for streaming, in several sizes."""
    with ctx.open(ctx.input("body")) as body, ctx.scratch() as folder:
        if ctx.notes is not None:
            plan = LadderPlan.from_dict(ctx.notes["plan"])
            _pack(ctx, body, plan, folder, lambda name: _made(ctx, plan, name))
            return
        plan = plan_ladder(body, ctx.params["ladder"], width=ctx.settings.encode_width)
        if len(plan.stretches) > 1:
            ctx.expand(_parts(plan), {"plan": plan.to_dict()})
            return
        if plan.stretches:
            encode_stretch(body, folder, plan, threads=threads(ctx.settings), on_progress=ctx.progress)
        _pack(ctx, body, plan, folder, lambda name: _clip(folder / f"{name}.mp4"))


def _parts(plan: LadderPlan) -> Iterator[Part]:
    for number, (start, end) in enumerate(plan.stretches):
        yield Part(
            name=f"part-{number + 1:03}",
            kind="hls_part",
            params={"plan": plan.only(number).to_dict()},
            inputs={"body": "body"},
            share=float(end - start),
        )


def _pack(ctx: StageContext, body: BinaryIO, plan: LadderPlan, folder: Path, clips: _Clips) -> None:
    files: dict[str, Path] = {}
    renditions: dict[str, Rendition] = {}
    for number, name in enumerate(plan.rungs):
        target = folder / f"{name}.packed.mp4"
        renditions[name] = pack_rung(plan, name, clips(name), body, target, on_progress=ctx.progress)
        files[f"{name}.mp4"] = target
        ctx.progress(Fraction(number + 1, len(plan.rungs)))
    files[INDEX] = folder / INDEX
    files[INDEX].write_text(json.dumps({"renditions": {name: made.to_dict() for name, made in renditions.items()}}))
    rungs = {name: made.summary() for name, made in renditions.items()}
    ctx.store(files, result={"rungs": rungs, "copied": plan.copied}, media={INDEX: {"rungs": rungs}})


def _made(ctx: StageContext, plan: LadderPlan, name: str) -> Iterator[Clip]:
    """What the parts have made of a rung; one is open at a time."""
    for part, (start, _) in zip(ctx.parts(), plan.stretches, strict=True):
        with ctx.open(part.files[f"{name}.mp4"]) as file:
            yield Clip(file, start)


def _clip(path: Path) -> Iterator[Clip]:
    with path.open("rb") as file:
        yield Clip(file)
