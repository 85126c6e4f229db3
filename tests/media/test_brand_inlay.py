"""What is painted for long, over less than half of a body: encoded in segments, laid between what is copied."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from fractions import Fraction
from io import BytesIO
from pathlib import Path

import av
import numpy as np
import pytest
from measure import clicks, flashes, numbers
from PIL import Image

from media.brand import BrandSpec, ImageCard, LowerThird, Transition, Watermark, brand
from media.brand.inlay import Inlay, PaintedSegment, paint_segment, split_painted
from media.brand.stretches import stretches
from media.brand.watermark import mark_box
from media.frames import Canvas
from media.keyframes import keyframe_map
from media.pixels import planes
from media.sample import make_sample
from media.segments.errors import NotSplittable
from media.segments.plan import Segment, plan_segments
from media.smartcut import NotCuttable
from media.types import Range

AAC_FRAME = Fraction(1024, 48_000)
SECONDS = 12
FROM, TO = Fraction(25, 10), Fraction(83, 10)
"""Of what is painted; neither is a keyframe's time."""


@pytest.fixture(scope="module")
def body(clips) -> Path:
    path = clips / "inlaid_body.mp4"
    make_sample(path, seconds=Fraction(SECONDS), size=(320, 180), keyframe_every=30)
    return path


def image(colour, size=(100, 50)) -> BytesIO:
    file = BytesIO()
    Image.new("RGBA", size, colour).save(file, "PNG")
    return file


def spec_of(colour=(255, 255, 255, 255), **more) -> BrandSpec:
    mark = Watermark(file=image(colour), position="left", opacity=Fraction(1), start=FROM, end=TO)
    return BrandSpec(watermark=mark, **more)


def plan_of(body: Path, length: Fraction = Fraction(19, 10), keep=((FROM, TO),)) -> tuple[Segment, ...]:
    with body.open("rb") as file:
        ranges = [Range(*span) for span in keep]
        return plan_segments(keyframe_map(file), ranges, duration=Fraction(SECONDS), segment_s=length)


def paint(body: Path, folder: Path, spec: BrandSpec, plan) -> list[tuple[PaintedSegment, Path]]:
    """Through JSON, as they would travel."""
    folder.mkdir()
    made = []
    for segment in plan:
        target = folder / f"{segment.number}.mp4"
        with body.open("rb") as file:
            facts = paint_segment(
                file, target, Segment.from_dict(json.loads(json.dumps(segment.to_dict()))), spec, Fraction(SECONDS)
            )
        made.append((PaintedSegment.from_dict(json.loads(json.dumps(facts.to_dict()))), target))
    return made


def laid(body: Path, target: Path, spec: BrandSpec, plan, made):
    def opened():
        for facts, path in made:
            with path.open("rb") as file:
                yield facts, file

    with body.open("rb") as file:
        return brand(file, target, spec, inlay=Inlay(plan, opened()))


def lumas(path: Path) -> list[np.ndarray]:
    with av.open(str(path)) as container:
        return [planes(frame)[0].astype(float) for frame in container.decode(video=0)]


def psnr(one: np.ndarray, other: np.ndarray) -> float:
    return 10 * np.log10(255**2 / max(float(((one - other) ** 2).mean()), 1e-9))


def test_segments_are_laid_between_what_is_copied(body, tmp_path) -> None:
    spec, plan = spec_of(), plan_of(body)
    assert len(plan) == 3
    made = paint(body, tmp_path / "a", spec, plan)
    target = tmp_path / "out.mp4"
    result = laid(body, target, spec, plan, made)
    assert (result.fallback, result.frames, result.duration) == (None, SECONDS * 30, SECONDS)
    assert numbers(target) == list(range(SECONDS * 30))
    left, top, width, height = mark_box(spec.watermark, (100, 50), Canvas(width=320, height=180))
    copied = 0
    for number, (given, shown) in enumerate(zip(lumas(body), lumas(target), strict=True)):
        if FROM <= Fraction(number, 30) < TO:
            # Drawn by hand: limited-range white, nothing else.
            given[top : top + height, left : left + width] = 235
            assert psnr(given, shown) > 38, number
        else:
            copied += bool(np.array_equal(given, shown))
            assert psnr(given, shown) > 40, number
    # All whole groups, of which what is painted has cut off two.
    assert copied >= 5 * 30
    assert result.copied == Fraction(copied, 30)
    heard, seen = clicks(target), flashes(target)
    assert len(heard) == len(seen) == SECONDS
    assert max(abs(a - b) for a, b in zip(heard, seen, strict=True)) < AAC_FRAME


def test_who_paints_what_does_not_show(body, tmp_path) -> None:
    """Segments made in another order and by others give the same file to the byte."""
    spec, plan = spec_of(), plan_of(body)
    once = paint(body, tmp_path / "a", spec, plan)
    again = list(reversed(paint(body, tmp_path / "b", spec, list(reversed(plan)))))
    digests = set()
    for number, made in enumerate((once, again)):
        target = tmp_path / f"{number}.mp4"
        laid(body, target, spec, plan, made)
        digests.add(hashlib.sha256(target.read_bytes()).hexdigest())
    assert len(digests) == 1


