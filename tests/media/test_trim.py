from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

import av
import numpy as np
import pytest
from measure import clicks, flashes, numbers, pictures, remux, sound
from trimming import cut

from media.encode import AudioSpec, Colour, Mp4Writer, VideoSpec
from media.probe import probe
from media.sample import Painter
from media.sample import sound as sample_sound

RATE = Fraction(30)
SIZE = (320, 180)
AAC_FRAME = Fraction(1024, 48_000)


def expected(source, *keep):
    """Frame numbers by the rule, from a plain decode of the whole source."""
    with av.open(str(source)) as container:
        origin = Fraction(container.start_time or 0, av.time_base)
    shown = pictures(source)
    last = shown[-1][0] + 1
    return [n for start, end in keep for time, n in shown if start <= time - origin < (last if end is None else end)]


def write(target, count, *, times=lambda n: n / RATE, with_sound=True, **changes):
    painter = Painter(SIZE, RATE)
    spec = {"width": SIZE[0], "height": SIZE[1], "time_base": Fraction(1, 15360), "rate": RATE, "keyframe_every": 40}
    with Mp4Writer(target) as writer:
        video = writer.video(VideoSpec(**(spec | changes)))
        track = writer.audio(AudioSpec(rate=48_000, layout="mono")) if with_sound else None
        for number in range(count):
            video.write(painter.frame(number), times(number), 1 / RATE)
        for chunk in sample_sound(count, RATE) if track else ():
            track.write(chunk)
    return target


def encode(target, codec, count, *, with_sound=None, **options):
    """A clip in a codec that the engine itself does not write."""
    painter = Painter(SIZE, RATE)
    with av.open(str(target), "w") as container:
        stream = container.add_stream(codec, rate=RATE, options=options)
        stream.width, stream.height = SIZE
        audio = container.add_stream(with_sound, rate=48_000, layout="mono") if with_sound else None
        for number in range(count):
            container.mux(stream.encode(painter.frame(number)))
        container.mux(stream.encode(None))
        if audio:
            for chunk in sample_sound(count, RATE):
                frame = av.AudioFrame.from_ndarray(chunk, "fltp", "mono")
                frame.sample_rate = 48_000
                container.mux(audio.encode(frame))
            container.mux(audio.encode(None))
    return target


