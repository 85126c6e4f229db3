"""Branding, measured on the finished file: which frame is where, how strongly, and what is heard."""

from __future__ import annotations

from fractions import Fraction
from io import BytesIO
from pathlib import Path

import av
import numpy as np
import pytest
from measure import clicks, flashes, pictures, sound
from PIL import Image

from media.barcode import BarcodeError, read_frame
from media.brand import (
    BrandResult,
    BrandSpec,
    ImageCard,
    TitleCard,
    Transition,
    VideoCard,
    Watermark,
    brand,
    card_from_file,
)
from media.encode import AudioSpec, Colour, Mp4Writer, VideoSpec
from media.orientation import Orientation
from media.pixels import planes
from media.sample import Painter, make_sample

AAC_FRAME = Fraction(1024, 48_000)
HALF = Transition("dissolve", Fraction(1, 2))
QUARTER_RIGHT = (0, 1 << 16, 0, -(1 << 16), 0, 0, 0, 0, 1 << 30)


def branded(body: Path, target: Path, spec: BrandSpec, **options) -> BrandResult:
    with body.open("rb") as file:
        return brand(file, target, spec, **options)


def image(colour, size=(320, 180), kind="PNG") -> BytesIO:
    file = BytesIO()
    Image.new("RGBA" if len(colour) == 4 else "RGB", size, colour).save(file, kind)
    return file


def write(path: Path, frames, times, video: VideoSpec, *, tone: Fraction | None = None) -> Path:
    """A clip of those frames; with a 440 Hz tone of `tone` seconds if asked for."""
    with Mp4Writer(path) as writer:
        track = writer.video(video)
        heard = writer.audio(AudioSpec(rate=48_000, layout="mono")) if tone else None
        for frame, time in zip(frames, times, strict=True):
            track.write(frame, Fraction(time))
        if heard is not None and tone:
            heard.write(
                0.5 * np.sin(2 * np.pi * 440 * np.arange(int(tone * 48_000)) / 48_000)[None, :].astype(np.float32)
            )
    return path


def spec(width=320, height=180, **options) -> VideoSpec:
    return VideoSpec(width=width, height=height, time_base=Fraction(1, 90_000), rate=Fraction(25), **options)


