"""Sources with so few pictures to enter at that a smart cut would encode nearly all, one frame after the other."""

from __future__ import annotations

import subprocess
from fractions import Fraction

import imageio_ffmpeg
import pytest
from test_forecast import planned

from media.cut import cut as cut_any
from media.smartcut import NotCuttable
from media.smartcut.edges import EdgeEncoder
from media.types import Range

# Fourteen seconds with one IDR picture, and recovery points each second that are marked as keyframes, or nothing else.
GROUPS = {"open": "open-gop=1:keyint=25:min-keyint=25:scenecut=0:bframes=3", "one": "keyint=1000:scenecut=0:bframes=3"}


@pytest.fixture(scope="module", params=GROUPS)
def source(request, clips):
    path = clips / f"little_{request.param}.mp4"
    picture = ["-f", "lavfi", "-i", "testsrc=s=160x90:r=25:d=14"]
    encode = [
        "-c:v",
        "libx264",
        "-preset",
        "veryfast",
        "-pix_fmt",
        "yuv420p",
        "-x264-params",
        GROUPS[request.param],
        str(path),
    ]
    subprocess.run([imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-y", *picture, *encode], check=True, timeout=60)
    return path


@pytest.mark.parametrize("keep", [[("1.5", "13")], [("0.5", "6"), ("2", "8.5")]])
def test_when_nearly_all_would_be_encoded_it_is_left_to_the_exact_way(source, cut, keep, monkeypatch, tmp_path):
    encode, frames = EdgeEncoder.encode, []
    monkeypatch.setattr(EdgeEncoder, "encode", lambda *given: frames.append(given) or encode(*given))
    with pytest.raises(NotCuttable) as caught:
        cut(source, keep)
    assert caught.value.code == "little_to_copy"
    # What is known to be too much is not begun.
    assert len(frames) == (0 if len(keep) == 1 else 137)
    assert list(tmp_path.iterdir()) == []


def test_short_ranges_may_be_encoded_whole(source, cut):
    result, _ = cut(source, [("1.5", "8.5")])
    assert (result.copied, result.reencoded, result.frames) == (0, 7, 175)


def test_long_ranges_with_enough_to_copy_stay(source, cut):
    result, _ = cut(source, [("0", None)])
    assert (result.copied, result.reencoded) == (14, 0)


def test_the_reason_is_told(source, tmp_path):
    with source.open("rb") as file:
        made = cut_any(file, tmp_path / "out.mp4", [Range(Fraction("1.5"), Fraction(13))])
    assert (made.mode, made.fallback) == ("exact", "little_to_copy")
    assert made.warnings[0].code == "reencoded"


def test_the_plan_says_so_where_the_map_tells(source):
    plan = planned(source, [("1.5", "13")])
    if "one" in source.name:
        assert plan.mode == "exact"
        assert plan.reencoded_frames == plan.frames
        assert "no keyframe" in plan.reason
    short = planned(source, [("1.5", "8.5")])
    assert short.mode == "smart"
