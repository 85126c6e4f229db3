"""The preview, measured: frame numbers and times of the proxy, tiles against their cues, what posters show."""

from __future__ import annotations

import json
import re
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest
from measure import clicks, flashes, numbers, pictures
from PIL import Image
from proxies import make

from media.barcode import read
from media.beside import Wanted
from media.encode import AudioSpec, Colour, Mp4Writer, VideoSpec
from media.errors import InputError
from media.faststart import arrange
from media.poster import save_waveform
from media.preview import NAMES, PreviewResult, cut_ranges, render
from media.proxy.pictures import proxy_size
from media.sample import SOUND_RATE, Painter, sound
from media.sprites import Sheet, tile_size
from media.types import Range
from media.waveform import PeakMeter

QUARTER_RIGHT = (0, 1 << 16, 0, -(1 << 16), 0, 0, 0, 0, 1 << 30)
RATE = Fraction(25)


def preview(path: Path, folder: Path, *keep, height=360, **options) -> PreviewResult:
    """The preview of some ranges of a file, by default of all, from a proxy that lies beside the folder."""
    proxy = folder.parent / f"{folder.name}-{path.stem}-{height}.mp4"
    make(path, proxy, height=height)
    asked = [Range(Fraction(start), None if end is None else Fraction(end)) for start, end in keep or [(0, None)]]
    with path.open("rb") as source, proxy.open("rb") as film:
        return render(film, source, folder, cut_ranges(source, asked), **options)


def spec(width=320, height=180, **options) -> VideoSpec:
    return VideoSpec(width=width, height=height, time_base=Fraction(1, 90_000), rate=RATE, **options)


def write(path: Path, frames, times, video: VideoSpec) -> Path:
    with Mp4Writer(path) as writer:
        track = writer.video(video)
        for frame, time in zip(frames, times, strict=True):
            track.write(frame, Fraction(time))
    return path


def stream_of(path: Path, kind: str):
    with av.open(str(path)) as container:
        stream = getattr(container.streams, kind)[0]
        context = stream.codec_context
        if kind == "audio":
            return context.name, stream.rate, stream.layout.name
        return context.name, context.pix_fmt, (context.width, context.height)


def keyframe_times(path: Path) -> list[Fraction]:
    with av.open(str(path)) as container:
        return [p.pts * p.time_base for p in container.demux(video=0) if p.is_keyframe and p.size]


@pytest.fixture(scope="module")
def previewed(clip, tmp_path_factory) -> tuple[Path, PreviewResult]:
    return clip, preview(clip, tmp_path_factory.mktemp("preview"))


def test_the_proxy_has_every_frame_at_its_time(previewed) -> None:
    _, result = previewed
    assert pictures(result.files["preview"]) == [(Fraction(n, 30), n) for n in range(180)]
    assert (result.frames, result.duration, result.size) == (180, 6, (320, 180))
    assert not result.warnings


def test_the_proxy_plays_everywhere(previewed) -> None:
    proxy = previewed[1].files["preview"]
    assert stream_of(proxy, "video") == ("h264", "yuv420p", (320, 180))
    assert stream_of(proxy, "audio") == ("aac", 48_000, "mono")
    with proxy.open("rb") as file:
        arranged = arrange(file)
    assert arranged.head.index(b"moov") < arranged.head.index(b"mdat")
    keys = keyframe_times(proxy)
    assert keys[0] == 0
    assert max(later - earlier for earlier, later in pairwise([*keys, Fraction(6)])) <= 2


def test_sound_stays_with_the_picture(previewed) -> None:
    proxy = previewed[1].files["preview"]
    seen, heard = flashes(proxy), clicks(proxy)
    assert len(seen) == len(heard) == 6
    assert max(abs(a - b) for a, b in zip(seen, heard, strict=True)) < Fraction(1024, 48_000)


