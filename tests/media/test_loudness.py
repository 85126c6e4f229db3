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
from media.brand.levels import LoudnessReport, notices
from media.decode import Reader, Sound
from media.encode import AudioSpec, Mp4Writer, VideoSpec
from media.loudness import Ear, Level, Loudness
from media.sample import Painter, make_sample
from media.timeline import layout_name
from media.types import NO_LIMITS

RATE = 48_000
RECORDINGS = (
    "iphone_rot90_hevc10_hlg_editlist.mp4",
    "jfk_speech_11s.flac",
    "lecture_slides_vfr_h264_aac.mov",
    "rot90_portrait_h264_aac.mp4",
)
"""Their sound begins with the film; all but the second end within a tenth of a second."""


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


def heard_by_us(samples: np.ndarray, rate: int = RATE, block: int = 1024) -> Loudness:
    ear = Ear(rate, "mono" if len(samples) == 1 else "stereo")
    for start in range(0, samples.shape[1], block):
        ear.write(samples[:, start : start + block])
    return ear.heard()


@pytest.mark.parametrize(("count", "rate"), [(144_001, RATE), (146_000, RATE), (19_201, RATE), (132_501, 44_100)])
def test_any_length_is_measured(count, rate) -> None:
    """Not whole tenths of a second: the rest of a tone is as loud as the tone."""
    wave = (0.157 * np.sin(2 * np.pi * 1000 * np.arange(count) / rate))[None].astype(np.float32)
    whole = heard_by_us(wave[:, : count // (rate // 10) * (rate // 10)], rate)
    assert whole.integrated == pytest.approx(-19.1, abs=0.1)
    heard = heard_by_us(wave, rate)
    assert (heard.integrated, heard.peak) == (pytest.approx(whole.integrated), pytest.approx(whole.peak, abs=0.2))


def test_the_end_counts_for_peaks_alone() -> None:
    """A click in the last 50 ms lies in no gating block of its own, but it must not clip."""
    samples = np.concatenate([sine(-30, 3), sine(-30, 0.05)], axis=1)
    quiet = heard_by_us(samples)
    assert quiet.peak == pytest.approx(-30, abs=0.2)
    samples[:, -1000:-990] = 0.8
    heard = heard_by_us(samples)
    assert heard.integrated == quiet.integrated
    assert -2.5 < heard.peak < 0.5


def test_less_than_a_gating_block_has_a_peak_alone(tmp_path) -> None:
    short = heard_by_us(sine(-20, 0.39))
    assert (short.integrated, short.peak) == (None, pytest.approx(-20, abs=0.2))
    assert heard_by_us(sine(-20, 0.03)).peak == pytest.approx(-20, abs=0.5)
    assert heard_by_us(np.zeros((1, 1000), np.float32)) == heard_by_us(np.zeros((1, 0), np.float32))
    before = Level.to(-16, short)
    assert before.gain == 0
    told = [LoudnessReport(-16, before, short)]
    assert [notice.code for notice in notices(told)] == ["too_short_to_measure"]


def test_real_recordings_are_measured_as_by_ffmpeg(shared_media, tmp_path) -> None:
    heard = {}
    for name in RECORDINGS:
        path = shared_media / name
        with path.open("rb") as file, Reader(file, limits=NO_LIMITS, pictures="none", sound="main") as reader:
            stream = reader.timeline.audio[0]
            ear = Ear(stream.rate, layout_name(stream))
            for item in reader.read(Fraction(0), reader.timeline.duration):
                if isinstance(item, Sound):
                    ear.write(item.samples)
            heard[name] = ear.heard()
        loud, peak = heard_by_ffmpeg(path)
        assert heard[name].integrated == pytest.approx(loud, abs=0.15), name
        assert heard[name].peak == pytest.approx(peak, abs=0.3), name


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
