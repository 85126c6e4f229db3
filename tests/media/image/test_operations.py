"""Each operation against pixels that are computed or drawn without it."""

from __future__ import annotations

from fractions import Fraction
from importlib.resources import files

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont
from pixel_measures import psnr

from media.errors import InputError
from media.image.lengths import Length
from media.image.operations import (
    Adjust,
    Background,
    Blur,
    Crop,
    Flip,
    Grayscale,
    Overlay,
    Pad,
    Pixelate,
    Region,
    Resize,
    Rotate,
    RoundCorners,
    Sharpen,
    Text,
)
from media.image.operations.base import paint
from media.types import Notices


def done(operation, image):
    """Its effect; the size must be the one that was announced."""
    made = operation.effect(image, Notices())(image)
    assert made.size == operation.size(*image.size)
    return made


def pixels(image):
    return np.asarray(image, np.float64)


def length(text):
    return Length.of(text)


@pytest.mark.parametrize(
    ("text", "side", "expected"), [(12, 100, 12), ("12", 100, 12), ("12.5%", 200, 25), ("50%", 3, 2)]
)
def test_lengths_are_pixels_or_shares(text, side, expected):
    assert Length.of(text).pixels(side) == expected


@pytest.mark.parametrize("text", ["", "12px", "%", "1/0", "wide"])
def test_other_lengths_are_refused(text):
    with pytest.raises(InputError) as caught:
        Length.of(text)
    assert caught.value.code == "invalid_length"


@pytest.mark.parametrize(
    ("crop", "rows", "columns"),
    [
        (Crop(x=length(10), y=length(20), width=length(100), height=length(50)), (20, 70), (10, 110)),
        (Crop(x=length("25%"), y=length("50%"), width=length("50%"), height=length("25%")), (80, 120), (60, 180)),
        (Crop(x=length(200), y=length(100), width=length(999), height=length(999)), (100, 160), (200, 240)),
        (Crop(width=length(100)), (0, 160), (70, 170)),
        (Crop(width=length(40), height=length(40), gravity="bottom-right"), (120, 160), (200, 240)),
        (Crop(aspect=Fraction(1)), (0, 160), (40, 200)),
        (Crop(aspect=Fraction(1), gravity="left"), (0, 160), (0, 160)),
        (Crop(aspect=Fraction(2), gravity="top"), (0, 120), (0, 240)),
    ],
)
def test_crop_keeps_exactly_these_pixels(photo, crop, rows, columns):
    assert np.array_equal(pixels(done(crop, photo)), pixels(photo)[slice(*rows), slice(*columns)])


def test_a_crop_outside_is_refused(photo):
    with pytest.raises(InputError) as caught:
        done(Crop(x=length(240), width=length(10)), photo)
    assert caught.value.code == "region_outside"


@pytest.mark.parametrize("corner", [(10, 10), (10, 110), (190, 10), (190, 110), (100, 60)])
def test_a_smart_crop_finds_the_subject(corner):
    plain = Image.new("RGB", (240, 160), (120, 130, 140))
    noise = np.random.default_rng(5).normal(0, 3, (160, 240, 3))
    plain = Image.fromarray((pixels(plain) + noise).clip(0, 255).astype(np.uint8))
    ImageDraw.Draw(plain).ellipse((*corner, corner[0] + 40, corner[1] + 40), fill=(210, 40, 30))
    strip = plain.crop((0, corner[1], 240, corner[1] + 45))
    cropped = done(Crop(width=length(60), height=length(60), gravity="smart"), plain)
    covered = done(Resize(width=45, height=45, fit="cover", gravity="smart"), strip)
    assert (reds(cropped), reds(covered)) == (
        pytest.approx(reds(plain), rel=0.02),
        pytest.approx(reds(strip), rel=0.02),
    )


def reds(image):
    red, green, _ = np.moveaxis(pixels(image), 2, 0)
    return int(((red > 180) & (green < 80)).sum())