def test_thumbnails_show_what_their_cue_says(previewed) -> None:
    result = previewed[1]
    cues = re.findall(
        r"(\d\d):(\d\d):(\d\d\.\d{3}) --> (\d\d):(\d\d):(\d\d\.\d{3})\nsprite\.jpg#xywh=(\d+),(\d+),(\d+),(\d+)\n",
        result.files["thumbnails"].read_text(),
    )
    times = [(_seconds(*cue[:3]), _seconds(*cue[3:6])) for cue in cues]
    assert result.files["thumbnails"].read_text().startswith("WEBVTT\n\n")
    assert times == [(Fraction(n), Fraction(n + 1)) for n in range(6)]
    sheet = np.asarray(Image.open(result.files["sprite"]).convert("L"))
    assert sheet.shape == (90, 6 * 160)
    for (start, _), place in zip(times, cues, strict=True):
        left, top, width, height = map(int, place[6:])
        tile = sheet[top : top + height, left : left + width]
        assert read(tile) == start * 30


def test_facts_are_json(previewed) -> None:
    assert previewed[1].to_dict() == {
        "duration": "6",
        "size": [320, 180],
        "frames": 180,
        "has_sound": True,
        "poster_size": [320, 180],
        "sprite": {"tiles": 6, "columns": 6, "tile_size": [160, 90], "interval": "1"},
        "teaser": {"size": [320, 180], "duration": "6", "moments": ["0"]},
        "waveform": {
            "version": 2,
            "channels": 1,
            "sample_rate": 48_000,
            "samples_per_pixel": 256,
            "bits": 16,
            "length": 1125,
        },
        "warnings": [],
    }


@pytest.mark.parametrize(
    ("shown", "height", "size"),
    [
        ((1920, 1080), 360, (640, 360)),
        ((1080, 1920), 360, (360, 640)),
        ((320, 180), 360, (320, 180)),
        ((321, 181), 360, (320, 180)),
        ((1920, 1080), 180, (320, 180)),
        ((4000, 10), 360, (4000, 10)),
        ((3, 3), 360, (2, 2)),
    ],
)
def test_proxy_size(shown, height, size) -> None:
    assert proxy_size((Fraction(shown[0]), Fraction(shown[1])), height) == size


def test_a_smaller_proxy_keeps_the_numbers(silent_clip, tmp_path) -> None:
    result = preview(silent_clip, tmp_path, height=144)
    assert stream_of(result.files["preview"], "video")[2] == (256, 144)
    assert numbers(result.files["preview"]) == list(range(90))
    assert not result.has_sound
    assert [warning.code for warning in result.warnings] == ["no_sound"]
    assert set(result.files) == set(NAMES) - {"waveform", "waveform_image"}
    with av.open(str(result.files["preview"])) as container:
        assert not container.streams.audio


def test_uneven_times_are_kept_and_keyframes_stand_at_the_grid(tmp_path) -> None:
    times = [Fraction(0), Fraction(1, 25), Fraction(7, 10), Fraction(19, 10), Fraction(21, 10), Fraction(39, 10)]
    times += [Fraction(49, 10) + Fraction(n, 25) for n in range(10)]
    painter = Painter((320, 180), RATE)
    path = write(tmp_path / "vfr.mp4", [painter.frame(n) for n in range(len(times))], times, spec())
    proxy = preview(path, tmp_path).files["preview"]
    assert pictures(proxy) == list(zip(times, range(len(times)), strict=True))
    # The first ones at or after every two seconds.
    assert keyframe_times(proxy) == [0, Fraction(21, 10), Fraction(49, 10)]


def test_turned_and_wide_pixels_look_right(tmp_path) -> None:
    """Stored 160×90 in pixels twice as wide, turned a quarter right: shown 90 wide, 320 high, its left side on top."""
    canvas = np.full((135, 160), 128, np.uint8)
    canvas[:90], canvas[:90, :80] = 40, 220
    frames = [av.VideoFrame.from_ndarray(canvas, format="yuv420p") for _ in range(5)]
    video = spec(160, 90, sample_aspect=Fraction(2), matrix=QUARTER_RIGHT)
    path = write(tmp_path / "turned.mp4", frames, [Fraction(n, 25) for n in range(5)], video)
    result = preview(path, tmp_path)
    assert result.size == (90, 320)
    with av.open(str(result.files["preview"])) as container:
        stream = container.streams.video[0]
        frame = next(container.decode(stream))
        assert stream.sample_aspect_ratio == 1
        assert frame.rotation == 0
    for picture in (frame.to_ndarray()[:320], np.asarray(Image.open(result.files["poster"]).convert("L"))):
        assert picture.shape == (320, 90)
        assert picture[:150].min() > 180
        assert picture[170:].max() < 80
    assert Image.open(result.files["sprite"]).size == (90, 320)


