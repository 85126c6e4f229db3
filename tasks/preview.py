"""Preview: what people look at before the result is done, and beside it."""

from __future__ import annotations

from media import preview as engine
from tasks.base import stage
from tasks.context import StageContext
from tasks.limits import limits


@stage("preview")
def preview(ctx: StageContext) -> None:
    """Render a small seekable proxy, a poster and a sprite sheet."""
    with ctx.open(ctx.input("body")) as body, ctx.output(engine.NAMES["preview"]) as proxy:
        made = engine.render(
            body,
            proxy.parent,
            height=ctx.params["height"],
            limits=limits(ctx.settings),
            threads=ctx.settings.encode_threads,
            on_progress=ctx.progress,
        )
        files = {path.name: path for path in made.files.values()}
        ctx.store(files, result=made.to_dict(), warnings=[note.to_dict() for note in made.warnings])
