from __future__ import annotations

from fractions import Fraction

import av
import numpy as np
import pytest
from measure import clicks, flashes, numbers, pictures, sound

from media import boxes
from media.encode import AudioSpec, Colour, Mp4Writer, VideoSpec, timescale
from media.sample import Painter

RATE = Fraction(30)


def spec(**changes):
    base = {"width": 320, "height": 180, "time_base": Fraction(1, 15360), "rate": RATE}
    return VideoSpec(**(base | changes))


def write(target, count, *, times=lambda n: n / RATE, **changes):
    painter = Painter((320, 180), RATE)
    with Mp4Writer(target) as writer:
        video = writer.video(spec(**changes))
        for number in range(count):
            video.write(painter.frame(number), times(number), 1 / RATE)
    return target


def test_the_sample_flashes_and_clicks_together(clip):
    assert numbers(clip) == list(range(180))
    assert flashes(clip) == [Fraction(n) for n in range(6)]
    for click, flash in zip(clicks(clip), flashes(clip), strict=True):
        assert abs(click - flash) < Fraction(2, 1000)


@pytest.mark.parametrize("count", [1, 2, 3, 4, 7, 31])
@pytest.mark.parametrize("codec", ["h264", "hevc"])
def test_lengths_and_rates_are_exact(tmp_path, codec, count):
    target = write(tmp_path / "exact.mp4", count, codec=codec)
    assert numbers(target) == list(range(count))
    with av.open(str(target)) as container:
        stream = container.streams.video[0]
        assert stream.duration * stream.time_base == count / RATE
        assert (stream.average_rate, stream.frames) == (RATE, count)


def test_the_index_comes_first(clip):
    with clip.open("rb") as file:
        kinds = [box.kind for box in boxes.top_level(file)]
    assert kinds.index(b"moov") < kinds.index(b"mdat")


def test_variable_frame_times_are_kept(tmp_path):
    times = [Fraction(n * n, 100) for n in range(12)]
    target = write(tmp_path / "vfr.mp4", 12, times=times.__getitem__, time_base=Fraction(1, 10_000))
    assert pictures(target) == [(time, number) for number, time in enumerate(times)]


@pytest.mark.parametrize("codec", ["h264", "hevc"])
@pytest.mark.parametrize(
    "times",
    [
        ["0", "0.1", "0.6", "0.7", "2", "2.1"],
        ["0", "30", "60", "60.1", "60.2", "60.3", "60.4"],
        ["0", "0.1", "0.2", "0.3", "20", "50"],
        ["0", "7"],
    ],
)
def test_slides_are_as_long_as_their_frames(tmp_path, codec, times):
    """Reordering must not let long pauses at either end lengthen the track, nor cut frames off it."""
    shown = [Fraction(time) for time in times]
    target = write(
        tmp_path / "slides.mp4", len(shown), times=shown.__getitem__, codec=codec, time_base=Fraction(1, 15360)
    )
    assert [number for _, number in pictures(target)] == list(range(len(shown)))
    with av.open(str(target)) as container:
        stream = container.streams.video[0]
        assert stream.duration * stream.time_base == pytest.approx(shown[-1] + 1 / RATE, abs=0.0002)
        assert Fraction(container.duration, av.time_base) == pytest.approx(shown[-1] + 1 / RATE, abs=0.002)


def test_the_last_frame_lasts_as_long_as_asked(tmp_path):
    painter = Painter((320, 180), RATE)
    with Mp4Writer(tmp_path / "hold.mp4") as writer:
        video = writer.video(spec())
        video.write(painter.frame(0), Fraction(0))
        video.write(painter.frame(1), 1 / RATE, Fraction(2))
    with av.open(str(tmp_path / "hold.mp4")) as container:
        stream = container.streams.video[0]
        assert stream.duration * stream.time_base == 2 + 1 / RATE


