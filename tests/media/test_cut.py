"""The three ways to cut, and what happens when a source cannot be copied."""

from fractions import Fraction

import pytest

from media.cut import cut
from media.sample import make_sample
from media.types import Range
from tests.media.measure import numbers
from tests.media.smartcut import variants

KEEP = [Range(Fraction("1.2"), Fraction("3.4"))]
KEPT = list(range(30, 85))


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    path = tmp_path_factory.mktemp("cut") / "clip.mp4"
    make_sample(path, seconds=Fraction(5), fps=Fraction(25), size=(320, 180), keyframe_every=25)
    return path


def run(path, target, mode):
    with path.open("rb") as source:
        return cut(source, target, KEEP, mode=mode)


@pytest.mark.parametrize("mode", ["smart", "exact"])
def test_smart_and_exact_keep_the_same_frames(clip, tmp_path, mode):
    made = run(clip, tmp_path / "out.mp4", mode)
    assert numbers(tmp_path / "out.mp4") == KEPT
    told = made.to_dict()
    assert (told["mode"], told["fallback"], told["frames"]) == (mode, None, len(KEPT))
    assert (Fraction(told["copied_s"]) > 0) == (mode == "smart")
    assert bool(told["seams"]) == (mode == "smart")


def test_copy_snaps_and_says_where(clip, tmp_path):
    made = run(clip, tmp_path / "out.mp4", "copy")
    found = numbers(tmp_path / "out.mp4")
    assert found[0] == 25
    assert found[-1] >= KEPT[-1]
    assert [note.code for note in made.warnings] == ["snapped_to_keyframes"]
    assert made.to_dict()["reencoded_s"] == "0"


def test_what_cannot_be_copied_is_encoded_and_says_why(clip, tmp_path):
    made = run(variants.make(clip, tmp_path, "vp9.webm"), tmp_path / "out.mp4", "smart")
    assert numbers(tmp_path / "out.mp4") == KEPT
    assert (made.mode, made.fallback) == ("exact", "codec_not_supported")
    assert made.warnings[0].code == "reencoded"
