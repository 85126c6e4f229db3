"""Sound of eight channels passes every stage unharmed; sound of more is refused where it would have to be decoded."""

from __future__ import annotations

import subprocess
from fractions import Fraction
from pathlib import Path

import av
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

TONE = 25
"""Hertz in the first channel, and between channels: low enough for the fourth, which holds nothing above 120."""


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


@pytest.mark.parametrize("mode", ["smart", "exact"])
@pytest.mark.parametrize(
    ("layout", "codec", "made"),
    [
        ("5.1(side)", "ac3", "5.1"),
        ("5.0(side)", "ac3", "5.0"),
        ("5.1", "pcm_s16le", "5.1"),
        ("7.1", "pcm_s16le", "7.1"),
        ("7.1", "flac", "7.1"),
    ],
)
def test_every_channel_stays_in_its_place(clip, tmp_path, layout, codec, made, mode):
    """A tone in each channel is found in the same one, and in no other."""
    count = av.AudioLayout(layout).nb_channels
    tones = "|".join(f"0.25*sin({TONE * (number + 1)}*2*PI*t)" for number in range(count))
    source, target = tmp_path / "source.mkv", tmp_path / "cut.mp4"
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-y", "-i", str(clip), "-f", "lavfi"]
    command += ["-i", f"aevalsrc={tones}:c={layout}:d=6:s=48000", "-map", "0:v", "-map", "1:a", "-c:v", "copy"]
    subprocess.run([*command, "-c:a", codec, str(source)], check=True, timeout=60)
    with source.open("rb") as file:
        result = cut(file, target, [Range(Fraction("1.5"), Fraction("4.2"))], mode=mode)
    assert (result.mode, [note.code for note in result.warnings]) == (mode, [])
    with av.open(str(target)) as opened:
        stream = opened.streams.audio[0]
        assert stream.layout.name == made
        resampler = av.AudioResampler("flt", made, 48_000)
        frames = [out for frame in opened.decode(stream) for out in resampler.resample(frame)]
    samples = np.concatenate([to_array(frame) for frame in frames], axis=1)[:, 24_000:72_000]
    # A second of sound: the number of a line of the spectrum is its frequency.
    spectra = np.abs(np.fft.rfft(samples, axis=1))
    assert [int(line) for line in spectra.argmax(axis=1)] == [TONE * (number + 1) for number in range(count)]
    for number, spectrum in enumerate(spectra):
        others = [spectrum[TONE * (other + 1)] for other in range(count) if other != number]
        assert max(others) < spectrum.max() / 30


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
