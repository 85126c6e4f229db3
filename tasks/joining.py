"""What a stage that is split into parts reads: where it may be split, and what the parts have made."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from typing import BinaryIO

from media.brand.inlay import PaintedSegment
from media.keymap import KeyframeMap
from media.segments.pictures import EncodedSegment
from media.segments.sound import EncodedSound
from tasks.context import MadePart, StageContext

SOUND_SHARE = 0.02
"""What it costs to encode sound, measured by pictures."""


def keyframes(ctx: StageContext) -> KeyframeMap | None:
    """The map that the probe has made; sound alone has none."""
    found = ctx.find("keyframes")
    if found is None:
        return None
    with ctx.open(found) as file:
        return KeyframeMap.from_dict(json.load(file))


def made_pictures(ctx: StageContext, parts: Sequence[MadePart]) -> Iterator[tuple[EncodedSegment, BinaryIO]]:
    """The segments in their order; one is open at a time."""
    for part in parts:
        if "video.mp4" in part.files:
            with ctx.open(part.files["video.mp4"]) as file:
                yield EncodedSegment.from_dict(part.result["made"]), file


def made_paint(ctx: StageContext, parts: Sequence[MadePart]) -> Iterator[tuple[PaintedSegment, BinaryIO]]:
    """The painted segments in their order; one is open at a time."""
    for part in parts:
        with ctx.open(part.files["video.mp4"]) as file:
            yield PaintedSegment.from_dict(part.result["made"]), file


def made_sound(ctx: StageContext, files: ExitStack, parts: Sequence[MadePart]) -> tuple[EncodedSound, BinaryIO] | None:
    """The sound, if it was encoded as a part; `files` closes it."""
    for part in parts:
        if "sound.m4a" in part.files:
            return EncodedSound.from_dict(part.result["made"]), files.enter_context(ctx.open(part.files["sound.m4a"]))
    return None
