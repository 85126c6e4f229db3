"""Placing pictures: shape, place, rotation and colours, all measured on the placed frame."""

from __future__ import annotations

import gc
from fractions import Fraction

import av
import numpy as np
import pytest

from media.encode import Colour
from media.frames import BT709, SRGB, Canvas, Placer, contain, even, sane_aspect, tag
from media.orientation import Orientation

ONE = 1 << 16
MATRICES = {
    "upright": (ONE, 0, 0, 0, ONE, 0, 0, 0, 1 << 30),
    "quarter right": (0, ONE, 0, -ONE, 0, 0, 0, 0, 1 << 30),
    "half": (-ONE, 0, 0, 0, -ONE, 0, 0, 0, 1 << 30),
    "quarter left": (0, -ONE, 0, ONE, 0, 0, 0, 0, 1 << 30),
    "mirrored": (-ONE, 0, 0, 0, ONE, 0, 0, 0, 1 << 30),
    "transposed": (0, ONE, 0, ONE, 0, 0, 0, 0, 1 << 30),
}
QUADRANTS = {"red": (255, 0, 0), "green": (0, 255, 0), "blue": (0, 0, 255), "white": (255, 255, 255)}


def rgb(width: int, height: int, colour: tuple[int, int, int] | None = None) -> av.VideoFrame:
    """One colour, or red and green over blue and white."""
    picture = np.empty((height, width, 3), np.uint8)
    if colour:
        picture[:] = colour
    else:
        picture[: height // 2, : width // 2], picture[: height // 2, width // 2 :] = (
            QUADRANTS["red"],
            QUADRANTS["green"],
        )
        picture[height // 2 :, : width // 2], picture[height // 2 :, width // 2 :] = (
            QUADRANTS["blue"],
            QUADRANTS["white"],
        )
    return av.VideoFrame.from_ndarray(picture, format="rgb24")


def luma(frame: av.VideoFrame) -> np.ndarray:
    return frame.to_ndarray()[: frame.height]


