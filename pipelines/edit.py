"""The edit pipeline: (import →) probe → (trim → brand beside seams beside proxy → preview) → publish."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

from core.errors import InputError
from core.models import Asset
from core.plan import JobPlan
from core.settings import get_settings
from pipelines import branding, inspect
from pipelines.planner import Output, Planner
from pipelines.request_schema import of_the_job
from pipelines.sources import plan_input

NAME = "edit"
# A player's clock is rounded: an end so little past the recording's means its end.
_SLACK = Fraction(1, 10)
# What a preview is asked for beside its size, which is the proxy's.
_BESIDE = ("teaser", "waveform", "waveform_color")


def plan(account_id: str, request: Mapping[str, Any]) -> JobPlan:
    """Plan an edit from a request that `EditSchema` has loaded.

    Raises NotFoundError `asset_not_found`; InputError `url_refused`, `no_video`, `range_past_end`, `too_many_streams`,
    `too_many_pixels`, `too_long` when the asset's facts, if they are known by now, rule the edit out: the engine checks
    again.
    """
    _check_length(request["keep"], get_settings().max_duration_s)
    planner = Planner(account_id)
    given = plan_input(planner, account_id, request["input"])
    facts = inspect.facts(account_id, given.asset) if given.asset else None
    check(facts, request)
    source = given.source
    inspect.plan_probe(planner, source)
    keep = [[piece["start"], piece["end"]] for piece in request["keep"]]
    inputs: dict[str, Asset | Output] = {"source": source, "keyframes": Output("probe", "keyframes.json")}
    planner.add("trim", params={"keep": keep, "mode": request["mode"]}, inputs=inputs, after=["probe"])
    body, last = Output("trim", "video.mp4"), ["trim"]
    if request["preview"]:
        cuts = {"source": source} | _told(request["mode"])
        planner.add(
            "seams",
            params={"keep": keep, "height": request["preview"]["height"]},
            inputs=cuts,
            after=["probe"],
            streams={"seams_hls": ("seams.json", "seams")},
        )
        # Not of this edit: whoever edits the same recording again finds the proxy made.
        planner.add("proxy", params={"height": request["preview"]["height"]}, inputs=inputs)
        planner.add(
            "preview",
            params={"keep": keep} | {name: request["preview"][name] for name in _BESIDE},
            inputs={"proxy": Output("proxy", "proxy.mp4")} | cuts,
            outputs={
                "preview": ("proxy.mp4", "-preview"),
                "poster": ("poster.jpg", "-poster"),
                "sprite": ("sprite.jpg", "-sprite"),
                "thumbnails": ("thumbnails.vtt", "-thumbnails"),
                "teaser": ("teaser.webp", "-teaser"),
                "waveform": ("waveform.json", "-waveform"),
                "waveform_image": ("waveform.png", "-waveform"),
            },
            streams={"preview_hls": ("preview.json", "seams")},
        )
    if request["brand"]:
        branded = branding.add(planner, account_id, request["brand"], body)
        last += ["brand"] if branded != body else []
        body = branded
    planner.add("publish", params={}, inputs={"body": body}, after=last, outputs={"video": ("video.mp4", "-cut")})
    if request["hls"]:
        planner.add(
            "hls",
            params=request["hls"],
            inputs={"body": Output("publish", "video.mp4")},
            streams={"video_hls": ("hls.json", "hls")},
        )
    inspect.plan_moderation(planner)
    return JobPlan(
        pipeline=NAME,
        input_asset_id=given.asset.id if given.asset else None,
        filename=request.get("filename") or given.filename,
        stages=planner.stages,
        **of_the_job(account_id, request),
        media_ms=_length_ms(facts, request["keep"]),
    )


def _told(mode: str) -> dict[str, Output]:
    """What previews and seams wait for to know their cuts: where they are moved to keyframes, only trim can tell."""
    return {"cut": Output("trim", "video.mp4")} if mode == "copy" else {}


def check(facts: Mapping[str, Any] | None, request: Mapping[str, Any]) -> None:
    """Refuse what the facts of the source rule out, before anything is queued."""
    if facts is None:
        return
    if facts["kind"] == "image":
        raise InputError("no_video", "The input is an image: an edit starts from a video or a sound recording.")
    if facts["kind"] == "audio" and request["brand"]:
        raise InputError(
            "no_video", "The input has no picture to brand: leave brand out.", fields={"brand": ["No video."]}
        )
    duration = Fraction(facts["duration"])
    _check_size(facts, duration)
    _check_ranges(duration, request["keep"])
    _check_length(
        [piece | {"end": piece["end"] or duration} for piece in request["keep"]], get_settings().max_duration_s
    )


def _length_ms(facts: Mapping[str, Any] | None, keep: Sequence[Mapping[str, Any]]) -> int:
    """How long the result will be, as far as that is known now: what is kept to an unknown end counts later."""
    last = Fraction(facts["duration"]) if facts else None
    ends = [last if piece["end"] is None else Fraction(piece["end"]) for piece in keep]
    lengths = [end - Fraction(piece["start"]) for piece, end in zip(keep, ends, strict=True) if end is not None]
    return round(sum(lengths, Fraction(0)) * 1000)


def _check_size(facts: Mapping[str, Any], duration: Fraction) -> None:
    """Refuse at once what the engine would refuse to open; its codes are the same."""
    settings = get_settings()
    if len(facts["streams"]) > settings.max_streams:
        raise InputError("too_many_streams", f"The file has more than {settings.max_streams} streams.")
    largest = max((stream["width"] * stream["height"] for stream in facts["streams"] if "width" in stream), default=0)
    if largest > settings.max_pixels:
        raise InputError("too_many_pixels", f"The picture has more than {settings.max_pixels} pixels.")
    if duration > settings.max_duration_s:
        raise InputError("too_long", f"The recording is longer than the {settings.max_duration_s} s allowed.")


def _check_length(keep: Sequence[Mapping[str, Any]], most: int) -> None:
    """Refuse a result that no stage may make: ranges may repeat, so it can be longer than its source."""
    if sum(Fraction(piece["end"]) - Fraction(piece["start"]) for piece in keep if piece["end"] is not None) > most:
        raise InputError(
            "too_long", f"The result would be longer than the {most} s allowed.", fields={"keep": ["Too long."]}
        )


def _check_ranges(duration: Fraction, keep: Sequence[Mapping[str, Any]]) -> None:
    fields = {
        f"keep.{index}": ["Past the end of the recording."]
        for index, piece in enumerate(keep)
        if Fraction(piece["start"]) >= duration or Fraction(piece["end"] or 0) > duration + _SLACK
    }
    if fields:
        raise InputError("range_past_end", f"The recording ends at {float(duration):.3f} s.", fields=fields)
