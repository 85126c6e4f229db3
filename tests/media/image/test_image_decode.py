from __future__ import annotations

import io
import random
import struct
import zlib
from contextlib import suppress
from fractions import Fraction

import numpy as np
import pillow_heif
import pytest
from PIL import Image, ImageOps
from pixel_measures import encoded, psnr, wide_gamut

from media.errors import InputError
from media.image.decode import open_image
from media.types import Limits, Notices

LOSSY = {"JPEG": 30, "WEBP": 30, "AVIF": 28, "HEIF": 28}
KINDS = ["JPEG", "PNG", "WEBP", "GIF", "TIFF", "BMP", "AVIF", "HEIF"]


def refusal(data: bytes, **limits) -> str:
    with pytest.raises(InputError) as caught:
        open_image(io.BytesIO(data), Limits(**limits)).still()
    return caught.value.code


def animation(photo, kind, frames=4, **options):
    pictures = [photo.crop((shift, 0, shift + 120, 80)) for shift in range(0, 10 * frames, 10)]
    return encoded(pictures[0], kind, save_all=True, append_images=pictures[1:], duration=70, **options), pictures


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_told_by_its_content(photo, kind):
    file = open_image(encoded(photo, kind, **({"quality": 85} if kind in LOSSY else {})))
    assert (file.kind, file.width, file.height, file.frames) == (kind.lower(), 240, 160, 1)
    decoded = file.still().image
    assert decoded.mode == "RGB"
    assert psnr(photo, decoded) > LOSSY.get(kind, 28 if kind == "GIF" else 98)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"])
def test_exif_orientation_is_applied(photo, kind, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored = photo if orientation < 5 else photo.transpose(Image.Transpose.ROTATE_90)
    lossless = {"WEBP": {"lossless": True}, "JPEG": {"quality": 95}, "AVIF": {"quality": 95}}
    file = encoded(stored, kind, exif=exif, **lossless.get(kind, {}))
    # The other way that it is known: Pillow turns it itself.
    expected = ImageOps.exif_transpose(Image.open(io.BytesIO(file.getvalue()))).convert("RGB")
    found = open_image(file)
    assert (found.width, found.height) == expected.size
    assert psnr(expected, found.still().image) > 60


def test_a_heic_is_upright_by_its_own_container(shared_media):
    with (shared_media / "photo.heic").open("rb") as file:
        found = open_image(file)
    assert (found.kind, found.width, found.height, found.orientation) == ("heif", 4032, 3024, 1)
    assert found.still().image.size == (4032, 3024)


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG", "AVIF"])
def test_animations_give_all_frames_with_their_times(photo, kind):
    file, pictures = animation(photo, kind)
    found = open_image(file)
    assert (found.frames, found.animated) == (4, True)
    frames = list(found.moments())
    assert [frame.duration for frame in frames] == [70] * 4
    assert all(psnr(picture, frame.image.convert("RGB")) > 25 for picture, frame in zip(pictures, frames, strict=True))


def test_gray_palette_and_one_bit(photo):
    for mode in ("L", "1", "P", "LA", "PA"):
        stored = photo.convert("P") if mode == "PA" else photo.convert(mode)
        stored = stored.convert("PA") if mode == "PA" else stored
        file = encoded(stored, "TIFF" if mode == "PA" else "PNG")
        assert psnr(stored.convert("RGB"), open_image(file).still().image) > 90, mode


def test_transparency_is_kept_and_only_where_there_is_any(photo):
    clear = photo.convert("RGBA")
    assert open_image(encoded(clear, "PNG")).still().image.mode == "RGB"
    clear.putpixel((3, 4), (0, 0, 0, 77))
    assert open_image(encoded(clear, "PNG")).still().image.getpixel((3, 4)) == (0, 0, 0, 77)
    palette = photo.quantize(16)
    palette.info["transparency"] = palette.getpixel((0, 0))
    assert open_image(encoded(palette, "PNG")).still().image.getpixel((0, 0))[3] == 0


def test_sixteen_bits_are_rounded_not_cut(photo):
    ramp = np.linspace(0, 65535, 256 * 64).round().astype(np.uint16).reshape(64, 256)
    for kind in ("PNG", "TIFF"):
        decoded = np.asarray(open_image(encoded(Image.fromarray(ramp), kind)).still().image, np.float64)[..., 0]
        assert np.abs(decoded - ramp / 257).max() <= 0.5, kind


def test_sixteen_bit_colour_of_a_png():
    values = np.random.default_rng(1).integers(0, 65536, (8, 8, 3), dtype=np.uint16)
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)
    chunks = ((b"IHDR", struct.pack(">IIBBBBB", 8, 8, 16, 2, 0, 0, 0)), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    data = b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body)) for name, body in chunks
    )
    decoded = np.asarray(open_image(io.BytesIO(data)).still().image, np.float64)
    assert np.abs(decoded - values / 257).max() <= 1


def test_cmyk_comes_out_in_its_colours(photo):
    patches = Image.new("RGB", (4, 1))
    patches.putdata([(255, 255, 255), (0, 0, 0), (0, 255, 255), (255, 0, 0)])
    for kind in ("JPEG", "TIFF"):
        file = encoded(patches.convert("CMYK").resize((64, 16), Image.Resampling.NEAREST), kind)
        decoded = open_image(file).still().image
        for place, expected in enumerate(patches.get_flattened_data()):
            found = decoded.getpixel((place * 16 + 8, 8))
            assert max(abs(a - b) for a, b in zip(found, expected, strict=True)) <= 8, (kind, place)


