"""Loudness, beside FFmpeg's own command line and the reference signals of EBU Tech 3341."""

from __future__ import annotations

import re
import subprocess
from fractions import Fraction
from io import BytesIO
from pathlib import Path

import imageio_ffmpeg
import numpy as np
import pytest
from PIL import Image

from media.brand import BrandSpec, ImageCard, Transition, VideoCard, brand
from media.encode import AudioSpec, Mp4Writer, VideoSpec
from media.loudness import Ear, Level, Loudness
from media.sample import Painter, make_sample

RATE = 48_000


def heard_by_ffmpeg(path: Path) -> tuple[float, float]:
    """LUFS and dBTP."""
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-hide_banner", "-nostats", "-i", str(path), "-vn"]
    run = subprocess.run(
        [*command, "-af", "ebur128=peak=true", "-f", "null", "-"],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    summary = run.stderr[run.stderr.rindex("Summary:") :]
    loud, peak = re.search(r"I:\s+(-?[\d.]+) LUFS", summary), re.search(r"Peak:\s+(-?[\d.]+|-inf) dBFS", summary)
    return float(loud[1]), float(peak[1])


def sine(level_db: float, seconds: float, frequency: float = 1000.0) -> np.ndarray:
    wave = 10 ** (level_db / 20) * np.sin(2 * np.pi * frequency * np.arange(int(seconds * RATE)) / RATE)
    return np.stack([wave, wave]).astype(np.float32)


def noise(level: float, seconds: float, seed: int = 3) -> np.ndarray:
    wave = np.random.default_rng(seed).standard_normal(int(seconds * RATE)) * level
    return np.stack([wave, wave]).astype(np.float32).clip(-1, 1)


def film(path: Path, samples: np.ndarray) -> Path:
    painter = Painter((64, 64), Fraction(10))
    seconds = samples.shape[1] // RATE
    with Mp4Writer(path) as writer:
        video = writer.video(VideoSpec(width=64, height=64, time_base=Fraction(1, 10_240), rate=Fraction(10)))
        track = writer.audio(AudioSpec(rate=RATE, layout="stereo", bit_rate=256_000))
        for number in range(seconds * 10):
            video.write(painter.frame(number), Fraction(number, 10))
        track.write(samples)
    return path


def made(body: Path, target: Path, spec: BrandSpec):
    with body.open("rb") as file:
        return brand(file, target, spec)


@pytest.mark.parametrize(
    ("parts", "wanted"),
    [
        # EBU Tech 3341, table 1: cases 1, 2 and 3 (gating).
        ([(-23, 20)], -23.0),
        ([(-33, 20)], -33.0),
        ([(-36, 10), (-23, 60), (-36, 10)], -23.0),
    ],
)
def test_reference_signals(parts, wanted) -> None:
    ear = Ear(RATE, "stereo")
    for level, seconds in parts:
        whole = sine(level, seconds)
        for start in range(0, whole.shape[1], 10_000):
            ear.write(whole[:, start : start + 10_000])
    heard = ear.heard()
    assert heard.integrated == pytest.approx(wanted, abs=0.1)
    assert heard.peak == pytest.approx(max(level for level, _ in parts), abs=0.2)


@pytest.mark.parametrize("target", [-14, -16, -23])
def test_a_film_is_brought_to_its_target(target, tmp_path) -> None:
    body = film(tmp_path / "body.mp4", sine(-30, 6))
    result = made(body, tmp_path / "out.mp4", BrandSpec(loudness=target))
    [told] = result.loudness
    before, _ = heard_by_ffmpeg(body)
    after, peak = heard_by_ffmpeg(tmp_path / "out.mp4")
    assert told.level.before.integrated == pytest.approx(before, abs=0.15)
    assert after == pytest.approx(target, abs=0.3)
    assert (told.after.integrated, told.after.peak) == (pytest.approx(after, abs=0.15), pytest.approx(peak, abs=0.2))
    assert not told.level.limited
    # Nothing of the picture was encoded for it.
    assert (result.fallback, result.reencoded) == (None, 0)
    assert result.to_dict()["loudness"][0]["target_lufs"] == target


def test_peaks_stay_under_the_ceiling(tmp_path) -> None:
    """Quiet noise with clicks: the gain would clip them."""
    samples = noise(0.02, 6)
    samples[:, ::120_000] = 0.9
    body = film(tmp_path / "body.mp4", samples)
    result = made(body, tmp_path / "out.mp4", BrandSpec(loudness=-14))
    [told] = result.loudness
    after, peak = heard_by_ffmpeg(tmp_path / "out.mp4")
    assert told.level.limited
    assert peak <= -0.9
    # What the clicks cost is told, and no more than that is missing.
    assert -16 <= after <= -13
    assert "loudness_missed" in {notice.code for notice in result.warnings}
    assert told.after.integrated == pytest.approx(after, abs=0.15)


def test_cards_count_and_stay_in_step(clip, clips, tmp_path) -> None:
    """A loud intro before a quiet body: what is measured is the film, not the body."""
    card = clips / "loud_card.mp4"
    make_sample(card, seconds=Fraction(2), size=(320, 180))
    with card.open("rb") as intro:
        spec = BrandSpec(intro=VideoCard(intro), transition=Transition("dissolve", Fraction(1, 2)), loudness=-23)
        result = made(clip, tmp_path / "out.mp4", spec)
        plain = made(clip, tmp_path / "plain.mp4", BrandSpec(intro=spec.intro, transition=spec.transition))
    assert plain.loudness == ()
    assert result.loudness[0].level.before.integrated == pytest.approx(
        heard_by_ffmpeg(tmp_path / "plain.mp4")[0], abs=0.3
    )
    assert heard_by_ffmpeg(tmp_path / "out.mp4")[0] == pytest.approx(-23, abs=0.5)
    assert all(abs(seam.av_offset_ms) < 1 for seam in result.seams)


def test_silence_stays_silent(tmp_path) -> None:
    body = film(tmp_path / "body.mp4", np.zeros((2, 3 * RATE), np.float32))
    file = BytesIO()
    Image.new("RGB", (64, 64)).save(file, "PNG")
    result = made(body, tmp_path / "out.mp4", BrandSpec(intro=ImageCard(file, Fraction(1)), loudness=-16))
    assert [warning.code for warning in result.warnings] == ["silent_track"]
    assert result.to_dict()["loudness"][0] == {
        "target_lufs": -16,
        "before_lufs": None,
        "after_lufs": None,
        "before_peak_dbtp": None,
        "after_peak_dbtp": None,
        "gain_db": 0.0,
        "limited": False,
    }


def test_levels() -> None:
    assert Level.to(-14, Loudness(-20.0, -8.0)).gain == 6
    assert not Level.to(-14, Loudness(-20.0, -8.0)).limited
    assert Level.to(-14, Loudness(-20.0, -6.0)).limited
    assert Level.to(-14, Loudness(-60.0, -50.0)).gain == 30