def test_hdr_becomes_sdr_and_says_so(tmp_path) -> None:
    frames = []
    for n in range(3):
        canvas = np.full((96, 96), 512, np.uint16)
        canvas[:64] = np.linspace(64, 940, 96)
        canvas[n : n + 8, :8] = 400
        frames.append(av.VideoFrame.from_ndarray(canvas, format="yuv420p10le"))
    video = spec(96, 64, codec="hevc", pixel_format="yuv420p10le", colour=Colour(9, 18, 9))
    path = write(tmp_path / "hdr.mp4", frames, [Fraction(n, 25) for n in range(3)], video)
    result = preview(path, tmp_path)
    with av.open(str(result.files["preview"])) as container:
        frame = next(container.decode(video=0))
    assert frame.format.name == "yuv420p"
    assert (frame.color_primaries, frame.color_trc, frame.colorspace) == (1, 1, 1)
    row = frame.to_ndarray()[40].astype(int)
    assert (np.diff(row[::8]) >= -2).all()
    assert row[0] < 24
    assert row[-1] > 205


def test_ten_bits_without_hdr_need_no_notice(tmp_path) -> None:
    canvas = np.full((96, 96), 512, np.uint16)
    frames = [av.VideoFrame.from_ndarray(canvas, format="yuv420p10le") for _ in range(2)]
    video = spec(96, 64, codec="hevc", pixel_format="yuv420p10le")
    result = preview(write(tmp_path / "deep.mp4", frames, [0, Fraction(1, 25)], video), tmp_path)
    assert "hdr_tonemapped" not in {warning.code for warning in result.warnings}
    assert stream_of(result.files["preview"], "video")[1] == "yuv420p"


def test_sound_alone_gives_a_waveform(tmp_path) -> None:
    path = tmp_path / "sound.m4a"
    with Mp4Writer(path) as writer:
        track = writer.audio(AudioSpec(rate=SOUND_RATE, layout="mono"))
        for chunk in sound(90, Fraction(30)):
            track.write(chunk)
    result = preview(path, tmp_path)
    assert set(result.files) == {"preview", "poster", "waveform", "waveform_image"}
    assert result.to_dict()["waveform"]["length"] == pytest.approx(48_000 * 3 / 256, abs=8)
    assert [warning.code for warning in result.warnings] == ["no_video"]
    assert (result.size, result.frames, result.sheet) == (None, 0, None)
    assert len(clicks(result.files["preview"])) == 3
    poster = np.asarray(Image.open(result.files["poster"]).convert("L"))
    assert poster.std() > 5
    assert not (tmp_path / NAMES["sprite"]).exists()


def test_the_poster_of_sound_shows_where_it_is_loud(tmp_path) -> None:
    meter = PeakMeter(1000)
    for second in range(600):
        meter.add(np.full((2, 1000), 0.8 if 300 <= second < 450 else 0.02, np.float32))
    assert save_waveform(meter.finish(), tmp_path / "poster.jpg") == (1280, 720)
    picture = np.asarray(Image.open(tmp_path / "poster.jpg").convert("L"))
    high = (picture[:, 106:1174] > 90).sum(axis=0).reshape(-1, 12).max(axis=1)
    assert high[:43].max() < 40
    assert high[46:66].min() > 400
    assert high[69:].max() < 40


def test_all_that_stands_beside_the_film_is_made(previewed) -> None:
    files = previewed[1].files
    assert set(files) == set(NAMES)
    with Image.open(files["teaser"]) as teaser, Image.open(files["waveform_image"]) as waveform:
        assert (teaser.size, teaser.n_frames > 60) == ((320, 180), True)
        assert (waveform.size, waveform.mode) == ((1800, 140), "RGBA")
    data = json.loads(files["waveform"].read_text())
    assert (data["length"], len(data["data"])) == (1125, 2250)


