"""Resampled sound keeps its length, its place and its loudness."""

from __future__ import annotations

import numpy as np
import pytest

from media.resample import Resampler, channel_count


def convert(samples: np.ndarray, given, wanted, *, piece: int = 1000) -> np.ndarray:
    resampler = Resampler(given, wanted)
    parts = [resampler(samples[:, n : n + piece]) for n in range(0, samples.shape[1], piece)]
    return np.concatenate([*parts, resampler.rest()], axis=1)


@pytest.mark.parametrize(("rate", "wanted"), [(44100, 48000), (48000, 44100), (8000, 48000), (96000, 48000)])
def test_a_pulse_stays_where_it_is(rate: int, wanted: int) -> None:
    samples = np.zeros((1, rate), np.float32)
    samples[0, rate // 2 : rate // 2 + rate // 100] = 0.8
    made = convert(samples, (rate, "mono"), (wanted, "mono"))
    assert abs(made.shape[1] - wanted) <= 32
    energy = made[0].astype(float) ** 2
    centre = (np.arange(energy.size) * energy).sum() / energy.sum()
    assert centre / wanted == pytest.approx(0.505, abs=1 / rate)
    assert made.max() == pytest.approx(0.8, rel=0.2)


def test_the_same_format_passes_untouched() -> None:
    samples = np.random.default_rng(1).random((2, 5000), np.float32)
    assert np.array_equal(convert(samples, (48000, "stereo"), (48000, "stereo")), samples)


def test_layouts() -> None:
    mono = np.full((1, 3000), 0.25, np.float32)
    stereo = convert(mono, (48000, "mono"), (48000, "stereo"))
    assert stereo.shape == (2, 3000)
    assert np.array_equal(stereo[0], stereo[1])
    surround = convert(np.full((6, 3000), 0.1, np.float32), (48000, "5.1"), (48000, "stereo"))
    assert surround.shape == (2, 3000)
    assert [channel_count(name) for name in ("mono", "stereo", "5.1")] == [1, 2, 6]


def test_nothing_in_nothing_out() -> None:
    assert convert(np.zeros((1, 0), np.float32), (44100, "mono"), (48000, "stereo")).shape == (2, 0)
