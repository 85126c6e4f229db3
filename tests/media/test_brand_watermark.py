"""Watermarks: where they are, how strong, and that nothing else is touched."""

from __future__ import annotations

from fractions import Fraction
from io import BytesIO

import av
import numpy as np
import pytest
from measure import numbers
from PIL import Image

from media.brand import BrandSpec, Watermark, brand
from media.brand.patch import stored_box
from media.brand.spec import POSITIONS
from media.brand.watermark import Overlay, mark_box
from media.encode import Colour
from media.errors import InputError
from media.frames import Canvas
from media.orientation import Orientation
from media.pixels import planes

ONE = 1 << 16
MATRICES = [
    (ONE, 0, 0, 0, ONE, 0, 0, 0, 1 << 30),
    (0, ONE, 0, -ONE, 0, 0, 0, 0, 1 << 30),
    (-ONE, 0, 0, 0, -ONE, 0, 0, 0, 1 << 30),
    (0, -ONE, 0, ONE, 0, 0, 0, 0, 1 << 30),
    (-ONE, 0, 0, 0, ONE, 0, 0, 0, 1 << 30),
    (0, ONE, 0, ONE, 0, 0, 0, 0, 1 << 30),
]
HD = Colour(1, 1, 1)


def png(picture: Image.Image) -> BytesIO:
    file = BytesIO()
    picture.save(file, "PNG")
    return file


def plain(colour=(255, 255, 255, 255), size=(100, 50)) -> BytesIO:
    return png(Image.new("RGBA", size, colour))


def mark(file=None, **options) -> Watermark:
    return Watermark(file=file or plain(), **{"opacity": Fraction(1)} | options)


def grey(canvas: Canvas, level: int = 100) -> av.VideoFrame:
    frame = av.VideoFrame(canvas.width, canvas.height, canvas.pixel_format)
    luma, *chroma = planes(frame)
    luma[:] = level
    for plane in chroma:
        plane[:] = 128 if plane.dtype == np.uint8 else 512
    return frame


def shown(frame: av.VideoFrame, orientation: Orientation) -> np.ndarray:
    """The luma plane turned as players show it."""
    luma = planes(frame)[0]
    turned = luma.T if orientation.swaps_sides else luma
    turned = turned[:, ::-1] if -1 in {orientation.a, orientation.c} else turned
    return turned[::-1] if -1 in {orientation.b, orientation.d} else turned


@pytest.mark.parametrize("position", POSITIONS)
def test_the_place_and_the_size(position: str) -> None:
    canvas = Canvas(width=400, height=300, colour=HD)
    luma = planes(Overlay(mark(position=position, margin=Fraction(1, 20), width=Fraction(1, 4)), canvas)(grey(canvas)))[
        0
    ]
    rows, columns = np.nonzero(luma != 100)
    left, right, top, bottom = columns.min(), columns.max() + 1, rows.min(), rows.max() + 1
    assert (right - left, bottom - top) == (100, 50)
    assert len(rows) == 100 * 50
    across = {"left": (20, 120), "right": (280, 380)}
    down = {"top": (20, 70), "bottom": (230, 280)}
    words = position.split("-")
    assert (left, right) == next((across[word] for word in words if word in across), (150, 250))
    assert (top, bottom) == next((down[word] for word in words if word in down), (124, 174))


def test_margins_of_both_axes() -> None:
    canvas = Canvas(width=400, height=300, colour=HD)
    corner = mark(position="bottom-right", margin=Fraction(1, 20), margin_y=Fraction(1, 10), width=Fraction(1, 4))
    assert mark_box(corner, (100, 50), canvas) == (280, 210, 100, 50)


@pytest.mark.parametrize("opacity", ["0.1", "0.5", "0.8", "1"])
@pytest.mark.parametrize("alpha", [255, 128])
def test_opacity_and_alpha_multiply(opacity: str, alpha: int) -> None:
    canvas = Canvas(width=400, height=300, colour=HD)
    frame = Overlay(mark(plain((255, 255, 255, alpha)), opacity=Fraction(opacity)), canvas)(grey(canvas))
    share = float(Fraction(opacity)) * alpha / 255
    assert planes(frame)[0].max() == pytest.approx(100 + (235 - 100) * share, abs=1)


