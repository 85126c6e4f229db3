"""Seams: what plays around each cut, before anything else of an edit is made."""

from __future__ import annotations

import json
import time
from fractions import Fraction

from media.errors import EngineError, InputError
from media.hls.seams import render_seams
from tasks import aids
from tasks.base import stage
from tasks.context import StageContext
from tasks.cuts import asked
from tasks.limits import limits

_THREADS = 2
_PATIENCE_S = 300
"""What takes longer, as where a source can be entered hardly anywhere, is not worth waiting for."""


class _TooLong(Exception):
    """The seams would come too late to be of use."""


@stage("seams")
def seams(ctx: StageContext) -> None:
    """Render what plays around each cut, in small: the first of an edit that can be watched."""
    deadline = time.monotonic() + _PATIENCE_S

    def progress(done: Fraction) -> None:
        if time.monotonic() > deadline:
            raise _TooLong
        ctx.progress(done)

    with ctx.open(ctx.input("source")) as source, ctx.scratch() as folder:
        film, index = folder / "seams.mp4", folder / "seams.json"
        try:
            made = render_seams(
                source,
                film,
                asked(ctx),
                height=ctx.params["height"],
                limits=limits(ctx.settings),
                threads=_THREADS,
                on_progress=progress,
            )
        except InputError as refusal:
            # Whether the edit can be made is for the stages to say that make it.
            ctx.store({}, result={"refused": refusal.code})
            return
        except _TooLong:
            ctx.store({}, result={"refused": "too_long"})
            return
        except EngineError as fault:
            ctx.store({}, result={"refused": fault.code}, warnings=aids.done_without(aids.SEAMS, fault))
            return
        index.write_text(json.dumps(made.to_dict()))
        facts = made.rendition.summary()
        ctx.store(
            {film.name: film, index.name: index},
            result=facts | {"joints": len(made.joints), "whole": made.whole},
            media={index.name: facts},
        )