def lanczos(values, size):
    """Lanczos with three lobes along one axis after the other, by its definition, in floating point."""
    for axis, wanted in ((0, size[1]), (1, size[0])):
        have = values.shape[axis]
        scale = max(1.0, have / wanted)
        centres = (np.arange(wanted) + 0.5) * have / wanted
        distance = (np.arange(have)[None, :] + 0.5 - centres[:, None]) / scale
        weights = np.where(np.abs(distance) < 3, np.sinc(distance) * np.sinc(distance / 3), 0)
        values = np.moveaxis(np.tensordot(weights / weights.sum(1, keepdims=True), values, (1, axis)), 0, axis)
    return values.clip(0, 255)


@pytest.mark.parametrize("width", [30, 97, 180, 480])
def test_resize_is_lanczos(photo, width):
    made = done(Resize(width=width, upscale=True), photo)
    reference = Image.fromarray(lanczos(pixels(photo), made.size).round().astype(np.uint8))
    assert psnr(reference, made) > (45 if width > 40 else 38)


@pytest.mark.parametrize(
    ("resize", "size"),
    [
        (Resize(width=120), (120, 80)),
        (Resize(height=40), (60, 40)),
        (Resize(width=100, height=100), (100, 67)),
        (Resize(width=480), (240, 160)),
        (Resize(width=480, upscale=True), (480, 320)),
        (Resize(width=100, height=100, fit="contain"), (100, 100)),
        (Resize(width=300, height=300, fit="contain"), (300, 300)),
        (Resize(width=100, height=100, fit="cover"), (100, 100)),
        (Resize(width=320, height=320, fit="cover"), (160, 160)),
        (Resize(width=320, height=320, fit="cover", upscale=True), (320, 320)),
        (Resize(width=100, height=100, fit="fill"), (100, 100)),
        (Resize(width=480, height=100, fit="fill"), (240, 100)),
    ],
)
def test_fits_and_sizes(photo, resize, size):
    assert done(resize, photo).size == size


def test_cover_fills_and_contain_leaves_room(photo):
    cover = done(Resize(width=80, height=80, fit="cover"), photo)
    assert psnr(photo.crop((40, 0, 200, 160)).resize((80, 80), Image.Resampling.LANCZOS), cover) > 45
    contain = done(Resize(width=120, height=120, fit="contain", background="#102030"), photo)
    assert contain.getpixel((60, 3)) == contain.getpixel((60, 116)) == (16, 32, 48)
    assert psnr(photo.resize((120, 80), Image.Resampling.LANCZOS), contain.crop((0, 20, 120, 100))) > 45
    assert done(Resize(width=120, height=120, fit="contain"), photo).getpixel((60, 3))[3] == 0


def test_what_is_transparent_lends_its_colour_to_nobody():
    image = Image.new("RGBA", (64, 64), (0, 255, 0, 0))
    image.paste((200, 0, 0, 255), (0, 0, 32, 64))
    for operation in (Resize(width=16), Blur(radius=Fraction(3)), Pixelate(block=5), Rotate(angle=Fraction(30))):
        made = pixels(done(operation, image))
        seen = made[made[..., 3] > 8]
        assert seen[:, 1].max() < 12, operation


@pytest.mark.parametrize(("angle", "turns"), [(90, -1), (180, 2), (270, 1), (-90, 1), (360, 0)])
def test_right_angles_turn_clockwise_without_loss(photo, angle, turns):
    assert np.array_equal(pixels(done(Rotate(angle=Fraction(angle)), photo)), np.rot90(pixels(photo), turns))


def test_other_angles_turn_clockwise_about_the_middle():
    image = Image.new("RGB", (201, 101), (0, 0, 0))
    image.paste((255, 255, 255), (186, 46, 197, 57))
    made = done(Rotate(angle=Fraction(30), background="#000000"), image)
    y, x = (index.mean() for index in np.nonzero(pixels(made)[..., 0] > 128))
    # 91 pixels right of the middle, 30° clockwise: right by 91 cos 30°, down by 91 sin 30°.
    assert x - (made.width - 1) / 2 == pytest.approx(91 * np.cos(np.pi / 6), abs=1)
    assert y - (made.height - 1) / 2 == pytest.approx(91 * np.sin(np.pi / 6), abs=1)
    assert done(Rotate(angle=Fraction(30)), image).getpixel((0, 0))[3] == 0