def test_what_is_not_wanted_is_not_made(clip, silent_clip, tmp_path) -> None:
    bare = Wanted(teaser=False, waveform=False)
    for path in (clip, silent_clip):
        folder = tmp_path / path.stem
        folder.mkdir()
        result = preview(path, folder, wanted=bare)
        assert {one.name for one in folder.iterdir()} == {"proxy.mp4", "poster.jpg", "sprite.jpg", "thumbnails.vtt"}
        assert (result.teaser, result.peaks, list(result.warnings)) == (None, None, [])


def test_the_poster_is_not_black(tmp_path) -> None:
    painter = Painter((320, 180), RATE)
    black = np.full((270, 320), 128, np.uint8)
    black[:180] = 16
    frames = [av.VideoFrame.from_ndarray(black, format="yuv420p") for _ in range(40)]
    frames += [painter.frame(n) for n in range(40, 60)]
    path = write(tmp_path / "dark.mp4", frames, [Fraction(n, 25) for n in range(60)], spec())
    poster = np.asarray(Image.open(preview(path, tmp_path).files["poster"]).convert("L"))
    assert 40 <= read(poster) < 60


def test_tiles_of_long_and_tall_pictures() -> None:
    assert tile_size(1920, 1080) == (160, 90)
    assert tile_size(1080, 1920) == (160, 284)
    assert tile_size(100, 4000) == (8, 320)
    assert tile_size(64, 36) == (64, 36)


def test_the_last_cue_reaches_the_end() -> None:
    sheet = Sheet(tiles=12, columns=10, width=160, height=90, interval=Fraction(36001, 1200))
    lines = sheet.vtt("sprite.jpg", Fraction(3600123456, 10_000_00)).splitlines()
    assert lines[2].startswith("00:00:00.000 --> 00:00:30.001")
    assert lines[-2].endswith(" --> 01:00:00.124")
    assert lines[-1] == "sprite.jpg#xywh=160,90,160,90"


class Cancelled(Exception):
    pass


def test_cancelling_leaves_nothing(clip, tmp_path) -> None:
    def stop(done: Fraction) -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        preview(clip, tmp_path, on_progress=stop)
    assert list(tmp_path.iterdir()) == []


def test_progress_rises_to_one(clip, tmp_path) -> None:
    told: list[Fraction] = []
    preview(clip, tmp_path, on_progress=told.append)
    assert told == sorted(told)
    assert told[-1] == 1


def test_text_is_refused_and_leaves_nothing(tmp_path) -> None:
    path = tmp_path / "notes.mp4"
    path.write_text("not a film " * 100)
    folder = tmp_path / "out"
    folder.mkdir()
    with pytest.raises(InputError) as raised:
        preview(path, folder)
    assert raised.value.code == "unsupported_format"
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "size", "frames"),
    [
        ("rot90_portrait_h264_aac.mp4", (360, 480), 44),
        ("phone_rot180_vfr_h264_aac.mp4", (640, 360), 25),
        ("lecture_slides_vfr_h264_aac.mov", (480, 360), 21),
        ("nasa_speech_multistream_h264_aac_subs.mp4", (320, 180), 325),
        ("av1_720p_aac.mp4", (540, 360), 30),
        ("iphone_rot90_hevc10_hlg_editlist.mp4", (360, 640), 58),
    ],
)
def test_real_clips(shared_media, tmp_path, name: str, size: tuple[int, int], frames: int) -> None:
    result = preview(shared_media / name, tmp_path)
    assert (result.size, result.frames, result.has_sound) == (size, frames, True)
    assert np.asarray(Image.open(result.files["poster"]).convert("L")).std() > 10
    with av.open(str(result.files["preview"])) as container:
        times = [frame.pts for frame in container.decode(video=0)]
    assert times[0] == 0
    assert times == sorted(set(times))


def _seconds(hours: str, minutes: str, rest: str) -> Fraction:
    return int(hours) * 3600 + int(minutes) * 60 + Fraction(rest)
