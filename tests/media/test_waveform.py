"""Peaks of sounds, beside those that plain NumPy finds, and their picture."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from media.errors import InputError
from media.waveform import MOST, PeakMeter, Peaks, measure, save_json, save_picture

RATE = 8000


def written(path: Path, samples: np.ndarray, rate: int = RATE) -> Path:
    """A WAV of 16-bit samples, of shape (channels, count)."""
    layout = {1: "mono", 2: "stereo", 6: "5.1"}[len(samples)]
    with av.open(str(path), "w") as output:
        stream = output.add_stream("pcm_s16le", rate=rate, layout=layout)
        packed = np.ascontiguousarray(samples.T.reshape(1, -1), np.int16)
        frame = av.AudioFrame.from_ndarray(packed, "s16", layout)
        frame.sample_rate, frame.pts, frame.time_base = rate, 0, Fraction(1, rate)
        output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    return path


def peaks_of(path: Path) -> Peaks:
    with path.open("rb") as file:
        found = measure(file)
    assert found is not None
    return found


def by_hand(mono: np.ndarray, block: int) -> list[int]:
    """Minima and maxima in turn, one block after the other."""
    data: list[int] = []
    for start in range(0, len(mono), block):
        part = mono[start : start + block]
        data += [int(part.min()), int(part.max())]
    return data


@pytest.mark.parametrize("channels", [1, 2, 6])
def test_peaks_are_those_of_the_mean_of_all_channels(tmp_path, channels) -> None:
    noise = np.random.default_rng(5).integers(-20_000, 20_000, (channels, RATE * 3 + 77))
    document = peaks_of(written(tmp_path / "noise.wav", noise)).to_dict()
    wanted = by_hand(np.rint(noise.mean(axis=0)).astype(int), 256)
    assert {key: document[key] for key in document if key != "data"} == {
        "version": 2,
        "channels": 1,
        "sample_rate": RATE,
        "samples_per_pixel": 256,
        "bits": 16,
        "length": len(wanted) // 2,
    }
    assert np.abs(np.array(document["data"]) - wanted).max() <= 1


def test_clipped_and_silent_sound(tmp_path) -> None:
    square = np.where(np.arange(RATE) // 40 % 2, 32767, -32768)[None]
    loud = peaks_of(written(tmp_path / "loud.wav", square))
    assert loud.pairs[1:-1].tolist() == [[-32768, 32767]] * (len(loud.pairs) - 2)
    silent = peaks_of(written(tmp_path / "silent.wav", np.zeros((2, RATE))))
    assert not silent.pairs.any()
    assert silent.levels(10).max() == 0


def test_more_than_full_scale_stays_in_range() -> None:
    meter = PeakMeter(RATE)
    meter.add(np.array([[1.5] * 256 + [-1.5] * 256], np.float32))
    assert meter.finish().pairs.tolist() == [[32767, 32767], [-32768, -32768]]


@pytest.mark.parametrize("piece", [100, 1024, 300_000])
def test_long_sounds_have_fewer_points_for_a_second(piece) -> None:
    count = MOST * 256 * 5 // 2
    sound = np.random.default_rng(7).integers(-32000, 32000, count).astype(np.int16)
    sound[: count // 2] //= 100
    meter = PeakMeter(48_000)
    for start in range(0, count, piece if piece > 1000 else piece * 997):
        meter.add(sound[None, start : start + (piece if piece > 1000 else piece * 997)] / np.float32(32768))
    peaks = meter.finish()
    assert peaks.samples_per_pixel == 1024
    assert MOST // 2 <= len(peaks.pairs) < MOST
    assert peaks.pairs.ravel().tolist() == by_hand(sound, 1024)
    levels = peaks.levels(10)
    assert levels[:5].max() < 0.02
    assert levels[5:].min() > 0.95


def test_it_covers_the_recording(clip, silent_clip) -> None:
    """The clip's sound is 6 s as well; silence is added where a track is shorter than the picture."""
    peaks = peaks_of(clip)
    assert len(peaks.pairs) * peaks.samples_per_pixel == 6 * peaks.rate
    loud = np.abs(peaks.pairs.astype(int)).max(axis=1) > 8000
    clicks = [n for n in range(len(loud)) if loud[n] and not loud[max(n - 20, 0) : n].any()]
    assert [round(n * 256 / peaks.rate, 1) for n in clicks] == [0, 1, 2, 3, 4, 5]
    with silent_clip.open("rb") as file:
        assert measure(file) is None


def test_gaps_are_silent_and_overlaps_dropped(tmp_path) -> None:
    """One second of noise, one of nothing, one of noise, of which half has been heard already, and no more to 4 s."""
    noise = np.random.default_rng(6).integers(-20_000, 20_000, (1, RATE))
    path = tmp_path / "gaps.mkv"
    with av.open(str(path), "w") as output:
        stream = output.add_stream("pcm_s16le", rate=RATE, layout="mono")
        picture = output.add_stream("ffv1", rate=1, pix_fmt="yuv420p")
        picture.width, picture.height = 32, 32
        for second in range(4):
            image = av.VideoFrame.from_ndarray(np.zeros((48, 32), np.uint8), format="yuv420p")
            image.pts = second
            output.mux(picture.encode(image))
        for start in (Fraction(0), Fraction(2), Fraction(5, 2)):
            frame = av.AudioFrame.from_ndarray(noise.astype(np.int16), "s16", "mono")
            frame.sample_rate, frame.pts, frame.time_base = RATE, round(start * RATE), Fraction(1, RATE)
            output.mux(stream.encode(frame))
        output.mux([*stream.encode(None), *picture.encode(None)])
    wanted = np.zeros((1, RATE * 4), int)
    wanted[:, :RATE] = wanted[:, RATE * 2 : RATE * 3] = noise
    wanted[:, RATE * 3 : RATE * 7 // 2] = noise[:, RATE // 2 :]
    assert peaks_of(path).pairs.ravel().tolist() == by_hand(wanted[0], 256)


def test_real_sounds(shared_media) -> None:
    for name, least in (("jfk_speech_11s.flac", 0.3), ("nasa_speech_multistream_h264_aac_subs.mp4", 0.1)):
        peaks = peaks_of(shared_media / name)
        assert 100 < len(peaks.pairs) < MOST
        assert np.abs(peaks.pairs.astype(int)).max() > least * 32768


def test_the_data_as_a_file(tmp_path) -> None:
    peaks = Peaks(48_000, 512, np.array([[-3, 4], [-5, 6]], np.int16))
    save_json(peaks, tmp_path / "waveform.json")
    assert json.loads((tmp_path / "waveform.json").read_text())["data"] == [-3, 4, -5, 6]


def test_the_picture_stands_on_nothing_and_has_its_colour(tmp_path) -> None:
    loud = np.concatenate([np.full((900, 2), 0), np.full((900, 2), 30_000)]).astype(np.int16)
    save_picture(Peaks(48_000, 512, loud), tmp_path / "waveform.png", color="#3366cc")
    picture = Image.open(tmp_path / "waveform.png")
    assert (picture.size, picture.mode) == ((1800, 140), "RGBA")
    pixels = np.asarray(picture)
    drawn = pixels[..., 3] > 0
    assert (pixels[drawn][:, :3] == (0x33, 0x66, 0xCC)).all()
    assert drawn[:, :850].any(axis=1).sum() <= 6
    assert drawn[:, 950:].any(axis=1).all()
    assert 0.5 < drawn[20:120, 950:].mean() < 0.95
    with pytest.raises(InputError):
        save_picture(Peaks(48_000, 512, loud), tmp_path / "other.png", color="blue")
