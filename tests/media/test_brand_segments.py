"""A watermark over all of a body: encoded in segments, joined, and the same whoever encoded what."""

from __future__ import annotations

import hashlib
import json
from fractions import Fraction
from io import BytesIO
from pathlib import Path

import av
import numpy as np
import pytest
from measure import clicks, flashes, numbers, sound
from PIL import Image

from media.barcode import read_frame
from media.brand import BrandSpec, ImageCard, Transition, Watermark, brand
from media.brand.segmented import brand_segments, dressed, needs_sound, split_body
from media.brand.watermark import mark_box
from media.errors import InputError
from media.frames import Canvas
from media.keyframes import keyframe_map
from media.pixels import planes
from media.sample import make_sample
from media.segments.pictures import EncodedSegment, encode_segment
from media.segments.plan import Segment, plan_segments
from media.types import Range

AAC_FRAME = Fraction(1024, 48_000)
SECONDS = 8


@pytest.fixture(scope="module")
def body(clips) -> Path:
    path = clips / "marked_body.mp4"
    make_sample(path, seconds=Fraction(SECONDS), size=(320, 180), keyframe_every=30)
    return path


def image(colour, size=(100, 50)) -> BytesIO:
    file = BytesIO()
    Image.new("RGBA", size, colour).save(file, "PNG")
    return file


def mark(**options) -> Watermark:
    return Watermark(file=image((255, 255, 255, 255)), **{"position": "left", "opacity": Fraction(1)} | options)


def plan_of(body: Path, length: int) -> tuple[Segment, ...]:
    with body.open("rb") as file:
        keep = [Range(Fraction(0), Fraction(SECONDS))]
        return plan_segments(keyframe_map(file), keep, duration=Fraction(SECONDS), segment_s=Fraction(length))


def encode(body: Path, folder: Path, spec: BrandSpec, plan) -> list[tuple[EncodedSegment, Path]]:
    """Through JSON, as they would travel."""
    folder.mkdir()
    made = []
    for segment in plan:
        target = folder / f"{segment.number}.mp4"
        with body.open("rb") as file:
            facts = encode_segment(
                file,
                target,
                Segment.from_dict(json.loads(json.dumps(segment.to_dict()))),
                dress=dressed(spec, Fraction(SECONDS)),
            )
        made.append((EncodedSegment.from_dict(json.loads(json.dumps(facts.to_dict()))), target))
    return made


def joined(body: Path, made, target: Path, spec: BrandSpec, plan, folder: Path):
    def opened():
        for facts, path in made:
            with path.open("rb") as file:
                yield facts, file

    with body.open("rb") as file:
        return brand_segments(file, target, spec, plan, opened(), sound=None, scratch=folder)


def lumas(path: Path) -> list[np.ndarray]:
    with av.open(str(path)) as container:
        return [planes(frame)[0].astype(float) for frame in container.decode(video=0)]


def psnr(one: np.ndarray, other: np.ndarray) -> float:
    return 10 * np.log10(255**2 / max(float(((one - other) ** 2).mean()), 1e-9))


def test_segments_are_as_the_whole(body, tmp_path) -> None:
    spec, plan = BrandSpec(watermark=mark()), plan_of(body, 2)
    assert len(plan) == 4
    made = encode(body, tmp_path / "a", spec, plan)
    result = joined(body, made, tmp_path / "out.mp4", spec, plan, tmp_path)
    assert (result.frames, result.duration, result.reencoded) == (SECONDS * 30, SECONDS, SECONDS)
    assert numbers(tmp_path / "out.mp4") == list(range(SECONDS * 30))
    left, top, width, height = mark_box(mark(), (100, 50), Canvas(width=320, height=180))
    for given, shown in zip(lumas(body), lumas(tmp_path / "out.mp4"), strict=True):
        # Drawn by hand: limited-range white, nothing else.
        given[top : top + height, left : left + width] = 235
        assert psnr(given, shown) > 38
    # Sound is that of the body, to the bit.
    assert np.array_equal(sound(body)[2], sound(tmp_path / "out.mp4")[2])
    heard, seen = clicks(tmp_path / "out.mp4"), flashes(tmp_path / "out.mp4")
    assert len(heard) == len(seen) == SECONDS
    assert max(abs(a - b) for a, b in zip(heard, seen, strict=True)) < AAC_FRAME