def uneven(number):
    """Frame times that stray by up to a third of a frame, and now and then skip."""
    return (number + Fraction(number * 7 % 10, 30) + number // 20 * 5) / RATE


MAKERS = {
    "h264 mp4": lambda folder, clip: clip,
    "h264 mkv": lambda folder, clip: remux(clip, folder / "h264.mkv"),
    "h264 ts": lambda folder, clip: remux(clip, folder / "h264.ts", format="mpegts"),
    "h264 mp4, no sound": lambda folder, clip: write(folder / "silent.mp4", 120, with_sound=False),
    "h264 mp4, uneven rate": lambda folder, clip: write(folder / "vfr.mp4", 120, times=uneven),
    "hevc 10 bits mp4": lambda folder, clip: write(
        folder / "hevc10.mp4", 100, codec="hevc", pixel_format="yuv420p10le", colour=Colour(9, 18, 9)
    ),
    "vp9 webm": lambda folder, clip: encode(
        folder / "vp9.webm", "libvpx-vp9", 100, with_sound="libopus", deadline="realtime", **{"cpu-used": "8"}
    ),
    "mpeg-4 avi": lambda folder, clip: encode(folder / "mpeg4.avi", "mpeg4", 100, with_sound="libmp3lame"),
    "mpeg-2 ts": lambda folder, clip: encode(folder / "mpeg2.ts", "mpeg2video", 100, with_sound="mp2"),
    "gradual refresh": lambda folder, clip: encode(
        folder / "refresh.mp4", "libx264", 120, with_sound="aac", **{"x264-params": "intra-refresh=1:keyint=30"}
    ),
    "open GOPs": lambda folder, clip: encode(
        folder / "open.mkv", "libx264", 120, with_sound="ac3", **{"x264-params": "open-gop=1:keyint=24:bframes=3"}
    ),
    "one keyframe": lambda folder, clip: write(folder / "long.mp4", 120, keyframe_every=1000),
}


@pytest.fixture(scope="session", params=MAKERS)
def source(request, clips, clip):
    folder = clips / request.param.replace(" ", "_").replace(",", "")
    folder.mkdir(exist_ok=True)
    return MAKERS[request.param](folder, clip)


KEEPS = {
    "across keyframes": [(Fraction("0.7"), Fraction("2.3"))],
    "inside one GOP": [(Fraction("1.2"), Fraction("1.4"))],
    "one frame": [(Fraction("1.5"), Fraction("1.5") + 1 / RATE)],
    "between frames": [(Fraction("1.01"), Fraction("1.99"))],
    "to the end": [(Fraction("2.5"), None)],
    "from the start": [(Fraction(0), Fraction(1, 2))],
    "three out of order": [(Fraction(2), Fraction("2.5")), (Fraction(0), Fraction("0.4")), (Fraction(1), Fraction(2))],
}


@pytest.mark.parametrize("keep", KEEPS.values(), ids=KEEPS)
def test_exactly_the_frames_asked_for(source, keep, tmp_path):
    wanted = expected(source, *keep)
    if not wanted:
        # No frame begins in the range: the one on show is.
        wanted = expected(source, (0, keep[0][1]))[-1:]
    result = cut(source, tmp_path / "cut.mp4", *keep)
    assert numbers(tmp_path / "cut.mp4") == wanted
    assert result.frames == len(wanted)
    assert result.duration == sum(item.end - item.start for item in result.ranges)
    with (tmp_path / "cut.mp4").open("rb") as file:
        assert abs(probe(file).duration - result.duration) < AAC_FRAME


def test_frame_times_are_kept(clips, clip, tmp_path):
    source = write(clips / "uneven.mp4", 60, times=uneven)
    result = cut(source, tmp_path / "cut.mp4", (Fraction(1, 2), Fraction(2)))
    start, end = result.ranges[0].start, result.ranges[0].end
    wanted = [(time - start, number) for time, number in pictures(source) if start <= time < end]
    found = pictures(tmp_path / "cut.mp4")
    assert found[0] == (0, wanted[0][1])
    assert found[1:] == wanted[1:]


def test_sound_and_picture_stay_together_over_cuts(clip, tmp_path):
    keep = [
        (Fraction("3.7"), Fraction("5.3")),
        (Fraction("0.61"), Fraction("2.39")),
        (Fraction("2.9"), Fraction("4.1")),
    ]
    result = cut(clip, tmp_path / "cut.mp4", *keep)
    # Between two frames nothing is cut.
    keep = [(item.start, item.end) for item in result.ranges]
    assert all((time * RATE).denominator == 1 for item in keep for time in item)
    shown = [time for time, _ in pictures(tmp_path / "cut.mp4")]
    assert all(later - earlier == 1 / RATE for earlier, later in pairwise(shown))
    offsets = [sum((end - start for start, end in keep[:n]), Fraction(0)) for n in range(3)]
    wanted = [
        offset + second - start
        for offset, (start, end) in zip(offsets, keep, strict=True)
        for second in range(6)
        if start <= second < end
    ]
    assert len(wanted) == 6
    for flash, click, time in zip(flashes(tmp_path / "cut.mp4"), clicks(tmp_path / "cut.mp4"), wanted, strict=True):
        assert abs(flash - time) < Fraction(1, 10_000)
        assert abs(click - time) < Fraction(2, 1000)


def test_sound_stays_where_it_was(source, tmp_path):
    with av.open(str(source)) as container:
        origin = Fraction(container.start_time or 0, av.time_base)
        if not container.streams.audio:
            pytest.skip("this clip has no sound")
    keep = [(Fraction("1.75"), Fraction("2.6")), (Fraction("0.8"), Fraction("1.3"))]
    first, second = cut(source, tmp_path / "cut.mp4", *keep).ranges
    assert all(
        0 <= item.start - asked < Fraction(1, 10) for item, (asked, _) in zip((first, second), keep, strict=True)
    )
    heard = [time - origin for time in clicks(source)]
    wanted = [
        next(t for t in heard if t > 1.75) - first.start,
        next(t for t in heard if t > 0.8) - second.start + first.end - first.start,
    ]
    for found, time in zip(clicks(tmp_path / "cut.mp4"), wanted, strict=True):
        assert abs(found - time) < Fraction(2, 1000)


def test_sound_is_cut_to_the_sample(clip, tmp_path):
    # To the frame that begins there.
    (asked,) = cut(clip, tmp_path / "cut.mp4", ("1.2345", "3.5")).ranges
    assert (asked.start, asked.end) == (Fraction(38, 30), Fraction("3.5"))
    _, rate, whole = sound(clip)
    start, _, part = sound(tmp_path / "cut.mp4")
    assert start == 0
    assert 0 <= len(part) - round((asked.end - asked.start) * rate) < 1024
    first = round(asked.start * rate)
    original = whole[first : first + rate * 2]
    scores = [
        float(np.dot(original[100:-100], part[100 + shift : len(original) - 100 + shift])) for shift in range(-50, 51)
    ]
    assert int(np.argmax(scores)) - 50 == 0


@pytest.mark.parametrize(
    ("kind", "codec"), [("flac", "flac"), ("ogg", "libopus"), ("mp3", "libmp3lame"), ("wav", "pcm_s16le")]
)
def test_sound_alone(kind, codec, clips, tmp_path):
    source = clips / f"sound.{kind}"
    with av.open(str(source), "w") as container:
        stream = container.add_stream(codec, rate=48_000, layout="mono")
        for chunk in sample_sound(180, RATE):
            frame = av.AudioFrame.from_ndarray(chunk, "fltp", "mono")
            frame.sample_rate = 48_000
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    result = cut(source, tmp_path / "cut.m4a", ("3.5", "5.5"), ("0.5", "1.5"))
    assert (result.frames, result.audio_tracks, result.duration) == (0, 1, 3)
    with av.open(str(source)) as container:
        lead = Fraction(container.start_time or 0, av.time_base)
    # An MP3 that has no delay header keeps its encoder's delay as sound.
    delay = clicks(source)[0] - lead
    for click, time in zip(clicks(tmp_path / "cut.m4a"), ["0.5", "1.5", "2.5"], strict=True):
        assert abs(click - delay - Fraction(time)) < Fraction(3, 1000)


def test_sound_that_starts_late_and_ends_early_is_filled(tmp_path):
    source = tmp_path / "late.mp4"
    painter = Painter(SIZE, RATE)
    with Mp4Writer(tmp_path / "early.mp4") as writer:
        video = writer.video(VideoSpec(width=320, height=180, time_base=Fraction(1, 15360), rate=RATE))
        track = writer.audio(AudioSpec(rate=48_000, layout="mono"))
        for number in range(150):
            video.write(painter.frame(number), number / RATE)
        for chunk in list(sample_sound(60, RATE)):
            track.write(chunk)
    with av.open(str(tmp_path / "early.mp4")) as given, av.open(str(source), "w") as made:
        streams = [made.add_stream_from_template(stream) for stream in given.streams]
        for packet in given.demux():
            if packet.dts is None:
                continue
            if packet.stream.type == "audio":
                packet.pts, packet.dts = packet.pts + 72_000, packet.dts + 72_000
            packet.stream = streams[packet.stream_index]
            made.mux(packet)
    # Clicks now sound at 1.5 and 2.5 s; the track ends at 3.5 s of 5.
    cut(source, tmp_path / "cut.mp4", (4, 5), (1, 3), (0, 1), (2, 3))
    for click, time in zip(clicks(tmp_path / "cut.mp4"), ["1.5", "2.5", "4.5"], strict=True):
        assert abs(click - Fraction(time)) < Fraction(3, 1000)
    _, rate, samples = sound(tmp_path / "cut.mp4")
    assert abs(Fraction(len(samples), rate) - 5) < AAC_FRAME
    assert np.abs(samples[: rate - 2000]).max() < 0.01


def test_every_sound_track_is_kept(clips, tmp_path):
    source = clips / "tracks.mp4"
    painter = Painter(SIZE, RATE)
    with Mp4Writer(source) as writer:
        video = writer.video(VideoSpec(width=320, height=180, time_base=Fraction(1, 15360), rate=RATE))
        tracks = [
            writer.audio(AudioSpec(rate=48_000, layout="mono", language="eng")),
            writer.audio(AudioSpec(rate=44_100, layout="stereo", language="fra")),
        ]
        for number in range(60):
            video.write(painter.frame(number), number / RATE)
        for track in tracks:
            track.write_silence(track.rate * 2)
    assert cut(source, tmp_path / "cut.mp4", ("0.5", "1.5")).audio_tracks == 2
    with (tmp_path / "cut.mp4").open("rb") as file:
        found = [s for s in probe(file).streams if s.type == "audio"]
    assert [(s.language, s.sample_rate, s.channels) for s in found] == [("eng", 48_000, 1), ("fra", 44_100, 2)]


def test_ten_bits_and_colour_are_kept(clips, tmp_path):
    source = write(clips / "hlg.mp4", 30, codec="hevc", pixel_format="yuv420p10le", colour=Colour(9, 18, 9))
    cut(source, tmp_path / "cut.mp4", ("0.2", "0.6"))
    with (tmp_path / "cut.mp4").open("rb") as file:
        video = probe(file).main_video
    assert (video.codec, video.bit_depth, video.hdr, video.colour_primaries) == ("hevc", 10, "HLG", "bt2020")


def test_rotation_and_aspect_are_kept(clips, tmp_path):
    matrix = (0, 65536, 0, -65536, 0, 0, 180 << 16, 0, 1 << 30)
    source = write(clips / "turned.mp4", 30, matrix=matrix, sample_aspect=Fraction(4, 3))
    cut(source, tmp_path / "cut.mp4", ("0.2", "0.6"))
    facts = []
    for path in (source, tmp_path / "cut.mp4"):
        with path.open("rb") as file:
            facts.append(probe(file).main_video)
    assert [(f.rotation, f.sample_aspect, f.display_width, f.display_height) for f in facts] == [
        (90, Fraction(4, 3), 180, 427)
    ] * 2


def test_odd_sides_lose_one_pixel_and_say_so(clips, tmp_path):
    source = clips / "odd.webm"
    with av.open(str(source), "w") as container:
        stream = container.add_stream("libvpx", rate=30, options={"deadline": "realtime"})
        stream.width, stream.height = 321, 181
        for level in range(40, 100, 3):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(np.full((181, 321, 3), level, np.uint8), "rgb24")))
        container.mux(stream.encode(None))
    result = cut(source, tmp_path / "cut.mp4", (0, "0.5"))
    assert [warning.code for warning in result.warnings] == ["odd_size"]
    with av.open(str(tmp_path / "cut.mp4")) as container:
        frames = list(container.decode(video=0))
    assert (frames[0].width, frames[0].height, len(frames)) == (320, 180, 15)


