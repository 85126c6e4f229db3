"""Preview: what people look at before the result is done, and beside it, cut from the proxy of the source."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any, BinaryIO

from media import preview as engine
from media.types import Range
from tasks.base import stage
from tasks.context import StageContext
from tasks.limits import limits


@stage("preview")
def preview(ctx: StageContext) -> None:
    """Cut the preview from the proxy; a poster and a sprite sheet."""
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
            limits=limits(ctx.settings),
            threads=ctx.settings.encode_threads,
            on_progress=ctx.progress,
        )
        files = {path.name: path for path in made.files.values()}
        ctx.store(files, result=made.to_dict(), warnings=[note.to_dict() for note in made.warnings])


def _ranges(ctx: StageContext, source: BinaryIO) -> list[Range]:
    """What the result shows of the source: where cuts are moved to keyframes, trim has told which; else it is known."""
    if ctx.has_input("cut"):
        return [Range(Fraction(cut["start"]), Fraction(cut["end"])) for cut in ctx.told("cut")["ranges"]]
    keep: Sequence[Sequence[Any]] = ctx.params["keep"]
    asked = [Range(Fraction(start), None if end is None else Fraction(end)) for start, end in keep]
    return engine.cut_ranges(source, asked, limits(ctx.settings))