def test_several_stretches_between_cards(body, tmp_path) -> None:
    third = LowerThird(title="Ada", start=Fraction(9), end=Fraction(23, 2))
    spec = spec_of(
        lower_thirds=(third,),
        intro=ImageCard(image((0, 0, 0, 255)), Fraction(1)),
        outro=ImageCard(image((0, 0, 0, 255)), Fraction(1)),
        transition=Transition("dissolve", Fraction(3, 4)),
    )
    # The lower third is still on where the outro comes: that is for who mixes them.
    keep = ((FROM, TO), (Fraction(9), Fraction(11)))
    plan = plan_of(body, Fraction(3), keep)
    assert any(len(segment.parts) > 1 for segment in plan)
    target = tmp_path / "out.mp4"
    result = laid(body, target, spec, plan, paint(body, tmp_path / "a", spec, plan))
    assert (result.fallback, result.body_frames) == (None, SECONDS * 30)
    with body.open("rb") as file:
        alone = brand(file, tmp_path / "alone.mp4", spec)
    assert (result.frames, result.duration) == (alone.frames, alone.duration)
    for one, other in zip(lumas(target), lumas(tmp_path / "alone.mp4"), strict=True):
        assert psnr(one, other) > 40


def test_what_was_painted_otherwise_is_found_out(body, tmp_path) -> None:
    """A segment with another mark on it is not what was asked for, and everything is encoded instead."""
    plan = plan_of(body)
    made = paint(body, tmp_path / "a", spec_of(colour=(0, 0, 0, 255)), plan)
    result = laid(body, tmp_path / "out.mp4", spec_of(), plan, made)
    assert (result.fallback, result.copied) == ("certificate_failed", 0)


def test_segments_that_do_not_fit_are_refused(body, tmp_path) -> None:
    spec, plan = spec_of(), plan_of(body)
    made = paint(body, tmp_path / "a", spec, plan)
    wrong = [
        [made[1], made[0], made[2]],
        made[:2],
        [(replace(facts, headers="0"), path) for facts, path in made],
    ]
    for pieces in wrong:
        with pytest.raises(NotSplittable) as raised:
            laid(body, tmp_path / "out.mp4", spec, plan, pieces)
        assert raised.value.code == "segments_differ"
        assert not (tmp_path / "out.mp4").exists()


def test_a_body_that_is_not_copied_has_no_segments(clips, tmp_path) -> None:
    path = tmp_path / "body.webm"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libvpx", rate=10)
        stream.width, stream.height, stream.pix_fmt = 64, 64, "yuv420p"
        for number in range(20):
            frame = av.VideoFrame.from_ndarray(np.full((96, 64), 16 + number, np.uint8), format="yuv420p")
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    part = plan_segments(None, [Range(Fraction(0), Fraction(1))], duration=Fraction(2))
    with path.open("rb") as file, pytest.raises(NotCuttable):
        paint_segment(file, tmp_path / "out.mp4", part[0], spec_of(), Fraction(2))
    assert not (tmp_path / "out.mp4").exists()
    with path.open("rb") as file:
        short = spec_of()
        assert split_painted(file, replace(short, watermark=replace(short.watermark, start=0, end=1)), width=4) is None


@pytest.mark.parametrize(
    ("start", "end", "width", "parts"),
    [(6, 37, 4, 2), (6, 37, 1, None), (6, 30, 4, None), (2, 62, 4, None)],
)
def test_what_is_painted_for_long_is_split(start, end, width, parts, clips) -> None:
    path = clips / "minute.mp4"
    if not path.exists():
        make_sample(path, seconds=Fraction(64), size=(64, 64), fps=Fraction(10))
    mark = Watermark(file=image((255,) * 4), start=Fraction(start), end=Fraction(end))
    with path.open("rb") as file:
        plan = split_painted(file, BrandSpec(watermark=mark), width=width)
    assert (None if plan is None else len(plan)) == parts
    if plan:
        assert (plan[0].parts[0].start, plan[-1].parts[-1].end) == (start, end)


def test_what_is_mixed_with_a_card_is_not_split_off(clips) -> None:
    path = clips / "minute.mp4"
    if not path.exists():
        make_sample(path, seconds=Fraction(64), size=(64, 64), fps=Fraction(10))
    mark = Watermark(file=image((255,) * 4), start=Fraction(0), end=Fraction(32))
    card, fade = ImageCard(image((0, 0, 0, 255)), Fraction(2)), Transition("fade", Fraction(1))
    with path.open("rb") as file:
        plan = split_painted(file, BrandSpec(watermark=mark, intro=card, transition=fade), width=4)
    assert plan is not None
    assert plan[0].parts[0].start == Fraction(11, 10)


def test_stretches_are_in_order_and_leave_nothing_out() -> None:
    assert list(stretches((10, 100), [(0, 30), (50, 90)], [(10, 25), (60, 70), (70, 80)])) == [
        (10, 25, "laid"),
        (25, 30, "painted"),
        (30, 50, "copied"),
        (50, 60, "painted"),
        (60, 70, "laid"),
        (70, 80, "laid"),
        (80, 90, "painted"),
        (90, 100, "copied"),
    ]
    assert list(stretches((10, 100), [(95, 120)], [(95, 120)])) == [(10, 95, "copied"), (95, 100, "painted")]
