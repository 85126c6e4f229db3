"""Proxies of files, whole or of parts, as stages make them: through JSON, as it would travel."""

from __future__ import annotations

import json
from contextlib import ExitStack
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

from media.errors import InputError
from media.keyframes import keyframe_map
from media.keymap import KeyframeMap
from media.proxy.pictures import encode_pictures
from media.proxy.plan import GRID, Look, ProxyPlan, plan_proxy, segment
from media.proxy.sound import encode_sound
from media.proxy.whole import ProxyResult, join_proxy, make_proxy
from media.segments.pictures import EncodedSegment


def planned(path: Path, *, height=360, width=1) -> ProxyPlan:
    with path.open("rb") as source:
        try:
            found = KeyframeMap.from_dict(keyframe_map(source).to_dict())
        except InputError:
            found = None
        source.seek(0)
        plan = plan_proxy(source, found, height=height, width=width)
    return ProxyPlan.from_dict(json.loads(json.dumps(plan.to_dict())))


def make(path: Path, target: Path, *, height=360, **options) -> ProxyResult:
    plan = planned(path, height=height)
    with path.open("rb") as source:
        return make_proxy(source, target, plan, **options)


def in_parts(path: Path, target: Path, borders, look: Look | None = None, **options) -> ProxyResult:
    """Joined of parts that begin at these multiples of the grid."""
    plan = planned(path)
    cuts = [Fraction(0), *(border * GRID for border in borders), plan.duration]
    spans = list(pairwise(cuts))
    pieces = tuple(segment(number, *span, plan.duration) for number, span in enumerate(spans))
    plan = ProxyPlan(look or plan.look, pieces, plan.has_sound, plan.duration)
    made, files = [], []
    for piece in pieces:
        files.append(target.with_name(f"{target.stem}-{piece.number}.mp4"))
        with path.open("rb") as source:
            facts = encode_pictures(source, files[-1], piece, plan.look, **options)
        made.append(EncodedSegment.from_dict(json.loads(json.dumps(facts.to_dict()))))
    with ExitStack() as stack:
        sound = None
        if plan.has_sound:
            track = target.with_name(f"{target.stem}-sound.m4a")
            with path.open("rb") as source:
                heard, _ = encode_sound(source, track, plan.duration)
            sound = heard, stack.enter_context(track.open("rb"))
        opened = ((facts, stack.enter_context(file.open("rb"))) for facts, file in zip(made, files, strict=True))
        return join_proxy(plan, opened, sound, target)