@pytest.mark.parametrize(
    ("colour", "expected"),
    # blue and red in Y, U, V at 8 bits, limited range: coefficients of ITU-R BT.709 and BT.601
    [
        (HD, {"blue": (32, 240, 118), "red": (63, 102, 240)}),
        (Colour(6, 6, 6), {"blue": (41, 240, 110), "red": (81, 90, 240)}),
    ],
)
def test_colours_are_right_in_every_plane(colour: Colour, expected) -> None:
    canvas = Canvas(width=400, height=300, colour=colour)
    for name, rgb in (("blue", (0, 0, 255, 255)), ("red", (255, 0, 0, 255))):
        frame = Overlay(mark(plain(rgb), position="center"), canvas)(grey(canvas))
        middle = [int(plane[plane.shape[0] // 2, plane.shape[1] // 2]) for plane in planes(frame)]
        assert np.abs(np.subtract(middle, expected[name])).max() <= 1
        assert [int(plane[0, 0]) for plane in planes(frame)] == [100, 128, 128]


def test_ten_bits() -> None:
    canvas = Canvas(width=400, height=300, pixel_format="yuv420p10le", colour=HD)
    luma = planes(Overlay(mark(opacity=Fraction(1, 2)), canvas)(grey(canvas, 400)))[0]
    assert luma.max() == pytest.approx((400 + 940) / 2, abs=2)
    assert luma.min() == 400


@pytest.mark.parametrize("matrix", MATRICES)
@pytest.mark.parametrize("position", POSITIONS)
def test_turned_pictures_show_the_mark_upright(matrix, position) -> None:
    """A mark that is bright on top and half bright below, wherever the stored pixels are turned to."""
    picture = Image.new("RGBA", (80, 40), (255, 255, 255, 255))
    picture.paste((160, 160, 160, 255), (0, 20, 80, 40))
    canvas = Canvas(width=320, height=200, colour=HD, matrix=matrix)
    width, height, _ = canvas.upright
    frame = Overlay(mark(png(picture), position=position, width=Fraction(1, 4)), canvas)(grey(canvas))
    luma = shown(frame, canvas.orientation)
    assert luma.shape == (height, width)
    left, top, wide, high = mark_box(mark(position=position, width=Fraction(1, 4)), (80, 40), canvas)
    inside = luma[top : top + high, left : left + wide].astype(int)
    assert inside[: high // 2 - 2].min() > 225
    assert inside[high // 2 + 2 :].max() < 160
    outside = luma.copy()
    outside[top : top + high, left : left + wide] = 100
    assert (outside == 100).all()


def test_wide_pixels_get_a_narrow_mark() -> None:
    canvas = Canvas(width=320, height=360, sample_aspect=Fraction(2), colour=HD)
    assert mark_box(mark(width=Fraction(1, 4)), (100, 100), canvas)[2:] == (80, 160)


def test_a_mark_that_is_too_high_is_made_smaller() -> None:
    canvas = Canvas(width=400, height=200, colour=HD)
    left, top, width, height = mark_box(mark(width=Fraction(1, 2), margin=Fraction(1, 20)), (100, 400), canvas)
    assert (width, height) == (40, 160)
    assert (left, top) == (340, 20)


def test_no_fringe_around_transparent_edges() -> None:
    """White on transparent black: no darker rim on a white ground."""
    picture = Image.new("RGBA", (101, 51), (0, 0, 0, 0))
    picture.paste((255, 255, 255, 255), (30, 10, 70, 40))
    canvas = Canvas(width=400, height=300, colour=HD)
    frame = Overlay(mark(png(picture), width=Fraction(1, 3)), canvas)(grey(canvas, 235))
    assert planes(frame)[0].min() >= 234
    assert max(int(np.abs(plane.astype(int) - 128).max()) for plane in planes(frame)[1:]) <= 1


def test_a_frame_in_use_elsewhere_is_not_changed(clip) -> None:
    with av.open(str(clip)) as container:
        frames = [frame for _, frame in zip(range(20), container.decode(video=0), strict=False)]
    before = [planes(frame)[0].copy() for frame in frames]
    canvas = Canvas(width=320, height=180)
    marked = Overlay(mark(), canvas)(frames[4])
    assert not np.array_equal(planes(marked)[0], before[4])
    assert all(np.array_equal(planes(frames[n])[0], before[n]) for n in range(20) if n != 4)


def test_boxes_follow_the_orientation() -> None:
    assert stored_box((10, 20, 30, 40), (200, 100), Orientation()) == (10, 20, 30, 40)
    assert stored_box((10, 20, 30, 40), (200, 100), Orientation(-1, 0, 0, -1)) == (160, 40, 30, 40)
    # Turned right for display: what is shown on the left is stored at the bottom.
    assert stored_box((0, 0, 30, 40), (200, 400), Orientation(0, 1, -1, 0)) == (0, 170, 40, 30)


def test_the_rest_of_a_real_picture_stays(clip, tmp_path) -> None:
    target = tmp_path / "out.mp4"
    with clip.open("rb") as body:
        brand(
            body,
            target,
            BrandSpec(watermark=mark(plain((255, 0, 0, 255)), position="bottom-left", width=Fraction(1, 5))),
        )
    assert numbers(target) == list(range(180))
    left, top, width, height = mark_box(
        mark(position="bottom-left", width=Fraction(1, 5)), (100, 50), Canvas(width=320, height=180)
    )
    with av.open(str(clip)) as one, av.open(str(target)) as two:
        for before, after in zip(one.decode(video=0), two.decode(video=0), strict=True):
            error = planes(before)[0].astype(float) - planes(after)[0]
            marked = planes(after)[0][top : top + height, left : left + width]
            # The encoder works on blocks of up to 16 pixels and filters across their edges.
            error[max(top - 20, 0) :, : left + width + 20] = 0
            assert 10 * np.log10(255**2 / max((error**2).mean(), 1e-9)) > 40
            assert marked[4:-4, 4:-4].mean() == pytest.approx(81, abs=6)


@pytest.mark.parametrize(
    "options",
    [
        {"opacity": Fraction(0)},
        {"opacity": Fraction(11, 10)},
        {"width": Fraction(0)},
        {"width": Fraction(99, 100)},
        {"margin": Fraction(1, 2)},
        {"margin": Fraction(-1, 10)},
        {"position": "middle"},
    ],
)
def test_impossible_marks_are_refused(options) -> None:
    with pytest.raises(InputError) as raised:
        mark(**options)
    assert raised.value.code == "invalid_watermark"


def test_what_is_no_image_is_refused() -> None:
    with pytest.raises(InputError) as raised:
        Overlay(mark(BytesIO(b"no picture")), Canvas(width=320, height=180))
    assert raised.value.code == "unsupported_format"