def test_a_profile_is_applied_or_kept():
    red = Image.new("RGB", (8, 8), (250, 20, 30))
    file = encoded(red, "PNG", icc_profile=wide_gamut()).getvalue()
    applied = open_image(io.BytesIO(file)).still()
    assert applied.icc is None
    assert max(abs(a - b) for a, b in zip(applied.image.getpixel((4, 4)), (20, 250, 30), strict=True)) <= 2
    kept = open_image(io.BytesIO(file)).still(profile="keep")
    assert (kept.image.getpixel((4, 4)), kept.icc) == ((250, 20, 30), wide_gamut())


@pytest.mark.parametrize(
    "icc", [b"no profile at all", wide_gamut()[:140], wide_gamut()[:16] + b"CMYK" + wide_gamut()[20:]]
)
def test_a_profile_that_does_not_fit_is_ignored_and_told(icc):
    notices = Notices()
    frame = open_image(encoded(Image.new("RGB", (8, 8), (250, 20, 30)), "PNG", icc_profile=icc)).still(notices=notices)
    assert frame.image.getpixel((4, 4)) == (250, 20, 30)
    assert [notice.code for notice in notices] == ["profile_ignored"]


def test_limits_hold_before_anything_is_decoded(photo):
    png = bytearray(encoded(photo, "PNG").getvalue())
    png[16:24] = struct.pack(">II", 60_000, 60_000)
    png[29:33] = struct.pack(">I", zlib.crc32(png[12:29]))
    assert refusal(bytes(png)) == "too_many_pixels"
    jpeg = encoded(photo, "JPEG").getvalue()
    assert refusal(jpeg, max_image_pixels=240 * 160 - 1) == "too_many_pixels"
    assert refusal(jpeg, max_image_bytes=len(jpeg) - 1) == "too_many_bytes"
    assert open_image(io.BytesIO(jpeg), Limits(max_image_bytes=len(jpeg), max_image_pixels=240 * 160)).still()


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG", "AVIF"])
def test_limits_on_frames(photo, kind):
    data = animation(photo, kind)[0].getvalue()
    assert refusal(data, max_image_frames=3) == "too_many_frames"
    assert refusal(data, max_animation_pixels=4 * 120 * 80 - 1) == "too_many_pixels"
    assert open_image(io.BytesIO(data), Limits(max_image_frames=4, max_animation_pixels=4 * 120 * 80)).frames == 4


def test_a_gif_of_extensions_only_ends():
    head = b"GIF89a" + struct.pack("<HHBBB", 4, 4, 0, 0, 0)
    assert refusal(head + b"\x21\xfe\x00" * 300_000) == "damaged_file"


@pytest.mark.parametrize("kind", KINDS)
def test_cut_off_files_are_damaged(photo, kind):
    data = encoded(photo, kind).getvalue()
    assert refusal(data[: len(data) * 2 // 3]) == "damaged_file"
    assert refusal(data[:40]) == "damaged_file"


@pytest.mark.parametrize("share", [Fraction(1, 9), Fraction(1, 2), Fraction(99, 100)])
def test_a_picture_of_tiles_that_is_cut_off_is_damaged(shared_media, share):
    # Telephones write tiles, and what is missing of them would be green.
    data = (shared_media / "photo.heic").read_bytes()
    assert refusal(data[: int(len(data) * share)]) == "damaged_file"


@pytest.mark.parametrize("kind", KINDS)
def test_altered_bytes_never_do_worse_than_a_refusal(photo, kind):
    whole = encoded(photo.resize((48, 32)), kind).getvalue()
    rng = random.Random(kind)
    for _ in range(150):
        data = bytearray(whole)
        for _ in range(rng.randint(1, 6)):
            data[rng.randrange(min(len(data), 400) if rng.random() < 0.7 else len(data))] = rng.randrange(256)
        # What is neither a picture nor a refusal fails this test by its own exception.
        with suppress(InputError):
            file = open_image(io.BytesIO(bytes(data)), Limits(max_image_pixels=1_000_000))
            assert file.still().image.size == (file.width, file.height)


@pytest.mark.parametrize("text", [b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"%PDF-1.7", b"\0" * 99, b"8BPS\0\1"])
def test_other_kinds_are_refused_by_content(text):
    assert refusal(text) == "unsupported_format"
    assert refusal(b"") == "empty_file"


def test_floating_point_pixels_are_refused():
    assert refusal(encoded(Image.new("F", (4, 4), 0.5), "TIFF").getvalue()) == "unsupported_pixels"


def test_a_jpeg_may_come_smaller_but_never_too_small(photo):
    file = encoded(photo.resize((961, 641)), "JPEG", quality=95)
    for share, expected in ((Fraction(1), (961, 641)), (Fraction(1, 2), (481, 321)), (Fraction(3, 10), (481, 321))):
        assert open_image(file).still(scale=share).image.size == expected


def test_a_heif_of_ten_bits():
    pixels = np.random.default_rng(3).integers(0, 1024, (16, 16, 3)).astype(np.uint16).repeat(4, 0).repeat(4, 1)
    file = io.BytesIO()
    pillow_heif.from_bytes("RGB;16", (64, 64), (pixels << 6).tobytes()).save(file, quality=-1, chroma=444)
    decoded = np.asarray(open_image(file).still().image, np.float64)
    assert np.abs(decoded - pixels / 1023 * 255).mean() < 4
