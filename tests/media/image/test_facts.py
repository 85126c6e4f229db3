from __future__ import annotations

import base64
import io
import json
from fractions import Fraction

import numpy as np
import pytest
from PIL import Image, ImageFilter
from pixel_measures import encoded, psnr

from media.facts import MediaInfo
from media.image.facts import dominant_colour
from media.image.fingerprint import difference_hash, perceptual_hash
from media.image.operations import Adjust, Crop, Flip, Resize
from media.image.sample import scene
from media.image.thumbhash import thumbhash
from media.probe import probe
from media.types import Notices


def facts(file):
    info = probe(file if hasattr(file, "read") else io.BytesIO(file))
    document = info.to_dict()
    assert MediaInfo.from_dict(json.loads(json.dumps(document))) == info
    return document["image"]


def shown(code: bytes, size=(32, 32)):
    """The picture that a ThumbHash stands for, by the published decoder's description."""
    header, shape = int.from_bytes(code[:3], "little"), int.from_bytes(code[3:5], "little")
    clear, wide = header >> 23 & 1, shape >> 15
    few, many = max(3, shape & 7), 5 if clear else 7
    digits = iter([part for byte in code[6 if clear else 5 :] for part in (byte & 15, byte >> 4)])

    def plane(mean, across, down, scale):
        y, x = np.meshgrid(np.arange(size[1]) + 0.5, np.arange(size[0]) + 0.5, indexing="ij")
        total = np.full((size[1], size[0]), mean, np.float64)
        for v in range(down):
            for u in range(across):
                if (u or v) and u * down < across * (down - v):
                    wave = np.cos(np.pi / size[0] * x * u) * np.cos(np.pi / size[1] * y * v)
                    weight = (2 if u else 1) * (2 if v else 1)
                    total += (next(digits) / 7.5 - 1) * scale * wave * weight
        return total

    light = plane((header & 63) / 63, *((many, few) if wide else (few, many)), (header >> 18 & 31) / 31)
    yellow = plane((header >> 6 & 63) / 31.5 - 1, 3, 3, (shape >> 3 & 63) / 63)
    reds = plane((header >> 12 & 63) / 31.5 - 1, 3, 3, (shape >> 9 & 63) / 63)
    blue = light - 2 / 3 * yellow
    red = (3 * light - blue + reds) / 2
    values = np.stack((red, red - reds, blue), 2).clip(0, 1) * 255
    return Image.fromarray(values.round().astype(np.uint8)), clear


@pytest.mark.parametrize("size", [(240, 160), (160, 240), (100, 100), (400, 60)])
def test_a_thumbhash_looks_like_its_picture(size):
    picture = scene(*size)
    code = thumbhash(picture)
    assert len(code) <= 25
    blurred = picture.resize((32, 32), Image.Resampling.BOX).filter(ImageFilter.GaussianBlur(3))
    decoded, clear = shown(code)
    assert not clear
    assert psnr(blurred, decoded) > 22
    assert psnr(blurred, Image.new("RGB", (32, 32), (128, 128, 128))) < 18


def test_a_thumbhash_of_one_colour_and_of_nothing():
    decoded, clear = shown(thumbhash(Image.new("RGB", (50, 50), (200, 100, 50))))
    assert (np.abs(np.asarray(decoded, float) - [200, 100, 50]).max() < 8, clear) == (True, 0)
    assert shown(thumbhash(Image.new("RGBA", (5, 5), (0, 0, 0, 0))))[1] == 1


def bits(one, other):
    return (int(one, 16) ^ int(other, 16)).bit_count()


