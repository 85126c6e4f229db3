"""A watermark for a while: the body is encoded there, and copied to the bit before and after it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

import av
import numpy as np
import pytest
from judging import decoded, ffmpeg_says, psnr
from PIL import Image
from variants import make

from media.barcode import read_frame
from media.brand import BrandSpec, ImageCard, LowerThird, Transition, Watermark, brand
from media.brand.inlay import Inlay, PaintedSegment, paint_segment
from media.brand.segmented import shown_length
from media.brand.watermark import mark_box
from media.frames import Canvas
from media.keyframes import keyframe_map
from media.pixels import planes
from media.segments.plan import plan_segments
from media.titling import Look, lower_third
from media.types import Range


def image(size=(100, 50)) -> BytesIO:
    file = BytesIO()
    Image.new("RGB", size, (255, 255, 255)).save(file, "PNG")
    return file


def mark(start: str, end: str | None, **options) -> Watermark:
    return Watermark(
        file=image(),
        position="left",
        opacity=Fraction(1),
        start=Fraction(start),
        end=None if end is None else Fraction(end),
        **options,
    )


def judge(body: Path, target: Path, spec: BrandSpec, *, lead: int = 0):
    """Frame numbers with the mark, and those that were encoded without it."""
    with body.open("rb") as file:
        result = brand(file, target, spec)
    originals = decoded(body)
    assert result.fallback is None
    assert ffmpeg_says(target, *(seam.at for seam in result.seams)) == ""
    box = mark_box(spec.watermark, (100, 50), Canvas(width=320, height=180))
    area = (slice(box[1] + 4, box[1] + box[3] - 4), slice(box[0] + 4, box[0] + box[2] - 4))
    with av.open(str(target)) as container:
        frames = list(container.decode(video=0))[lead:]
    numbers, marked, touched = [], set(), set()
    for frame in frames:
        number = read_frame(frame)
        numbers.append(number)
        likeness = psnr(frame.to_ndarray(), originals[number][0][1])
        if planes(frame)[0][area].min() > 200:
            marked.add(number)
        else:
            assert likeness >= 40
            touched |= {number} if likeness != np.inf else set()
    return result, numbers, marked, touched, originals


@pytest.mark.parametrize("name", ["pyramid.mp4", "no_b.mp4", "intra.mp4", "hevc.mp4"])
def test_only_its_time_is_encoded(name, clip, clips, tmp_path) -> None:
    body = make(clip, clips, name)
    spec = BrandSpec(watermark=mark("2", "3.5"))
    result, numbers, marked, touched, originals = judge(body, tmp_path / "out.mp4", spec)
    rate = Fraction(30)
    assert numbers == sorted(originals)
    assert marked == {number for number in numbers if 2 <= number / rate < Fraction(7, 2)}
    # Of the rest no more is encoded than the groups that the mark begins and ends in.
    assert len(touched) <= 2 * 32
    assert result.copied > 0
    assert result.frames == result.body_frames == len(numbers)


def test_beside_cards_and_crossfades(clip, clips, tmp_path) -> None:
    """From the crossfade with the intro to the end, under the crossfade with the outro."""
    body = make(clip, clips, "pyramid.mp4")
    white = ImageCard(image((320, 180)), Fraction(1))
    spec = BrandSpec(
        intro=white, outro=white, transition=Transition("dissolve", Fraction(1, 2)), watermark=mark("4", None)
    )
    with body.open("rb") as file:
        result = brand(file, tmp_path / "out.mp4", spec)
        file.seek(0)
        plain = brand(file, tmp_path / "plain.mp4", replace(spec, watermark=None))
    assert result.fallback is plain.fallback is None
    assert (result.frames, result.duration) == (plain.frames, plain.duration)
    with av.open(str(tmp_path / "out.mp4")) as one, av.open(str(tmp_path / "plain.mp4")) as two:
        pairs = list(zip(one.decode(video=0), two.decode(video=0), strict=True))
    box = mark_box(spec.watermark, (100, 50), Canvas(width=320, height=180))
    area = (slice(box[1] + 4, box[1] + box[3] - 4), slice(box[0] + 4, box[0] + box[2] - 4))
    for made, without in pairs:
        assert made.pts == without.pts
        time = Fraction(made.pts) * made.time_base - Fraction(1, 2)
        inside = planes(made)[0][area].mean()
        if 4 <= time < result.segments[2].end - Fraction(1, 2):
            assert inside > 225
        elif time < 4:
            assert abs(planes(made)[0].astype(float) - planes(without)[0]).mean() < 3


def test_a_lower_third_is_drawn_over_its_time_alone(clip, clips, tmp_path) -> None:
    """Of the body only the groups that it touches are encoded; it comes, stands and goes."""
    body = make(clip, clips, "no_b.mp4")
    third = LowerThird(title="Ada", subtitle="Mathematician", start=Fraction(2), end=Fraction(4), background="#ffffff")
    target = tmp_path / "out.mp4"
    with body.open("rb") as file:
        result = brand(file, target, BrandSpec(lower_thirds=(replace(third, template="bar", color="#000000"),)))
    assert result.fallback is None
    assert result.copied == Fraction(4)
    look = Look.of(background="#ffffff", color="#000000")
    scene = lower_third("bar", "Ada", "Mathematician", look, side="left", size=(320, 180))
    left, top, right, bottom = scene.region
    originals = decoded(body)
    moving = []
    with av.open(str(target)) as container:
        for number, frame in enumerate(container.decode(video=0)):
            given = planes(av.VideoFrame.from_ndarray(originals[number][0][1], format="yuv420p"))[0].astype(float)
            shown = planes(frame)[0].astype(float)
            if not 60 <= number < 120:
                assert np.array_equal(shown, given)
                continue
            if 90 <= number < 105:  # settled: as Pillow draws it, over the picture
                layer = np.asarray(scene.layer(scene.settled), float)
                luma = 16 + layer[..., :3] @ (0.299, 0.587, 0.114) * 219 / 255
                share = layer[..., 3] / 255
                wanted = given.copy()
                area = wanted[top:bottom, left:right]
                area[:] = area * (1 - share) + luma * share
                assert psnr(shown, wanted) > 33
            moving.append(float(np.abs(shown - given)[top:bottom, left:right].mean()))
    assert moving[0] < moving[5] < moving[12]
    assert moving[-1] < moving[-5] < moving[-12]


@pytest.mark.parametrize("name", ["pyramid.mp4", "hevc.mp4", "hevc10.mp4", "late.mp4", "vfr.mp4", "rotated.mp4"])
def test_painted_by_many_is_as_painted_by_one(name, clip, clips, tmp_path) -> None:
    """The stretch in segments, each by itself, then laid between what is copied."""
    body = make(clip, clips, name)
    spec = BrandSpec(watermark=mark("1", "3.9"))
    with body.open("rb") as file:
        duration = shown_length(file, spec)
        keep = [Range(Fraction(1), Fraction("3.9"))]
        plan = plan_segments(keyframe_map(file), keep, duration=duration, segment_s=Fraction(1))
        assert len(plan) > 1

        def painted() -> Iterator[tuple[PaintedSegment, BinaryIO]]:
            for segment in plan:
                target = tmp_path / f"{segment.number}.mp4"
                with body.open("rb") as again:
                    made = paint_segment(again, target, segment, spec, duration)
                with target.open("rb") as part:
                    yield made, part

        file.seek(0)
        result = brand(file, tmp_path / "many.mp4", spec, inlay=Inlay(plan, painted()))
        file.seek(0)
        alone = brand(file, tmp_path / "one.mp4", spec)
    assert result.fallback is alone.fallback is None
    assert ffmpeg_says(tmp_path / "many.mp4", *(seam.at for seam in result.seams)) == ""
    assert (result.frames, result.duration, result.copied) == (alone.frames, alone.duration, alone.copied)
    many, one = (decoded(tmp_path / f"{name}.mp4") for name in ("many", "one"))
    assert sorted(many) == sorted(one)
    with av.open(str(tmp_path / "many.mp4")) as first, av.open(str(tmp_path / "one.mp4")) as second:
        for this, that in zip(first.decode(video=0), second.decode(video=0), strict=True):
            assert this.pts == that.pts
            steps = 4 if name == "hevc10.mp4" else 1
            assert psnr(planes(this)[0] / steps, planes(that)[0] / steps) > 40
