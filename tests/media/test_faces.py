"""Faces in real pictures, none where there are none, and windows that hold them."""

import sys
from fractions import Fraction

import av
import numpy as np
import pytest
from PIL import Image

from media import faces
from media.errors import InputError
from media.image import focus
from media.image.operations import Crop, Flip, Resize
from media.image.plan import Output
from media.image.render import render
from media.image.sample import scene
from media.types import Notices

# Where the face of each picture is, as a person sees it: brows to chin, in pixels.
PORTRAIT = 270, 165, 380, 285


def overlap(one, other):
    """Intersection over union."""
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    shared = max(0, width) * max(0, height)
    return shared / (sum((box[2] - box[0]) * (box[3] - box[1]) for box in (one, other)) - shared)


@pytest.fixture(scope="module")
def detector():
    return faces.detector()


@pytest.fixture
def portrait(shared_media):
    return Image.open(shared_media / "portrait_face.jpg").convert("RGB")


def test_a_real_face_is_found_where_it_is(detector, portrait):
    [face] = detector.detect(np.asarray(portrait))
    assert overlap(face.box, PORTRAIT) > 0.7
    assert face.score > 1
    [mirrored] = detector.detect(np.asarray(portrait)[:, ::-1])
    assert overlap((840 - mirrored.box[2], mirrored.box[1], 840 - mirrored.box[0], mirrored.box[3]), face.box) > 0.7


CLIPS = {
    "faces_60fps_noaudio_h264.mov": 1,
    "talking_head_noaudio_h264.mp4": 1,
    "bbb_30s_720p_vp8_vorbis.webm": 0,
    "lecture_slides_vfr_h264_aac.mov": 0,
}


@pytest.mark.parametrize("name", CLIPS)
def test_real_clips(detector, shared_media, name):
    with av.open(str(shared_media / name)) as file:
        picture = next(file.decode(video=0)).to_ndarray(format="rgb24")
    assert len(detector.detect(picture)) == CLIPS[name]


@pytest.mark.parametrize("name", ["photo.heic", "photo_exif_orientation6.jpg"])
def test_landscapes_have_none(shared_media, name, tmp_path):
    _, notices = cropped(shared_media / name, tmp_path, Crop(aspect=Fraction(1), gravity="face"))
    assert notices == ["no_face"]


def test_what_is_drawn_or_noise_is_no_face(detector):
    rng = np.random.default_rng(5)
    for picture in (np.asarray(scene(640, 480)), rng.integers(0, 256, (480, 640, 3), dtype=np.uint8)):
        assert detector.detect(picture) == []


def cropped(path, folder, *operations, resize=None):
    with path.open("rb") as file:
        made = render(file, folder, [Output(name="out", resize=resize)], operations)
    return Image.open(made.files["out"].path), [notice.code for notice in made.warnings]


@pytest.mark.parametrize("aspect", [Fraction(1), Fraction(9, 16), Fraction(3)])
@pytest.mark.parametrize("mirror", [False, True])
def test_a_crop_keeps_the_face(detector, shared_media, tmp_path, aspect, mirror):
    steps = [*([Flip()] if mirror else []), Crop(aspect=aspect, gravity="face")]
    image, notices = cropped(shared_media / "portrait_face.jpg", tmp_path, *steps)
    [face] = detector.detect(np.asarray(image.convert("RGB")))
    assert (face.area > 90**2, notices) == (True, [])


def test_a_small_cover_looks_at_more_than_it_needs(portrait, tmp_path):
    """Decoded as small as the thumbnail allows, the face would have some 50 pixels, and not be found."""
    path = tmp_path / "large.jpg"
    large = Image.new("RGB", (5040, 3360), "gray")
    large.paste(portrait.resize((3360, 2800)), (1680, 0))
    large.save(path)
    image, notices = cropped(path, tmp_path, resize=Resize(width=48, height=96, fit="cover", gravity="face"))
    assert (image.size, notices) == ((48, 96), [])
    # The middle of the face comes to lie in the middle.
    small = np.asarray(large.resize((144, 96), Image.Resampling.LANCZOS), float)
    found = np.asarray(image.convert("RGB"), float)
    differences = [np.abs(small[:, left : left + 48] - found).mean() for left in range(97)]
    middle = (1680 + (PORTRAIT[0] + PORTRAIT[2]) / 2 * 4) * 96 / 3360
    assert np.argmin(differences) + 24 == pytest.approx(middle, abs=3)


def test_where_no_face_is_the_smart_part_is_kept(tmp_path):
    path = tmp_path / "scene.png"
    scene(480, 320).save(path)
    smart, told = cropped(path, tmp_path, Crop(aspect=Fraction(1), gravity="smart"))
    assert told == []
    smart.load()
    face, told = cropped(path, tmp_path, Crop(aspect=Fraction(1), gravity="face"))
    assert told == ["no_face"]
    assert np.array_equal(np.asarray(smart), np.asarray(face))


@pytest.mark.parametrize(
    ("boxes", "size", "corner"),
    [
        # One, with room above; the picture ends on the left.
        ([(400, 300, 500, 400)], (300, 300), (300, 190)),
        ([(0, 300, 100, 400)], (300, 300), (0, 190)),
        # Both fit with their room; both fit without it; the largest alone.
        ([(400, 300, 500, 400), (600, 300, 680, 380)], (400, 300), (337, 190)),
        ([(400, 300, 500, 400), (600, 300, 680, 380)], (290, 300), (395, 200)),
        ([(400, 300, 500, 400), (600, 300, 680, 380)], (200, 300), (350, 190)),
        # Larger than the window: its middle.
        ([(400, 200, 700, 500)], (100, 100), (500, 300)),
    ],
)
def test_the_rule(boxes, size, corner):
    assert focus.around(boxes, (1000, 600), size) == corner


def test_without_the_library_it_is_refused(monkeypatch):
    monkeypatch.setitem(sys.modules, "dlib", None)
    faces.detector.cache_clear()
    try:
        with pytest.raises(InputError) as caught:
            focus.window(scene(300, 200), 100, 100, "face", Notices())
    finally:
        faces.detector.cache_clear()
    assert caught.value.code == "no_face_detector"