def test_where_nothing_is_laid_over_it_a_segment_is_that_of_a_plain_encode(body, tmp_path) -> None:
    plan = plan_of(body, 2)
    [(_, dressed_up)] = encode(body, tmp_path / "a", BrandSpec(watermark=mark(end=Fraction(5))), plan[-1:])
    with body.open("rb") as file:
        encode_segment(file, tmp_path / "plain.mp4", plan[-1])
    assert dressed_up.read_bytes() == (tmp_path / "plain.mp4").read_bytes()


def test_who_encodes_what_does_not_show(body, tmp_path) -> None:
    """Segments made in another order and by others give the same file to the byte."""
    spec, plan = BrandSpec(watermark=mark()), plan_of(body, 4)
    once = encode(body, tmp_path / "a", spec, plan)
    again = list(reversed(encode(body, tmp_path / "b", spec, list(reversed(plan)))))
    digests = set()
    for number, made in enumerate((once, again)):
        target = tmp_path / f"{number}.mp4"
        joined(body, made, target, spec, plan, tmp_path)
        digests.add(hashlib.sha256(target.read_bytes()).hexdigest())
    assert len(digests) == 1


def test_cards_go_around_what_was_joined(body, tmp_path) -> None:
    spec = BrandSpec(
        watermark=mark(fade_in=Fraction(1)),
        intro=ImageCard(image((0, 0, 0, 255)), Fraction(1)),
        transition=Transition("dissolve", Fraction(1, 2)),
    )
    plan = plan_of(body, 4)
    made = encode(body, tmp_path / "a", spec, plan)
    result = joined(body, made, tmp_path / "out.mp4", spec, plan, tmp_path)
    assert result.fallback is None
    assert result.frames == SECONDS * 30 + 15
    with av.open(str(tmp_path / "out.mp4")) as container:
        frames = list(container.decode(video=0))[30:]
    assert [read_frame(frame) for frame in frames] == list(range(15, SECONDS * 30))
    assert not (tmp_path / "painted.mp4").exists()
    box = mark_box(mark(), (100, 50), Canvas(width=320, height=180))
    shown, given = lumas(tmp_path / "out.mp4"), lumas(body)
    for number in (15, 22):  # shown half a second later: the mark has come half or three quarters
        inside = (slice(box[1] + 2, box[1] + box[3] - 2), slice(box[0] + 2, box[0] + box[2] - 2))
        wanted = given[number][inside] + (235 - given[number][inside]) * number / 30
        assert psnr(shown[number + 15][inside], wanted) > 30


@pytest.mark.parametrize(
    ("options", "split"),
    [({}, True), ({"end": Fraction(50)}, True), ({"start": Fraction(40)}, False), (None, False)],
)
def test_only_what_changes_most_pictures_is_split(options, split, clips) -> None:
    path = clips / "minute.mp4"
    if not path.exists():
        make_sample(path, seconds=Fraction(64), size=(64, 64), fps=Fraction(10))
    spec = BrandSpec(watermark=None if options is None else mark(**options))
    with path.open("rb") as file:
        plan = split_body(file, spec, width=4)
        assert not needs_sound(file)
    assert (plan is not None) == split
    if plan:
        assert (len(plan), plan[0].start, plan[-1].end) == (4, 0, 64)


def test_a_short_body_is_not_split(body) -> None:
    with body.open("rb") as file:
        assert split_body(file, BrandSpec(watermark=mark()), width=4) is None


def test_what_would_never_be_seen_is_refused(body, tmp_path) -> None:
    with body.open("rb") as file, pytest.raises(InputError) as raised:
        brand(file, tmp_path / "out.mp4", BrandSpec(watermark=mark(start=Fraction(SECONDS))))
    assert raised.value.code == "overlay_past_end"
