"""Sound of eight channels passes every stage unharmed; sound of more is refused where it would have to be decoded."""

from __future__ import annotations

import subprocess
from fractions import Fraction
from pathlib import Path

import imageio_ffmpeg
import numpy as np
import pytest
from measure import clicks, flashes
from proxies import make

from media.cut import cut
from media.errors import InputError
from media.resample import Resampler
from media.samples import to_array, to_frame
from media.types import Range


def surround(clip: Path, target: Path, count: int, codec: str) -> Path:
    """The clip with its sound in each of so many channels."""
    layout = {6: "5.1", 8: "7.1", 16: "hexadecagonal"}[count]
    pan = "|".join([f"pan={layout}", *(f"c{number}=c0" for number in range(count))])
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-y", "-i", str(clip), "-c:v", "copy"]
    subprocess.run([*command, "-filter:a", pan, "-c:a", codec, str(target)], check=True, timeout=60)
    return target


@pytest.fixture(scope="session", params=["pcm_s16le", "aac"])
def eight(request, clip, clips) -> Path:
    return surround(clip, clips / f"eight_{request.param}.mov", 8, request.param)


@pytest.mark.parametrize("mode", ["smart", "exact"])
def test_eight_channels_are_cut(eight, mode, tmp_path):
    target = tmp_path / "cut.mp4"
    with eight.open("rb") as file:
        result = cut(file, target, [Range(Fraction("1.5"), Fraction("4.2"))], mode=mode)
    assert result.mode == mode
    seen, heard = flashes(target), clicks(target, level=0.05)
    assert len(seen) == len(heard) == 3
    assert all(min(abs(click - flash) for click in heard) <= Fraction(1024, 48_000) for flash in seen)


def test_eight_channels_are_previewed(eight, tmp_path):
    made = make(eight, tmp_path / "proxy.mp4")
    assert made.has_sound
    assert len(flashes(tmp_path / "proxy.mp4")) == len(clicks(tmp_path / "proxy.mp4", level=0.05))


def test_sixteen_channels_are_refused_where_they_are_decoded(clip, tmp_path):
    source = surround(clip, tmp_path / "sixteen.mov", 16, "pcm_s16le")
    with source.open("rb") as file, pytest.raises(InputError) as caught:
        cut(file, tmp_path / "cut.mp4", [Range(Fraction(1), Fraction(2))], mode="exact")
    assert caught.value.code == "too_many_channels"


@pytest.mark.parametrize("layout", ["mono", "5.1", "7.1"])
def test_frames_hold_what_arrays_held(layout):
    count = {"mono": 1, "5.1": 6, "7.1": 8}[layout]
    samples = np.random.default_rng(count).random((count, 1000), np.float32)
    assert np.array_equal(to_array(to_frame(samples, layout)), samples)


def test_eight_channels_are_resampled_in_their_places():
    samples = np.repeat(np.arange(1, 9, dtype=np.float32)[:, None] / 10, 4800, axis=1)
    resampler = Resampler((48_000, "7.1"), (24_000, "7.1"))
    made = np.concatenate([resampler(samples), resampler.rest()], axis=1)
    assert made.shape[0] == 8
    assert made[:, 1000] == pytest.approx(samples[:, 0], abs=0.01)
