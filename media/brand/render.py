"""Brand: put an intro and an outro around a video and a watermark over it.

Every body frame is in the output: outside of crossfades as it is (under the watermark), within them mixed with the
card. The first sound track carries the cards' sound, further ones are silent there, so that all stay in step.
Subtitles and chapters of the body move with it. Only what changes is encoded: the body's whole groups of pictures are
copied (`media.brand.splice`) unless something is laid over most of them. Where that cannot be, or where the result does
not pass its check, everything is encoded (`media.brand.whole`), and the result says why. What is long is better encoded
in segments (`media.brand.segmented`, and `media.brand.inlay` for stretches of it).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

from media.brand.inlay import Inlay
from media.brand.levels import levels_for, notices, reports
from media.brand.look import legibility
from media.brand.paint import mostly_painted
from media.brand.result import BrandResult
from media.brand.spec import BrandSpec
from media.brand.splice import splice
from media.brand.stage import body_length
from media.brand.whole import encode
from media.loudness import Level
from media.progress import Meter
from media.smartcut import NotCuttable
from media.source import open_source
from media.timeline import timeline
from media.types import DEFAULT_LIMITS, Limits, Notice, Progress, no_progress


def brand(
    body: BinaryIO,
    target: Path,
    spec: BrandSpec,
    *,
    limits: Limits = DEFAULT_LIMITS,
    threads: int = 0,
    on_progress: Progress = no_progress,
    inlay: Inlay | None = None,
) -> BrandResult:
    """Write `body` with what `spec` adds into the MP4 `target`. On any error `target` does not exist afterwards.

    `inlay` is what of the painted stretches was encoded in segments.

    Raises:
        NotSplittable: segments_differ, when the inlay does not fit; do without it.
        InputError: as `open_source`, for the body and the cards; no_video, invalid_transition (a crossfade longer than
            a card or half of the body), unsupported_text and other refusals of `make_title`, and of `open_image`.
        EngineError: the encoder failed.
    """
    meter = Meter(on_progress)
    reason: NotCuttable | None = None
    made: BrandResult | None = None
    levels = levels_for(body, spec, limits=limits, meter=meter)
    if not _mostly_painted(body, spec, limits):
        try:
            made = splice(body, target, spec, limits=limits, threads=threads, meter=meter, levels=levels, inlay=inlay)
        except NotCuttable as refusal:
            reason = refusal
            body.seek(0)
    if made is None:
        made = encode(body, target, spec, limits=limits, threads=threads, meter=meter, levels=levels)
        made = explained(made, reason)
    made = listened(made, target, spec, levels)
    meter.finish()
    return made


def _mostly_painted(body: BinaryIO, spec: BrandSpec, limits: Limits) -> bool:
    if not spec.has_overlays:
        return False
    with open_source(body, limits) as container:
        duration = body_length(timeline(container), spec)
    body.seek(0)
    return mostly_painted(spec, duration)


def listened(made: BrandResult, target: Path, spec: BrandSpec, levels: Sequence[Level]) -> BrandResult:
    """What was written, with the loudness that it has now, and what is to be said of that and of its colours."""
    told = reports(target, spec, levels)
    return replace(made, loudness=told, warnings=(*made.warnings, *notices(told), *legibility(spec)))


def explained(made: BrandResult, reason: NotCuttable | None) -> BrandResult:
    """What was encoded whole, with the `reason` if it had to be."""
    if reason is None:
        return made
    notice = Notice("reencoded", f"Everything was encoded: {reason.message}")
    return replace(made, fallback=reason.code, warnings=(notice, *made.warnings))
