"""Whole renderings: formats, animations, metadata, limits."""

from __future__ import annotations

import io
import re
from fractions import Fraction

import numpy as np
import pytest
from PIL import Image, ImageOps, TiffTags
from PIL.PngImagePlugin import PngInfo
from PIL.TiffImagePlugin import ImageFileDirectory_v2
from pixel_measures import encoded, psnr, wide_gamut

from media.errors import InputError
from media.image.encode import Encoding
from media.image.lengths import Length
from media.image.operations import Crop, Flip, Grayscale, Pad, Resize, Rotate, RoundCorners
from media.image.plan import Output
from media.image.render import render
from media.image.sample import scene
from media.images import open_image
from media.types import Limits


def output(name="out", format="png", *, resize=None, metadata="strip", **encoding):
    return Output(name=name, encoding=Encoding(format=format, **encoding), resize=resize, metadata=metadata)


def code(make, *arguments, **options):
    with pytest.raises(InputError) as caught:
        make(*arguments, **options)
    return caught.value.code


@pytest.mark.parametrize(
    ("how", "floor"),
    [
        ({"format": "png"}, 99),
        ({"format": "jpeg"}, 33),
        ({"format": "jpeg", "quality": 95}, 38),
        ({"format": "webp"}, 33),
        ({"format": "webp", "lossless": True}, 99),
        ({"format": "avif"}, 31),
        ({"format": "avif", "quality": 90}, 38),
        ({"format": "gif"}, 28),
    ],
)
def test_formats(photo, made, how, floor):
    files, _ = made(photo, [output(**how)])
    assert files["out"].format == how["format"].upper()
    assert psnr(photo, files["out"].convert("RGB")) >= floor


def test_less_quality_is_fewer_bytes(photo, made):
    for kind in ("jpeg", "webp", "avif"):
        _, result = made(photo, [output(str(quality), kind, quality=quality) for quality in (20, 50, 90)])
        sizes = [one.media["size"] for one in result.files.values()]
        assert sizes == sorted(sizes), kind
        assert sizes[0] * 2 < sizes[2]


def test_several_outputs_of_one_job(photo, made):
    sizes = {"large": 200, "small": 100, "thumbnail": 51}
    outputs = [output(name, "webp", resize=Resize(width=width)) for name, width in sizes.items()]
    files, result = made(photo, outputs, [Crop(aspect=Fraction(1)), Flip()])
    expected = photo.crop((40, 0, 200, 160)).transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    for name, width in sizes.items():
        side = min(width, 160)
        assert psnr(expected.resize((side, side), Image.Resampling.LANCZOS), files[name].convert("RGB")) > 30
    assert result.files["small"].media == {
        "kind": "image",
        "container": "webp",
        "size": result.files["small"].path.stat().st_size,
        "width": 100,
        "height": 100,
        "frames": 1,
    }


def test_operations_have_an_order(photo, made):
    pad = Pad(left=Length(Fraction(80)), color="#000000")
    half = Crop(width=Length(Fraction(1, 2), relative=True), gravity="left")
    one, other = (made(photo, [output()], steps)[0]["out"].size for steps in ([pad, half], [half, pad]))
    assert (one, other) == ((160, 160), (200, 160))


@pytest.mark.parametrize("size", [(1600, 1067), (1601, 1203), (2047, 999)])
@pytest.mark.parametrize("turned", [1, 6])
def test_a_jpeg_that_is_decoded_smaller_comes_out_the_same(made, size, turned):
    exif = Image.Exif()
    exif[0x0112] = turned
    whole = scene(*size)
    jpeg = encoded(whole, "JPEG", quality=92, exif=exif).getvalue()
    png = encoded(Image.open(io.BytesIO(jpeg)), "PNG", exif=exif).getvalue()
    outputs = [
        output("inside", resize=Resize(width=333)),
        output("cover", resize=Resize(width=200, height=300, fit="cover")),
        output("contain", resize=Resize(width=200, height=200, fit="contain", background="#000000")),
    ]
    steps = [Crop(aspect=Fraction(4, 5)), Rotate(angle=Fraction(90))]
    small, full = (made(data, outputs, steps)[0] for data in (jpeg, png))
    for name in full:
        assert psnr(full[name].convert("RGB"), small[name].convert("RGB")) > 30, name