def grey(level: int, count: int, size=(320, 180)) -> list[av.VideoFrame]:
    canvas = np.full((size[1] * 3 // 2, size[0]), 128, np.uint8)
    canvas[: size[1]] = level
    return [av.VideoFrame.from_ndarray(canvas, format="yuv420p") for _ in range(count)]


def lumas(path: Path) -> list[tuple[Fraction, float]]:
    with av.open(str(path)) as container:
        return [(frame.pts * frame.time_base, float(planes(frame)[0].mean())) for frame in container.decode(video=0)]


def audio_tracks(path: Path) -> int:
    with av.open(str(path)) as container:
        return len(container.streams.audio)


@pytest.fixture(scope="module")
def card(clips) -> Path:
    """Two seconds like the clip."""
    path = clips / "card.mp4"
    make_sample(path, seconds=Fraction(2), size=(320, 180))
    return path


@pytest.fixture(scope="module")
def plain(clips) -> Path:
    """Three seconds of dark grey at 25 frames a second with a steady tone."""
    return write(clips / "plain.mp4", grey(60, 75), [Fraction(n, 25) for n in range(75)], spec(), tone=Fraction(3))


def test_hard_cuts_keep_every_frame_and_the_sound(clip, card, tmp_path) -> None:
    target = tmp_path / "out.mp4"
    with card.open("rb") as intro, card.open("rb") as outro:
        result = branded(clip, target, BrandSpec(intro=VideoCard(intro), outro=VideoCard(outro)))
    expected = [*range(60), *range(180), *range(60)]
    assert pictures(target) == [(Fraction(n, 30), number) for n, number in enumerate(expected)]
    assert (result.frames, result.body_frames, result.duration, result.audio_tracks) == (300, 180, 10, 1)
    heard = clicks(target)
    assert len(heard) == 10
    assert max(abs(a - b) for a, b in zip(flashes(target), heard, strict=True)) < AAC_FRAME
    assert max(abs(time - n) for n, time in enumerate(heard)) < AAC_FRAME
    with av.open(str(target)) as container:
        assert Fraction(container.duration, av.time_base) == pytest.approx(10, abs=0.001)


def test_a_crossfade_overlaps_whole_frames(clip, card, tmp_path) -> None:
    target = tmp_path / "out.mp4"
    with card.open("rb") as intro, card.open("rb") as outro:
        result = branded(clip, target, BrandSpec(intro=VideoCard(intro), outro=VideoCard(outro), transition=HALF))
    assert result.frames == 60 + 180 + 60 - 2 * 15
    assert [(s.kind, s.start, s.end) for s in result.segments][1:4] == [
        ("intro_transition", Fraction(3, 2), 2),
        ("body", 2, 7),
        ("outro_transition", 7, Fraction(15, 2)),
    ]
    with av.open(str(target)) as container:
        frames = list(container.decode(video=0))
    assert [frame.pts * frame.time_base for frame in frames] == [Fraction(n, 30) for n in range(270)]
    seen = _readable(frames)
    assert {place: seen[place] for place in range(45)} == {place: place for place in range(45)}
    assert {place: seen[place] for place in range(60, 210)} == {place: place - 45 for place in range(60, 210)}
    assert {place: seen[place] for place in range(225, 270)} == {place: place - 210 for place in range(225, 270)}
    heard = [time for time in clicks(target) if 2 <= time <= 7]
    assert len(heard) == 5
    assert max(abs(time - (n + Fraction(5, 2))) for n, time in enumerate(heard)) < AAC_FRAME


def test_crossfade_weights(plain, tmp_path) -> None:
    """White card over a body of luma 60: every picture of the transition has the level that its weight gives."""
    target = tmp_path / "out.mp4"
    spec_ = BrandSpec(
        intro=ImageCard(image((255, 255, 255)), Fraction(1)), transition=Transition("dissolve", Fraction(2, 5))
    )
    result = branded(plain, target, spec_)
    levels = lumas(target)
    assert len(levels) == result.frames == 25 + 75 - 10
    for place, (time, level) in enumerate(levels):
        assert time == Fraction(place, 25)
        weight = min(max((place - 15 + 0.5) / 10, 0), 1)
        assert level == pytest.approx(235 + (60 - 235) * weight, abs=2)


def test_sound_crossfades_with_equal_power(plain, tmp_path) -> None:
    target = tmp_path / "out.mp4"
    spec_ = BrandSpec(
        intro=ImageCard(image((0, 0, 0)), Fraction(1)),
        outro=ImageCard(image((0, 0, 0)), Fraction(1)),
        transition=Transition("dissolve", Fraction(4, 5)),
    )
    branded(plain, target, spec_)
    _, rate, samples = sound(target)

    def loudness(middle: float) -> float:
        part = samples[int((middle - 0.02) * rate) : int((middle + 0.02) * rate)]
        return float(np.sqrt((part**2).mean()) / (0.5 / 2**0.5))

    assert loudness(0.1) < 0.01
    for place in (0.2, 0.4, 0.6):  # the body fades in from 0.2 s to 1 s, and out from 2.4 s to 3.2 s
        assert loudness(0.2 + place) == pytest.approx(np.sin(place / 0.8 * np.pi / 2), abs=0.05)
        assert loudness(2.4 + place) == pytest.approx(np.cos(place / 0.8 * np.pi / 2), abs=0.05)
    assert loudness(1.5) == pytest.approx(1, abs=0.03)
    assert loudness(3.3) < 0.01
    assert 0 <= Fraction(len(samples), rate) - Fraction(34, 10) <= AAC_FRAME


def test_a_title_before_a_silent_body_stays_silent(silent_clip, tmp_path) -> None:
    target = tmp_path / "out.mp4"
    title = TitleCard(title="Webb telescope", subtitle="Optics", duration=Fraction(1), background="#000000")
    result = branded(silent_clip, target, BrandSpec(intro=title))
    assert (result.frames, result.audio_tracks, audio_tracks(target)) == (120, 0, 0)
    levels = lumas(target)[:30]
    assert levels[0][1] == pytest.approx(16, abs=1)
    assert levels[29][1] > 18
    assert numbers_after(target, 30) == list(range(90))


def test_a_silent_body_gets_sound_for_a_card_that_has_some(silent_clip, card, tmp_path) -> None:
    target = tmp_path / "out.mp4"
    with card.open("rb") as intro:
        result = branded(silent_clip, target, BrandSpec(intro=VideoCard(intro)))
    assert result.audio_tracks == 1
    start, rate, samples = sound(target)
    assert (start, rate) == (0, 48_000)
    assert len(samples) >= 5 * rate
    assert np.abs(samples[2 * rate + 4096 :]).max() < 0.01
    assert len(clicks(target)) == 2


def test_every_track_is_delayed_by_a_silent_card(clips, tmp_path) -> None:
    body = clips / "two_tracks.mp4"
    make_sample(body, seconds=Fraction(2), size=(320, 180), audio_tracks=2)
    target = tmp_path / "out.mp4"
    result = branded(body, target, BrandSpec(intro=ImageCard(image((0, 0, 99)), Fraction(3, 2))))
    assert result.audio_tracks == audio_tracks(target) == 2
    for track in (0, 1):
        heard = clicks(target, track)
        assert max(abs(time - (n + Fraction(3, 2))) for n, time in enumerate(heard)) < AAC_FRAME
        assert len(heard) == 2


def test_only_the_first_track_has_the_cards_sound(clips, card, tmp_path) -> None:
    body = clips / "two_tracks_again.mp4"
    make_sample(body, seconds=Fraction(1), size=(320, 180), audio_tracks=2)
    target = tmp_path / "out.mp4"
    with card.open("rb") as outro:
        branded(body, target, BrandSpec(outro=VideoCard(outro)))
    assert len(clicks(target, 0)) == 3
    assert len(clicks(target, 1)) == 1
    assert len(sound(target, 1)[2]) >= 3 * 48_000


def test_cards_of_another_kind_are_made_to_fit(clip, tmp_path) -> None:
    """4:3, 12.5 frames a second, 44.1 kHz stereo: shown whole between black bars at 30, in the body's format."""
    path = tmp_path / "other.mp4"
    with Mp4Writer(path) as writer:
        video = writer.video(spec(240, 180))
        audio = writer.audio(AudioSpec(rate=44_100, layout="stereo"))
        for number, frame in enumerate(grey(235, 25, (240, 180))):
            video.write(frame, number * Fraction(2, 25), Fraction(2, 25))
        audio.write(np.full((2, 2 * 44_100), 0.1, np.float32))
    target = tmp_path / "out.mp4"
    with path.open("rb") as intro:
        result = branded(clip, target, BrandSpec(intro=VideoCard(intro)))
    assert result.frames == 60 + 180
    assert numbers_after(target, 60) == list(range(180))
    with av.open(str(target)) as container:
        frame = next(container.decode(video=0))
        assert (container.streams.audio[0].rate, container.streams.audio[0].layout.name) == (48_000, "mono")
    luma = planes(frame)[0]
    assert luma.shape == (180, 320)
    assert luma[:, :38].max() < 20
    assert luma[:, 44:276].min() > 230
    assert luma[:, 282:].max() < 20


def test_uneven_times_are_kept_and_shifted(tmp_path) -> None:
    times = [Fraction(0), Fraction(1, 10), Fraction(6, 10), Fraction(7, 10), Fraction(2), Fraction(21, 10)]
    painter = Painter((320, 180), Fraction(25))
    body = write(tmp_path / "vfr.mp4", [painter.frame(n) for n in range(6)], times, spec())
    target = tmp_path / "out.mp4"
    branded(body, target, BrandSpec(intro=ImageCard(image((0, 0, 0)), Fraction(1))))
    with av.open(str(target)) as container:
        shown = [frame.pts * frame.time_base for frame in container.decode(video=0)]
    begin = shown[-6]
    assert begin == pytest.approx(1, abs=0.05)
    assert [time - begin for time in shown[-6:]] == times
    assert numbers_after(target, len(shown) - 6) == list(range(6))


def test_a_still_body_dissolves_smoothly(tmp_path) -> None:
    body = write(tmp_path / "slides.mp4", grey(60, 3), [0, 2, 4], spec())
    target = tmp_path / "out.mp4"
    spec_ = BrandSpec(
        outro=ImageCard(image((255, 255, 255)), Fraction(2)), transition=Transition("dissolve", Fraction(1))
    )
    result = branded(body, target, spec_)
    fading = [level for time, level in lumas(target) if result.segments[0].end <= time < result.segments[1].end]
    assert len(fading) >= 12
    assert fading == sorted(fading)
    assert fading[0] < 80
    assert fading[-1] > 215


def test_ten_bit_hdr_stays_so_and_titles_are_not_too_bright(tmp_path) -> None:
    canvas = np.full((96, 96), 512, np.uint16)
    canvas[:64] = 300
    frames = [av.VideoFrame.from_ndarray(canvas, format="yuv420p10le") for _ in range(10)]
    video = spec(96, 64, codec="hevc", pixel_format="yuv420p10le", colour=Colour(9, 18, 9))
    body = write(tmp_path / "hlg.mp4", frames, [Fraction(n, 25) for n in range(10)], video)
    target = tmp_path / "out.mp4"
    mark = Watermark(file=image((255, 255, 255)), width=Fraction(1, 4), opacity=Fraction(1))
    branded(body, target, BrandSpec(intro=ImageCard(image((255, 255, 255), (96, 64)), Fraction(1, 5)), watermark=mark))
    with av.open(str(target)) as container:
        assert container.streams.video[0].codec_context.name == "hevc"
        made = list(container.decode(video=0))
    assert {frame.format.name for frame in made} == {"yuv420p10le"}
    assert {(f.color_primaries, f.color_trc, f.colorspace) for f in made} == {(9, 18, 9)}
    assert (planes(made[0])[0].mean() - 64) / 876 == pytest.approx(0.75, abs=0.02)
    assert planes(made[8])[0][:30].mean() == pytest.approx(300, abs=4)
    assert (float(planes(made[8])[0].max()) - 64) / 876 == pytest.approx(0.75, abs=0.03)


def test_a_turned_body_stays_turned_and_cards_are_upright(tmp_path) -> None:
    body = write(
        tmp_path / "turned.mp4", grey(60, 10), [Fraction(n, 25) for n in range(10)], spec(matrix=QUARTER_RIGHT)
    )
    picture = Image.new("RGB", (180, 320), (0, 0, 0))
    picture.paste((255, 255, 255), (0, 0, 180, 80))  # the top quarter is white
    file = BytesIO()
    picture.save(file, "PNG")
    target = tmp_path / "out.mp4"
    mark = Watermark(file=image((255, 255, 255)), position="top-left", opacity=Fraction(1), width=Fraction(1, 3))
    branded(body, target, BrandSpec(intro=ImageCard(file, Fraction(1, 5)), watermark=mark))
    with av.open(str(target)) as container:
        made = list(container.decode(video=0))
    assert made[0].rotation == made[-1].rotation != 0
    assert (made[0].width, made[0].height) == (320, 180)
    first, last = (_shown(frame, QUARTER_RIGHT) for frame in (made[0], made[-1]))
    assert first.shape == (320, 180)
    assert first[:76].min() > 225
    assert first[84:].max() < 25
    rows, columns = np.nonzero(last > 150)
    assert rows.max() < 60
    assert columns.max() < 90


def test_exif_orientation_counts(silent_clip, tmp_path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    picture = Image.new("RGB", (180, 320), (0, 0, 0))
    picture.paste((255, 255, 255), (0, 0, 90, 320))  # left as stored, on top when shown
    file = BytesIO()
    picture.save(file, "JPEG", exif=exif)
    target = tmp_path / "out.mp4"
    branded(silent_clip, target, BrandSpec(intro=card_from_file(file, Fraction(1, 5))))
    with av.open(str(target)) as container:
        luma = planes(next(container.decode(video=0)))[0]
    assert luma[:84].min() > 225
    assert luma[96:].max() < 25


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_images_are_told_from_videos_by_content(kind, card) -> None:
    found = card_from_file(image((1, 2, 3), kind=kind), Fraction(2))
    assert isinstance(found, ImageCard)
    assert found.duration == 2
    with card.open("rb") as file:
        assert isinstance(card_from_file(file, None), VideoCard)


def _readable(frames) -> dict[int, int]:
    """Place and number of the frames whose barcode can be read."""
    found = {}
    for place, frame in enumerate(frames):
        try:
            found[place] = read_frame(frame)
        except BarcodeError:
            continue
    return found


def numbers_after(path: Path, place: int) -> list[int]:
    """The numbers of the frames from `place` on."""
    with av.open(str(path)) as container:
        return [read_frame(frame) for frame in list(container.decode(video=0))[place:]]


def _shown(frame: av.VideoFrame, matrix) -> np.ndarray:
    luma = planes(frame)[0]
    assert Orientation.of(matrix) == Orientation(0, 1, -1, 0)
    return np.rot90(luma, -1)


def test_facts_are_json(silent_clip, tmp_path) -> None:
    result = branded(silent_clip, tmp_path / "out.mp4", BrandSpec(outro=ImageCard(image((0, 0, 0)), Fraction(1, 2))))
    assert result.to_dict() == {
        "duration": "3.5",
        "frames": 105,
        "body_frames": 90,
        "audio_tracks": 0,
        "subtitle_tracks": 0,
        "chapters": 0,
        "covers": 0,
        "segments": [
            {"kind": "body", "start": "0", "end": "3"},
            {"kind": "outro", "start": "3", "end": "3.5"},
        ],
        "copied_s": "3",
        "reencoded_s": "0.5",
        "seams": [{"at": "3", "frames": 15, "psnr_db": None, "av_offset_ms": None}],
        "fallback": None,
        "loudness": [],
        "warnings": [],
    }


@pytest.mark.parametrize(
    ("name", "frames"), [("rot90_portrait_h264_aac.mp4", 44), ("nasa_speech_multistream_h264_aac_subs.mp4", 325)]
)
def test_real_clips(shared_media, tmp_path, name: str, frames: int) -> None:
    with (shared_media / "photo_exif_orientation6.jpg").open("rb") as photo:
        spec_ = BrandSpec(intro=TitleCard(title="A real clip"), outro=card_from_file(photo), transition=HALF)
        result = branded(shared_media / name, tmp_path / "out.mp4", spec_)
    assert result.body_frames == frames
    with av.open(str(tmp_path / "out.mp4")) as container:
        assert sum(1 for _ in container.decode(video=0)) == result.frames