def test_interlaced_stays_interlaced_and_says_so(clips, tmp_path):
    source = encode(clips / "fields.mp4", "libx264", 60, **{"x264-params": "tff=1"})
    result = cut(source, tmp_path / "cut.mp4", ("0.5", 1))
    assert [warning.code for warning in result.warnings] == ["interlaced"]
    assert numbers(tmp_path / "cut.mp4") == list(range(15, 30))
    for path in (source, tmp_path / "cut.mp4"):
        with path.open("rb") as file:
            assert probe(file).main_video.interlaced


def test_a_picture_that_changes_its_size_keeps_one_and_says_so(clips, tmp_path):
    source = clips / "sizes.ts"
    parts = []
    for number, size in enumerate([(320, 180), (640, 360)]):
        part = clips / f"size{number}.ts"
        painter = Painter(size, RATE)
        with av.open(str(part), "w", options={"output_ts_offset": str(5 + number)}) as container:
            stream = container.add_stream("libx264", rate=RATE)
            stream.width, stream.height = size
            for frame in range(30):
                container.mux(stream.encode(painter.frame(number * 30 + frame)))
            container.mux(stream.encode(None))
        parts.append(part.read_bytes())
    source.write_bytes(b"".join(parts))
    result = cut(source, tmp_path / "cut.mp4", ("0.5", "1.5"))
    assert [warning.code for warning in result.warnings] == ["size_changed"]
    assert numbers(tmp_path / "cut.mp4") == list(range(15, 45))


def test_a_slide_on_show_at_the_cut_is_shown(clips, tmp_path):
    source = write(clips / "slides.mp4", 4, times=lambda n: Fraction(10 * n), with_sound=False)
    result = cut(source, tmp_path / "cut.mp4", (12, 18), (15, 25))
    assert pictures(tmp_path / "cut.mp4") == [(0, 1), (6, 1), (11, 2)]
    assert result.duration == 16


@pytest.mark.parametrize(("keep", "duration"), [((12, 18), 6), (("13.2", "13.9"), Fraction("0.7"))])
def test_a_range_within_a_slide_shows_it(tmp_path, keep, duration):
    source = write(tmp_path / "slides.mp4", 3, times=lambda n: Fraction(10 * n), with_sound=False)
    result = cut(source, tmp_path / "cut.mp4", keep)
    assert pictures(tmp_path / "cut.mp4") == [(0, 1)]
    assert result.duration == duration


def test_a_range_within_a_frame_shows_it(clip, tmp_path):
    result = cut(clip, tmp_path / "cut.mp4", (1, 2), ("2.01", "2.02"), (3, 4))
    assert numbers(tmp_path / "cut.mp4") == [*range(30, 60), 60, *range(90, 120)]
    assert result.duration == Fraction("2.01")