def test_flip_mirrors(photo):
    assert np.array_equal(pixels(done(Flip(), photo)), pixels(photo)[:, ::-1])
    assert np.array_equal(pixels(done(Flip(axis="vertical"), photo)), pixels(photo)[::-1])


def test_adjust_follows_its_formula(photo):
    operation = Adjust(brightness=Fraction(6, 5), contrast=Fraction(4, 5), gamma=Fraction(3, 2))
    expected = ((pixels(photo) / 255) ** (2 / 3) * 1.2 - 0.5) * 0.8 + 0.5
    assert np.abs(pixels(done(operation, photo)) - expected.clip(0, 1) * 255).max() <= 0.51
    grey = (pixels(photo) @ [0.299, 0.587, 0.114])[..., None]
    expected = (grey + (pixels(photo) - grey) * 1.5).clip(0, 255)
    assert np.abs(pixels(done(Adjust(saturation=Fraction(3, 2)), photo)) - expected).max() <= 2


def test_grayscale_is_luma(photo):
    made = pixels(done(Grayscale(), photo))
    assert np.abs(made - (pixels(photo) @ [0.299, 0.587, 0.114])[..., None]).max() <= 1


def gaussian(values, sigma):
    reach = np.arange(-int(4 * sigma), int(4 * sigma) + 1)
    kernel = np.exp(-(reach**2) / (2 * sigma**2))
    kernel /= kernel.sum()
    for axis in (0, 1):
        padded = np.pad(
            values, [(len(reach) // 2,) * 2 if a == axis else (0, 0) for a in range(values.ndim)], mode="edge"
        )
        values = sum(
            weight * np.take(padded, np.arange(values.shape[axis]) + place, axis) for place, weight in enumerate(kernel)
        )
    return values


def test_blur_and_sharpen_by_gauss(photo):
    blurred = gaussian(pixels(photo), 4)
    assert psnr(Image.fromarray(blurred.round().astype(np.uint8)), done(Blur(radius=Fraction(4)), photo)) > 40
    sharp = done(Sharpen(radius=Fraction(2), amount=Fraction(1), threshold=0), photo)
    expected = (2 * pixels(photo) - gaussian(pixels(photo), 2)).clip(0, 255)
    assert psnr(Image.fromarray(expected.round().astype(np.uint8)), sharp) > 35


def test_a_region_alone_is_changed(photo):
    region = Region(length(40), length("25%"), length("50%"), length(50))
    for operation in (Blur(radius=Fraction(6), region=region), Pixelate(block=8, region=region)):
        change = np.abs(pixels(done(operation, photo)) - pixels(photo)).max(2)
        assert change[40:90, 40:160].mean() > 1
        change[40:90, 40:160] = 0
        assert change.max() == 0
    with pytest.raises(InputError) as caught:
        done(Pixelate(region=Region(length(300), length(0), length(9), length(9))), photo)
    assert caught.value.code == "region_outside"


def test_pixelate_takes_the_mean_of_each_block(photo):
    made = pixels(done(Pixelate(block=10), photo))
    means = pixels(photo).reshape(16, 10, 24, 10, 3).mean((1, 3))
    assert np.abs(made - means.repeat(10, 0).repeat(10, 1)).max() <= 0.51
    assert done(Pixelate(block=7), photo).size == photo.size


@pytest.mark.parametrize("position", ["top-left", "center", "bottom-right"])
def test_text_is_where_it_was_asked_for(position):
    dark = Image.new("RGB", (400, 200), (10, 20, 30))
    made = done(Text(text="Hello", letters=length(40), position=position, margin=length(20), color="#ff8000"), dark)
    reference = Image.new("RGB", dark.size, (10, 20, 30))
    font = ImageFont.truetype(str(files("fontpkg_noto_sans") / "files" / "NotoSans[wdth,wght].ttf"), 40)
    font.set_variation_by_axes([400, 100])
    wide, high = round(font.getlength("Hello")), sum(font.getmetrics())
    middle, end = ((400 - wide) // 2, (200 - high) // 2), (380 - wide, 180 - high)
    place = {"top-left": (20, 20), "center": middle, "bottom-right": end}[position]
    ImageDraw.Draw(reference).text(place, "Hello", font=font, fill="#ff8000")
    assert psnr(reference, made) > 40


def test_text_that_cannot_be_set_is_refused(photo):
    for text, code in (("日本", "unsupported_text"), ("  ", "unsupported_text"), ("word " * 200, "text_too_large")):
        with pytest.raises(InputError) as caught:
            done(Text(text=text), photo)
        assert caught.value.code == code


def test_a_plate_lies_behind_the_text(photo):
    made = done(Text(text="Hi", letters=length(40), plate="#000000", position="top-left", margin=length(0)), photo)
    assert made.getpixel((2, 2)) == (0, 0, 0)
    half = done(
        Text(
            text="Hi",
            letters=length(40),
            plate="#000000",
            position="top-left",
            margin=length(0),
            opacity=Fraction(1, 2),
        ),
        photo,
    )
    assert half.getpixel((2, 2)) == pytest.approx([value / 2 for value in photo.getpixel((2, 2))], abs=1)


def test_an_overlay_has_its_place_width_and_opacity(photo):
    mark = Image.new("RGBA", (20, 10), (255, 0, 0, 255))
    overlay = Overlay(
        picture=mark, width=length("25%"), position="bottom-left", margin=length(8), opacity=Fraction(1, 2)
    )
    change = np.abs(pixels(done(overlay, photo)) - pixels(photo)).max(2) > 0
    rows, columns = np.nonzero(change)
    assert (columns.min(), columns.max() + 1, rows.min(), rows.max() + 1) == (8, 68, 122, 152)
    expected = (pixels(photo)[122:152, 8:68] + [255, 0, 0]) / 2
    assert np.abs(pixels(done(overlay, photo))[122:152, 8:68] - expected).max() <= 1.1


def test_an_overlay_stays_inside(photo):
    mark = Image.new("RGB", (10, 400), (255, 0, 0))
    made = done(Overlay(picture=mark, width=length("100%"), margin=length(5)), photo)
    rows, _ = np.nonzero(np.abs(pixels(made) - pixels(photo)).max(2))
    assert (rows.min(), rows.max()) == (5, 154)


def test_pad_adds_room_in_a_colour(photo):
    made = done(Pad(top=length(10), right=length(20), bottom=length("25%"), left=length(5), color="#336699"), photo)
    assert made.size == (265, 210)
    assert np.array_equal(pixels(made)[10:170, 5:245], pixels(photo))
    assert made.getpixel((0, 0)) == made.getpixel((264, 209)) == (0x33, 0x66, 0x99)
    assert done(Pad(left=length(3)), photo).getpixel((1, 1))[3] == 0


def test_background_shows_through():
    half = Image.new("RGBA", (4, 4), (255, 0, 0, 128))
    made = done(Background(color="#0000ff"), half)
    assert made.mode == "RGB"
    assert made.getpixel((1, 1)) == pytest.approx((128, 0, 127), abs=1)


@pytest.mark.parametrize(("radius", "pixels_off"), [("10%", 16), ("50%", 80)])
def test_round_corners_are_quarters_of_a_circle(photo, radius, pixels_off):
    alpha = pixels(done(RoundCorners(radius=length(radius)), photo))[..., 3] / 255
    missing = (1 - alpha).sum()
    assert missing == pytest.approx((4 - np.pi) * pixels_off**2, rel=0.02)
    assert np.array_equal(alpha, alpha[::-1])
    assert np.array_equal(alpha, alpha[:, ::-1])
    assert alpha[0, 0] == 0


def test_colours():
    assert paint("#336699") == (0x33, 0x66, 0x99, 255)
    assert paint("#33669980") == (0x33, 0x66, 0x99, 128)
    assert paint("transparent")[3] == 0