def test_picture_facts_survive(tmp_path):
    matrix = (0, 65536, 0, -65536, 0, 0, 0, 0, 1 << 30)
    target = write(
        tmp_path / "facts.mp4",
        3,
        codec="hevc",
        pixel_format="yuv420p10le",
        colour=Colour(primaries=9, transfer=18, matrix=9),
        sample_aspect=Fraction(4, 3),
        matrix=matrix,
    )
    with av.open(str(target)) as container:
        stream = container.streams.video[0]
        context = stream.codec_context
        frame = next(container.decode(stream))
        assert (context.name, context.pix_fmt, context.codec_tag) == ("hevc", "yuv420p10le", "hvc1")
        assert (context.color_primaries, context.color_trc, context.colorspace) == (9, 18, 9)
        assert stream.sample_aspect_ratio == Fraction(4, 3)
        assert frame.rotation == -90
    assert numbers(target) == [0, 1, 2]


def test_odd_and_other_sizes_are_fitted(tmp_path):
    grey = np.full((181, 321, 3), 90, np.uint8)
    with Mp4Writer(tmp_path / "fit.mp4") as writer:
        video = writer.video(spec())
        video.write(av.VideoFrame.from_ndarray(grey, format="rgb24"), Fraction(0))
        video.write(av.VideoFrame.from_ndarray(grey[:100, :100].copy(), format="rgb24"), Fraction(1))
    with av.open(str(tmp_path / "fit.mp4")) as container:
        assert [(f.width, f.height) for f in container.decode(video=0)] == [(320, 180)] * 2


@pytest.mark.parametrize(("rate", "layout"), [(48000, "stereo"), (44100, "mono"), (8000, "mono"), (96000, "5.1")])
def test_sound_lands_on_its_sample(tmp_path, rate, layout):
    channels = av.AudioLayout(layout).nb_channels
    samples = np.zeros((channels, rate), np.float32)
    samples[:, rate // 2 : rate // 2 + rate // 100] = 0.8
    with Mp4Writer(tmp_path / "sound.m4a") as writer:
        track = writer.audio(AudioSpec(rate=rate, layout=layout, language="fra"))
        track.write(samples)
        track.write_silence(rate // 2)
    start, out_rate, decoded = sound(tmp_path / "sound.m4a")
    assert (start, out_rate) == (0, rate)
    assert 0 <= len(decoded) - rate * 3 // 2 < 1024
    loud = np.nonzero(np.abs(decoded) > 0.3)[0]
    assert abs(int(loud[0]) - rate // 2) < rate / 200
    with av.open(str(tmp_path / "sound.m4a")) as container:
        stream = container.streams.audio[0]
        assert stream.language == "fra"
        assert stream.duration * stream.time_base == Fraction(3, 2)


def test_a_rate_that_aac_lacks_is_resampled(tmp_path):
    with Mp4Writer(tmp_path / "odd.m4a") as writer:
        writer.audio(AudioSpec(rate=50_000, layout="mono")).write(np.zeros((1, 100_000), np.float32))
    _, rate, samples = sound(tmp_path / "odd.m4a")
    assert rate == 48_000
    assert abs(len(samples) - 96_000) < 1100


def test_nothing_half_made_is_left(tmp_path):
    class CancelError(Exception):
        pass

    def give_up(target):
        painter = Painter((320, 180), RATE)
        with Mp4Writer(target) as writer:
            video = writer.video(spec())
            for number in range(60):
                video.write(painter.frame(number), number / RATE)
            raise CancelError

    with pytest.raises(CancelError):
        give_up(tmp_path / "gone.mp4")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("given", "chosen"),
    [
        (Fraction(1, 90_000), Fraction(1, 90_000)),
        (Fraction(1, 600), Fraction(1, 10_200)),
        (Fraction(1001, 30_000), Fraction(1, 30_000)),
        (Fraction(1, 1000), Fraction(1, 10_000)),
        (Fraction(1, 2_000_000_000), Fraction(1, 90_000)),
    ],
)
def test_timescale_holds_every_tick(given, chosen):
    assert timescale(given) == chosen