def corners(frame: av.VideoFrame) -> list[str]:
    """Names of the colours in reading order."""
    picture = np.asarray(frame.to_image(), int)
    height, width, _ = picture.shape
    found = [picture[y, x] for y in (height // 4, height * 3 // 4) for x in (width // 4, width * 3 // 4)]
    return [min(QUADRANTS, key=lambda name: np.abs(pixel - QUADRANTS[name]).sum()) for pixel in found]


@pytest.mark.parametrize(
    ("inner", "outer", "expected"),
    [
        ((1920, 1080, 1), (1280, 720, 1), (1280, 720)),
        ((1440, 1080, 1), (1280, 720, 1), (960, 720)),
        ((1080, 1920, 1), (1280, 720, 1), (404, 720)),
        ((720, 576, Fraction(64, 45)), (1280, 720, 1), (1280, 720)),
        ((1280, 720, 1), (720, 576, Fraction(16, 15)), (720, 432)),
        ((854, 480, 1), (1280, 720, 1), (1280, 720)),
        ((10, 4000, 1), (320, 180, 1), (2, 180)),
    ],
)
def test_contain(inner, outer, expected) -> None:
    assert contain(inner, outer) == expected


def test_even_and_sane() -> None:
    assert [even(n) for n in (0, 1, 3, 4, 5, Fraction(27, 5))] == [2, 2, 4, 4, 4, 6]
    assert sane_aspect(None) == sane_aspect(Fraction(0)) == sane_aspect(Fraction(1, 500)) == 1
    assert sane_aspect(Fraction(16, 15)) == Fraction(16, 15)


def test_pads_with_black_in_the_middle() -> None:
    placed = luma(Placer(Canvas(width=320, height=180))(rgb(200, 200, (255, 255, 255))))
    assert placed.shape == (180, 320)
    columns = np.nonzero(placed[90] > 128)[0]
    assert (columns[0], columns[-1]) == (70, 249)
    assert placed[:, :68].max() == placed[:, 252:].max() == 16
    assert placed[:, 74:246].min() >= 234


def test_padding_is_black_in_full_range_too() -> None:
    canvas = Canvas(width=320, height=180, colour=Colour(1, 1, 1, full_range=True))
    placed = luma(Placer(canvas)(rgb(100, 180, (255, 255, 255))))
    assert placed[:, :50].max() == 0
    assert placed[:, 160].min() >= 254


def test_wide_pixels_are_shown_wide() -> None:
    placed = Placer(Canvas(width=320, height=180), sample_aspect=Fraction(16, 9))(rgb(100, 100, (255, 255, 255)))
    assert (luma(placed) > 128).all()


@pytest.mark.parametrize("name", MATRICES)
def test_a_turned_canvas_shows_pictures_upright(name: str) -> None:
    turned = Orientation.of(MATRICES[name])
    width, height = turned.size(320, 180)
    canvas = Canvas(width=320, height=180, matrix=MATRICES[name])
    assert canvas.shown == (width, height)
    stored = Placer(canvas)(rgb(width, height))
    assert (stored.width, stored.height) == (320, 180)
    seen = _turn(stored, turned)
    assert corners(seen) == ["red", "green", "blue", "white"]


@pytest.mark.parametrize("name", MATRICES)
def test_inverse(name: str) -> None:
    turned = Orientation.of(MATRICES[name])
    frame = Placer(Canvas(width=64, height=64))(rgb(64, 64))
    assert corners(_turn(_turn(frame, turned), turned.inverse)) == corners(frame)


def test_the_quarter_turn_is_clockwise() -> None:
    turned = _turn(Placer(Canvas(width=64, height=64))(rgb(64, 64)), Orientation.of(MATRICES["quarter right"]))
    assert corners(turned) == ["blue", "red", "white", "green"]


def test_a_slanted_matrix_counts_as_the_nearest() -> None:
    assert Orientation.of((46000, 45000, 0, -45000, 46000, 0, 0, 0, 1 << 30)) == Orientation()


@pytest.mark.parametrize(
    ("colour", "red"),
    # Y, U, V of full red from the matrix coefficients of ITU-R BT.709 and BT.601 at 8 bits, limited range
    [(BT709, (63, 102, 240)), (Colour(6, 6, 6), (81, 90, 240)), (Colour(), (81, 90, 240))],
)
def test_colours_follow_the_canvas(colour: Colour, red: tuple[int, int, int]) -> None:
    placed = Placer(Canvas(width=64, height=64, colour=colour))(rgb(64, 64, (255, 0, 0)))
    planes = [int(np.frombuffer(memoryview(plane), np.uint8)[0]) for plane in placed.planes]
    assert np.abs(np.subtract(planes, red)).max() <= 1
    assert placed.colorspace == colour.matrix


@pytest.mark.parametrize(("transfer", "share"), [(18, 0.75), (16, 0.58)])
def test_sdr_white_is_reference_white_in_hdr(transfer: int, share: float) -> None:
    """ITU-R BT.2408: 75 % of the HLG signal, 58 % of PQ."""
    canvas = Canvas(width=64, height=64, pixel_format="yuv420p10le", colour=Colour(9, transfer, 9))
    white = rgb(64, 64, (255, 255, 255))
    tag(white, SRGB)
    level = (int(luma(Placer(canvas)(white))[32, 32]) - 64) / 876
    assert level == pytest.approx(share, abs=0.01)


def test_hdr_is_tone_mapped() -> None:
    """HLG reference white becomes a bright SDR grey, its peak near white, and the order of levels stays."""
    levels = []
    placer = Placer(Canvas(width=64, height=64))
    for share in (0.25, 0.5, 0.75, 1):
        canvas = np.full((96, 64), 512, np.uint16)
        canvas[:64] = 64 + round(876 * share)
        frame = av.VideoFrame.from_ndarray(canvas, format="yuv420p10le")
        tag(frame, Colour(9, 18, 9))
        levels.append(int(luma(placer(frame))[32, 32]))
    assert levels == sorted(levels)
    assert 150 < levels[2] < 225
    assert 215 < levels[3] <= 235


def _turn(frame: av.VideoFrame, orientation: Orientation) -> av.VideoFrame:
    graph = av.filter.Graph()
    source = graph.add_buffer(width=frame.width, height=frame.height, format=frame.format, time_base=Fraction(1, 25))
    steps = [graph.add(name, arguments or None) for name, arguments in orientation.filters]
    graph.link_nodes(source, *steps, graph.add("buffersink")).configure()
    graph.vpush(frame)
    return graph.vpull()


def test_placed_frames_are_let_go_at_once() -> None:
    """Frames in cycles would wait for the garbage collector, 3 MB each."""
    placer = Placer(Canvas(width=64, height=36))
    gc.collect()
    gc.disable()
    try:
        for _ in range(40):
            placer(av.VideoFrame(128, 72, "yuv420p"))
        alive = sum(isinstance(item, av.VideoFrame) for item in gc.get_objects())
    finally:
        gc.enable()
    assert alive < 10