@pytest.mark.parametrize("hash_of", [perceptual_hash, difference_hash])
def test_hashes_tell_the_alike_from_the_different(photo, hash_of):
    own = hash_of(photo)
    assert len(own) == 16
    jpeg = Image.open(encoded(photo, "JPEG", quality=40))
    alike = [
        jpeg,
        photo.resize((97, 65)),
        *(op.effect(photo, Notices())(photo) for op in (Adjust(brightness=Fraction(11, 10)), Resize(width=60))),
    ]
    assert max(bits(own, hash_of(image)) for image in alike) <= 10
    others = [
        scene(240, 160, seed=2),
        *(
            op.effect(photo, Notices())(photo)
            for op in (Flip(axis="vertical"), Crop(aspect=Fraction(1, 2), gravity="left"))
        ),
    ]
    assert min(bits(own, hash_of(image)) for image in others) >= 16


def test_hashes_keep_their_values(photo):
    # Stored beside assets and compared later: another value for the same picture is another format.
    # Nine columns of 64 pixels: the fifth lies half in the bar, so both its neighbours differ from it.
    bar = Image.new("L", (64, 64), 0)
    bar.paste(255, (32, 0, 64, 64))
    assert difference_hash(bar) == "1818181818181818"
    ramp = Image.fromarray(np.linspace(0, 255, 64, dtype=np.uint8)[None, :].repeat(64, 0))
    assert difference_hash(ramp) == "f" * 16


def test_the_dominant_colour_is_of_what_can_be_seen():
    image = Image.new("RGB", (40, 40), (30, 60, 200))
    image.paste((250, 10, 10), (0, 0, 40, 15))
    assert dominant_colour(image) == "#1e3cc8"
    hidden = image.convert("RGBA")
    hidden.paste((0, 255, 0, 0), (0, 10, 40, 40))
    assert dominant_colour(hidden) == "#fa0a0a"
    assert dominant_colour(Image.new("RGBA", (4, 4))) is None


def test_what_the_camera_wrote(photo):
    exif = Image.Exif()
    exif[0x010F], exif[0x0110] = "Maker\x00 Inc", "Model 7 "
    exif.get_ifd(0x8769).update({0x9003: "2024:05:06 07:08:09", 0x9011: "+02:00", 0xA434: "50mm"})
    exif.get_ifd(0x8825).update({1: "S", 2: (48.0, 30.0, 36.0), 3: "W", 4: (9.0, 6.0, 0.0)})
    found = facts(encoded(photo, "JPEG", exif=exif))
    assert found["camera_make"] in {"Maker Inc", "Maker"}
    assert (found["camera_model"], found["lens"]) == ("Model 7", "50mm")
    assert found["taken_at"] == "2024-05-06T07:08:09+02:00"
    assert found["location"] == {"latitude": "-48.510000", "longitude": "-9.100000"}


@pytest.mark.parametrize("taken", ["2024:13:06 07:08:09", "yesterday", "0000:00:00 00:00:00"])
def test_what_the_camera_wrote_badly_is_nothing(photo, taken):
    exif = Image.Exif()
    exif.get_ifd(0x8769)[0x9003] = taken
    exif.get_ifd(0x8825).update({1: "N", 2: (99.0, 0.0, 0.0), 3: "E", 4: (1.0, 0.0, 0.0)})
    found = facts(encoded(photo, "JPEG", exif=exif))
    assert (found["taken_at"], found["location"]) == (None, None)


def test_facts_of_an_animation(photo):
    data = encoded(photo, "GIF", save_all=True, append_images=[photo.rotate(5)], duration=50)
    assert (facts(data)["frames"], facts(data)["transparent"]) == (2, False)
    assert len(base64.b64decode(facts(data)["thumbhash"])) <= 25


def test_a_large_jpeg_has_the_facts_of_the_whole(photo):
    large = scene(1800, 1200)
    one, other = (facts(encoded(large, kind)) for kind in ("JPEG", "PNG"))
    assert bits(one["perceptual_hash"], other["perceptual_hash"]) <= 2


def test_facts_of_a_real_phone_picture(shared_media):
    with (shared_media / "photo.heic").open("rb") as file:
        found = facts(file)
    assert (found["camera_model"], found["taken_at"]) == ("iPhone 7", "2019-03-21T11:04:22")
    assert found["location"] == {"latitude": "41.220300", "longitude": "-96.071625"}
