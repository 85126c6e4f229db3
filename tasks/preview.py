"""Preview: what people look at before the result is done, and beside it, cut from the proxy of the source."""

from __future__ import annotations

import json
from pathlib import Path
from typing import BinaryIO

from media import preview as engine
from media.beside import Wanted
from media.errors import EngineError
from media.hls.package import Clip, package
from media.types import Range, seconds
from tasks import aids
from tasks.base import stage
from tasks.context import StageContext
from tasks.cuts import asked
from tasks.limits import limits

INDEX = "preview.json"
_LABEL = "streamed"


@stage("preview")
def preview(ctx: StageContext) -> None:
    """Cut the preview from the proxy; poster, sprite sheet, teaser and waveform."""
    with (
        ctx.open(ctx.input("source")) as source,
        ctx.open(ctx.input("proxy")) as proxy,
        ctx.output(engine.NAMES["preview"]) as film,
    ):
        made = engine.render(
            proxy,
            source,
            film.parent,
            _ranges(ctx, source),
            wanted=Wanted(ctx.params["teaser"], ctx.params["waveform"], ctx.params["waveform_color"]),
            limits=limits(ctx.settings),
            threads=ctx.settings.encode_threads,
            on_progress=ctx.progress,
        )
        files = {path.name: path for path in made.files.values()}
        warnings = [note.to_dict() for note in made.warnings]
        try:
            files |= _packed(film)
        except EngineError as fault:
            warnings += aids.done_without(aids.STREAM, fault)
        ctx.store(
            files,
            result=made.to_dict(),
            warnings=warnings,
            media={INDEX: {"duration": seconds(made.duration), "size": made.size and list(made.size)}},
        )


def _packed(film: Path) -> dict[str, Path]:
    """The film once more, as players stream it, and what they are to know of it."""
    target, index = film.with_name(f"{_LABEL}.mp4"), film.with_name(INDEX)
    with film.open("rb") as file:
        packed = package([Clip(file)], target)
    index.write_text(json.dumps({"renditions": {_LABEL: packed.to_dict()}}))
    return {target.name: target, index.name: index}


def _ranges(ctx: StageContext, source: BinaryIO) -> list[Range]:
    keep = asked(ctx)
    return keep if ctx.has_input("cut") else engine.cut_ranges(source, keep, limits(ctx.settings))