def test_transparency_becomes_the_background_where_a_format_has_none(photo, made):
    outputs = [output("jpeg", "jpeg", background="#00ff00", quality=95), output("webp", "webp"), output("gif", "gif")]
    files, _ = made(photo, outputs, [RoundCorners(radius=Length(Fraction(1, 2), relative=True))])
    assert files["jpeg"].getpixel((0, 0)) == pytest.approx((0, 255, 0), abs=4)
    for kind in ("webp", "gif"):
        assert files[kind].convert("RGBA").getpixel((0, 0))[3] == 0
        assert files[kind].convert("RGBA").getpixel((120, 80))[3] == 255


@pytest.fixture
def moving(photo):
    """Five frames of 120 × 80 that go right by 20 pixels each, with a time of their own."""
    pictures = [photo.crop((20 * step, 40, 20 * step + 120, 120)) for step in range(5)]
    durations = [40, 80, 120, 60, 200]
    return (
        encoded(
            pictures[0], "WEBP", save_all=True, append_images=pictures[1:], duration=durations, lossless=True, loop=3
        ).getvalue(),
        pictures,
        durations,
    )


@pytest.mark.parametrize("kind", ["gif", "webp", "avif"])
def test_animations_keep_frames_and_times(moving, made, kind):
    data, pictures, durations = moving
    files, result = made(
        data,
        [output("out", kind, quality=None if kind == "gif" else 90)],
        [Crop(aspect=Fraction(1)), Resize(width=60), Flip()],
    )
    found = files["out"]
    assert (found.n_frames, result.files["out"].media["frames"], found.size) == (5, 5, (60, 60))
    for number, picture in enumerate(pictures):
        found.seek(number)
        found.load()
        expected = picture.crop((20, 0, 100, 80)).resize((60, 60), Image.Resampling.LANCZOS)
        expected = expected.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        assert psnr(expected, found.convert("RGB")) > 25
        assert found.info["duration"] == durations[number]
    if kind != "avif":
        assert found.info["loop"] == 3


@pytest.mark.parametrize(("given", "frames", "total"), [(33, 12, 400), (16, 7, 190), (7, 4, 80), (40, 12, 480)])
def test_a_gif_lasts_as_long_though_it_counts_in_hundredths(photo, made, given, frames, total):
    pictures = [photo.resize((60, 40)).rotate(7 * number) for number in range(12)]
    data = encoded(
        pictures[0], "WEBP", save_all=True, append_images=pictures[1:], duration=given, lossless=True
    ).getvalue()
    files, result = made(data, [output("a", "gif")])
    found = files["a"]
    durations = []
    for number in range(found.n_frames):
        found.seek(number)
        durations.append(found.info["duration"])
    assert sum(durations) == total == pytest.approx(12 * given, abs=10)
    # Viewers take less than two hundredths for ten.
    assert min(durations) >= 20
    assert len(durations) == frames
    assert result.files["a"].media["frames"] == frames


@pytest.mark.parametrize("kind", ["webp", "gif", "avif"])
def test_the_default_picture_of_an_animated_png_is_none_of_its_frames(photo, made, kind):
    pictures = [photo.resize((60, 40)).rotate(20 * number) for number in range(5)]
    data = encoded(
        pictures[0], "PNG", save_all=True, append_images=pictures[1:], duration=100, default_image=True
    ).getvalue()
    files, _ = made(data, [output("a", kind)])
    assert files["a"].n_frames == 4
    files["a"].seek(0)
    assert abs(np.asarray(files["a"].convert("RGB"), int) - np.asarray(pictures[1].convert("RGB"), int)).mean() < 12


