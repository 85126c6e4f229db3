"""HLS part: a stretch of the result, encoded in every size that is asked for."""

from __future__ import annotations

from media.hls.ladder import LadderPlan, encode_stretch
from tasks.base import stage
from tasks.context import StageContext
from tasks.limits import threads


@stage("hls_part")
def hls_part(ctx: StageContext) -> None:
    """Encode a stretch of the result in the sizes that streaming needs."""
    plan = LadderPlan.from_dict(ctx.params["plan"])
    with ctx.open(ctx.input("body")) as body, ctx.scratch() as folder:
        made = encode_stretch(body, folder, plan, threads=threads(ctx.settings), on_progress=ctx.progress)
        ctx.store({path.name: path for path in made.values()}, result={})
