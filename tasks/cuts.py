"""The cuts of an edit, as its preview and its seams show them."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from media.types import Range
from tasks.context import StageContext


def asked(ctx: StageContext) -> list[Range]:
    """What the result shows of the source: where cuts are moved to keyframes, trim has told which; else what was asked
    for."""
    if ctx.has_input("cut"):
        return [Range(Fraction(cut["start"]), Fraction(cut["end"])) for cut in ctx.told("cut")["ranges"]]
    keep: Sequence[Sequence[Any]] = ctx.params["keep"]
    return [Range(Fraction(start), None if end is None else Fraction(end)) for start, end in keep]