def test_frames_that_become_the_same_are_counted_as_they_are_written(photo, made):
    pictures = [photo.resize((60, 40)) for _ in range(4)]
    for number, picture in enumerate(pictures):
        picture.putpixel((59, 39), (60 * number, 0, 0))
    data = encoded(
        pictures[0], "WEBP", save_all=True, append_images=pictures[1:], duration=100, lossless=True
    ).getvalue()
    files, result = made(data, [output("a", "gif")], [Crop(aspect=Fraction(1), gravity="left")])
    assert result.files["a"].media["frames"] == files["a"].n_frames


def test_a_still_of_an_animation_is_its_first_frame(moving, made):
    data, pictures, _ = moving
    files, result = made(data, [output("png"), output("gif", "gif")])
    assert psnr(pictures[0], files["png"]) == 99
    assert files["gif"].n_frames == 5
    assert [notice.code for notice in result.warnings] == ["first_frame_only"]


def test_a_real_animation(shared_media, made):
    data = (shared_media / "pigs_in_a_polka.gif").read_bytes()
    files, _ = made(data, [output("webp", "webp", resize=Resize(width=157)), output("gif", "gif")], [Grayscale()])
    assert [files[kind].n_frames for kind in files] == [30, 30]
    original = Image.open(io.BytesIO(data))
    for number in (0, 11, 29):
        original.seek(number)
        expected = on_white(original).convert("L")
        for image in files.values():
            image.seek(number)
            assert psnr(expected.resize(image.size, Image.Resampling.LANCZOS), on_white(image).convert("L")) > 22


def on_white(image):
    white = Image.new("RGBA", image.size, "white")
    white.alpha_composite(image.convert("RGBA"))
    return white


@pytest.fixture
def tagged(photo):
    """A JPEG that knows its camera, its place, and lies on its side."""
    exif = Image.Exif()
    exif[0x0110], exif[0x0112] = "Model 7", 6
    exif.get_ifd(0x8769)[0x9003] = "2024:05:06 07:08:09"
    exif.get_ifd(0x8825).update({1: "N", 2: (48.0, 30.0, 0.0), 3: "E", 4: (9.0, 0.0, 0.0)})
    data = encoded(photo, "JPEG", exif=exif).getvalue()
    assert Image.open(io.BytesIO(data)).getexif().get_ifd(0x8825)
    return data


@pytest.mark.parametrize("kind", ["jpeg", "png", "webp", "avif"])
def test_metadata_is_stripped_or_kept_and_the_place_only_on_request(tagged, made, kind):
    wishes = ("strip", "keep", "keep-gps")
    files, _ = made(tagged, [output(wish, kind, metadata=wish) for wish in wishes])
    found = {wish: Image.open(files[wish].filename).getexif() for wish in wishes}
    assert dict(found["strip"]) == {}
    for wish in ("keep", "keep-gps"):
        assert found[wish][0x0110] == "Model 7"
        assert found[wish].get_ifd(0x8769)[0x9003] == "2024:05:06 07:08:09"
        assert found[wish].get(0x0112, 1) == 1
        assert files[wish].size == (160, 240)
    assert not found["keep"].get_ifd(0x8825)
    assert found["keep-gps"].get_ifd(0x8825)[2] == (48.0, 30.0, 0.0)
    with open(files["keep"].filename, "rb") as file:
        assert b"GPS" not in file.read()


@pytest.mark.parametrize("kind", ["jpeg", "png", "webp", "avif"])
def test_a_tiff_tells_the_place_in_no_other_way(photo, made, kind):
    tags = ImageFileDirectory_v2()
    for number, content, layout in (
        (33922, (0.0, 0.0, 0.0, 13.3777, 52.5163, 0.0), TiffTags.DOUBLE),
        (34737, "SECRET grid|", TiffTags.ASCII),
        (33723, b"\x1c\x02\x5a\x00\x06SECRET", TiffTags.UNDEFINED),
        (34377, b"8BIM\x04\x22\0\0\0\0\0\x06SECRET", TiffTags.UNDEFINED),
        (0x0110, "Model 7", TiffTags.ASCII),
    ):
        tags[number] = content
        tags.tagtype[number] = layout
    data = encoded(photo, "TIFF", tiffinfo=tags).getvalue()
    assert 33922 in Image.open(io.BytesIO(data)).getexif()
    files, _ = made(data, [output("keep", kind, metadata="keep")])
    assert dict(Image.open(files["keep"].filename).getexif()) == {0x0110: "Model 7"}
    with open(files["keep"].filename, "rb") as file:
        assert b"SECRET" not in file.read()


