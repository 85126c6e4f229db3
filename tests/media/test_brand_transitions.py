"""Transitions beside references that are drawn here, sample by sample."""

from __future__ import annotations

from fractions import Fraction
from io import BytesIO

import av
import numpy as np
import pytest
from measure import clicks, sound
from PIL import Image

from media.brand import BrandSpec, ImageCard, Transition, VideoCard, brand
from media.brand.transitions import SOFT, Blend
from media.encode import Colour
from media.frames import Canvas
from media.orientation import Orientation
from media.pixels import planes
from media.sample import make_sample

ONE = 1 << 16
TURNS = [None, (0, ONE, 0, -ONE, 0, 0, 0, 0, 1 << 30), (-ONE, 0, 0, 0, ONE, 0, 0, 0, 1 << 30)]
STEPS = [Fraction(1, 20), Fraction(3, 10), Fraction(1, 2), Fraction(4, 5)]


def smoothstep(place: Fraction) -> float:
    return float(3 * place**2 - 2 * place**3)


def painted(seed: int, kind: str = "yuv420p") -> av.VideoFrame:
    rng = np.random.default_rng(seed)
    frame = av.VideoFrame(64, 48, kind)
    for plane in planes(frame):
        plane[:] = rng.integers(16, 235, plane.shape) << (0 if plane.dtype == np.uint8 else 2)
    return frame


def upright(plane: np.ndarray, matrix) -> np.ndarray:
    turn = Orientation.of(matrix)
    plane = plane.T if turn.swaps_sides else plane
    plane = plane[:, ::-1] if -1 in {turn.a, turn.c} else plane
    return plane[::-1] if -1 in {turn.b, turn.d} else plane


def pixel_by_pixel(kind: str, direction: str, one: np.ndarray, two: np.ndarray, place: Fraction) -> np.ndarray:
    """What is seen of one plane, each sample for itself."""
    height, width = one.shape
    along = width if direction in {"left", "right"} else height
    done = smoothstep(place)
    seen = np.zeros(one.shape)
    for y in range(height):
        for x in range(width):
            at = x if direction in {"left", "right"} else y
            if direction in {"right", "down"}:
                at = along - 1 - at
            if kind == "wipe":
                # 0 where the edge starts (the far end), 1 where it arrives.
                share = min(max((done * (1 + float(SOFT)) - (1 - (at + 0.5) / along)) / float(SOFT), 0), 1)
                seen[y, x] = one[y, x] * (1 - share) + two[y, x] * share
                continue
            moved = at + round(done * along)
            source, moved = (one, moved) if moved < along else (two, moved - along)
            if direction in {"right", "down"}:
                moved = along - 1 - moved
            seen[y, x] = source[y, moved] if direction in {"left", "right"} else source[moved, x]
    return seen


@pytest.mark.parametrize("matrix", TURNS)
@pytest.mark.parametrize("direction", ["left", "right", "up", "down"])
@pytest.mark.parametrize("kind", ["wipe", "slide"])
def test_what_moves(kind, direction, matrix) -> None:
    canvas = Canvas(width=64, height=48, matrix=matrix)
    first, second = painted(1), painted(2)
    blend = Blend(Transition(kind, Fraction(1), direction), canvas)
    for place in STEPS:
        made = blend(first, second, place)
        for plane, one, two in zip(planes(made), planes(first), planes(second), strict=True):
            wanted = pixel_by_pixel(kind, direction, upright(one, matrix), upright(two, matrix), place)
            assert np.abs(upright(plane, matrix) - wanted).max() <= 0.51


@pytest.mark.parametrize(("format_", "full"), [("yuv420p", False), ("yuv420p10le", False), ("yuv420p", True)])
def test_a_fade_goes_through_black(format_, full) -> None:
    first, second = painted(1, format_), painted(2, format_)
    canvas = Canvas(width=64, height=48, pixel_format=format_, colour=Colour(1, 1, 1, full))
    blend = Blend(Transition("fade", Fraction(1)), canvas)
    one_bit = 1 if format_ == "yuv420p" else 4
    for place in STEPS:
        share = abs(float(2 * place - 1))
        shown = first if place < Fraction(1, 2) else second
        for index, (plane, one) in enumerate(zip(planes(blend(first, second, place)), planes(shown), strict=True)):
            dark = 128 if index else (0 if full else 16)
            assert np.abs(plane - (one * share + dark * one_bit * (1 - share))).max() <= 0.51


def image(level: int) -> BytesIO:
    file = BytesIO()
    Image.new("RGB", (320, 180), (level, level, level)).save(file, "PNG")
    return file


@pytest.mark.parametrize("kind", ["fade", "wipe", "slide"])
def test_in_a_finished_file(kind, clip, tmp_path) -> None:
    """White outro, half a second of transition: every luma plane is near one that is drawn from the body's."""
    target = tmp_path / "out.mp4"
    spec = BrandSpec(outro=ImageCard(image(255), Fraction(1)), transition=Transition(kind, Fraction(1, 2)))
    with clip.open("rb") as body:
        result = brand(body, target, spec)
    assert result.fallback is None
    assert result.frames == 180 + 15
    with av.open(str(clip)) as one, av.open(str(target)) as two:
        given = [planes(frame)[0].astype(float) for frame in one.decode(video=0)]
        made = [planes(frame)[0].astype(float) for frame in two.decode(video=0)]
    white = np.full((180, 320), 235.0)
    for number in range(165, 180):
        place = Fraction(2 * (number - 165) + 1, 30)
        if kind == "fade":
            shown = given[number] if place < Fraction(1, 2) else white
            share = abs(float(2 * place - 1))
            wanted = shown * share + 16 * (1 - share)
        else:
            wanted = pixel_by_pixel(kind, "left", given[number], white, place)
        error = float(((made[number] - wanted) ** 2).mean())
        assert 10 * np.log10(255**2 / max(error, 1e-9)) > 36, (number, place)


def test_sound_is_crossfaded_with_every_kind(clip, clips, tmp_path) -> None:
    """The same sound whatever the picture does, and the clicks of both where both are heard."""
    card = clips / "transition_card.mp4"
    make_sample(card, seconds=Fraction(2), size=(320, 180))
    heard = {}
    for kind in ("dissolve", "wipe"):
        target = tmp_path / f"{kind}.mp4"
        with clip.open("rb") as body, card.open("rb") as file:
            brand(body, target, BrandSpec(outro=VideoCard(file), transition=Transition(kind, Fraction(1, 2))))
        heard[kind] = sound(target)[2]
        assert [round(float(time), 2) for time in clicks(target)] == [0, 1, 2, 3, 4, 5, 6.5]
    assert np.array_equal(heard["dissolve"], heard["wipe"])