@pytest.mark.parametrize("kind", ["jpeg", "png", "webp", "avif", "gif"])
@pytest.mark.parametrize("wish", ["strip", "keep"])
def test_what_else_a_file_says_stays_behind(photo, made, kind, wish):
    texts = PngInfo()
    texts.add_text("Comment", "SECRET text")
    xmp = b"<x:xmpmeta xmlns:x='adobe:ns:meta/'>SECRET place</x:xmpmeta>"
    sources = [
        encoded(photo, "PNG", pnginfo=texts).getvalue(),
        encoded(photo, "WEBP", xmp=xmp).getvalue(),
        encoded(photo, "JPEG", comment=b"SECRET remark", xmp=xmp).getvalue(),
        encoded(photo, "GIF", comment=b"SECRET remark").getvalue(),
    ]
    for source in sources:
        assert b"SECRET" in source
        _, result = made(source, [output("out", kind, metadata=wish)])
        assert b"SECRET" not in result.files["out"].path.read_bytes()


def test_a_picture_to_draw_with_is_not_turned_twice(tagged):
    picture = open_image(io.BytesIO(tagged))
    assert picture.size == ImageOps.exif_transpose(picture).size == (160, 240)


def test_a_kept_profile_goes_with_the_file(photo, made):
    data = encoded(photo, "PNG", icc_profile=wide_gamut()).getvalue()
    for kind in ("png", "jpeg", "webp", "avif"):
        assert made(data, [output("out", kind)], profile="keep")[0]["out"].info["icc_profile"] == wide_gamut()
        assert "icc_profile" not in made(data, [output("out", kind)])[0]["out"].info


def test_limits_hold_for_what_would_be_made(photo, moving, made):
    large = [output(resize=Resize(width=9000, height=9000, fit="contain"))]
    assert code(made, photo, large) == "too_many_pixels"
    assert (
        code(made, photo, [output()], [Resize(width=9000, height=9000, fit="fill", upscale=True)]) == "too_many_pixels"
    )
    wide = [Resize(width=17_000, height=100, fit="fill", upscale=True)]
    assert code(made, photo, [output("out", "webp")], wide) == "too_large_for_format"
    assert (
        code(
            made,
            moving[0],
            [output("out", "gif")],
            [Resize(width=240, upscale=True)],
            limits=Limits(max_animation_pixels=100_000),
        )
        == "too_many_pixels"
    )
    assert made(
        moving[0],
        [output("out", "png")],
        [Resize(width=240, upscale=True)],
        limits=Limits(max_animation_pixels=100_000),
    )


def test_progress_goes_up_to_one(photo, tmp_path):
    seen = []
    render(encoded(photo, "PNG"), tmp_path, [output(str(n)) for n in range(3)], on_progress=seen.append)
    assert seen == [Fraction(1, 3), Fraction(2, 3), Fraction(1)]


def test_the_same_request_makes_the_same_pixels(photo, made):
    first, second = (np.asarray(made(photo, [output("out", "webp")], [Grayscale()])[0]["out"]) for _ in range(2))
    assert np.array_equal(first, second)


def test_refusals_show_no_path(photo, tmp_path):
    with pytest.raises(InputError) as caught:
        render(io.BytesIO(encoded(photo, "PNG").getvalue()[:900]), tmp_path, [output()])
    assert caught.value.code == "damaged_file"
    assert not re.search(r"[/\\]", caught.value.message)
