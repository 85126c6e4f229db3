"""Sprite sheets, beside the pictures that a full decode shows at the same times."""

from __future__ import annotations

import re
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from media import sprites
from media.barcode import read
from media.decode import Picture, Reader
from media.encode import Mp4Writer, VideoSpec
from media.errors import InputError
from media.sample import make_sample
from media.upright import Upright

QUARTER_RIGHT = (0, 1 << 16, 0, -(1 << 16), 0, 0, 0, 0, 1 << 30)
CUE = re.compile(
    r"(\d\d):(\d\d):(\d\d\.\d{3}) --> (\d\d):(\d\d):(\d\d\.\d{3})\nsheet\.jpg#xywh=(\d+),(\d+),(\d+),(\d+)\n"
)


def drawn(path: Path, folder: Path) -> tuple[sprites.Sheet, np.ndarray, str]:
    with path.open("rb") as file:
        sheet = sprites.draw(file, folder / "sheet.jpg", folder / "sheet.vtt")
    return sheet, np.asarray(Image.open(folder / "sheet.jpg").convert("RGB")), (folder / "sheet.vtt").read_text()


def coarse(picture: np.ndarray) -> np.ndarray:
    """Means of squares of six pixels: JPEG changes single ones."""
    high, wide = (side // 6 * 6 for side in picture.shape[:2])
    return picture[:high, :wide].astype(np.float32).reshape(high // 6, 6, wide // 6, 6, 3).mean(axis=(1, 3))


def tile(sheet: sprites.Sheet, picture: np.ndarray, number: int) -> np.ndarray:
    left, top = sheet.place(number)
    return picture[top : top + sheet.height, left : left + sheet.width]


def test_tiles_show_what_their_cues_say(clip, tmp_path) -> None:
    sheet, picture, track = drawn(clip, tmp_path)
    assert picture.shape == (90, 6 * 160, 3)
    assert (sheet.tiles, sheet.columns, sheet.interval) == (6, 6, 1)
    cues = CUE.findall(track)
    assert track.startswith("WEBVTT\n\n")
    assert [(int(cue[2][:2]), int(cue[5][:2])) for cue in cues] == [(n, n + 1) for n in range(6)]
    assert [tuple(map(int, cue[6:])) for cue in cues] == [(*sheet.place(n), 160, 90) for n in range(6)]
    assert [read(tile(sheet, picture, n)[..., 1]) for n in range(6)] == [n * 30 for n in range(6)]


def test_a_long_recording_has_a_hundred_tiles_near_their_times(tmp_path) -> None:
    """200 s, a tile every other second, and a keyframe every 0.8 s."""
    path = tmp_path / "long.mp4"
    make_sample(path, seconds=Fraction(200), fps=Fraction(10), size=(160, 90), keyframe_every=8, audio_tracks=0)
    sheet, picture, _ = drawn(path, tmp_path)
    assert (sheet.tiles, sheet.columns, sheet.interval) == (100, 10, 2)
    shown = [read(tile(sheet, picture, n)[..., 1]) for n in range(100)]
    assert all(number % 8 == 0 for number in shown)
    assert max(abs(Fraction(number, 10) - 2 * n) for n, number in enumerate(shown)) <= Fraction(4, 10)


@pytest.mark.parametrize(
    "name",
    [
        "rot90_portrait_h264_aac.mp4",
        "phone_rot180_vfr_h264_aac.mp4",
        "lecture_slides_vfr_h264_aac.mov",
        "nasa_speech_multistream_h264_aac_subs.mp4",
        "phone_face_hevc_vfr_aac.mov",
        "faces_60fps_noaudio_h264.mov",
        "bbb_30s_720p_vp8_vorbis.webm",
        "cars_live_action_h264_aac.mp4",
    ],
)
def test_real_recordings_look_as_a_full_decode_has_them(shared_media, tmp_path, name: str) -> None:
    sheet, picture, _ = drawn(shared_media / name, tmp_path)
    half = sheet.interval / 2
    near: list[list[np.ndarray]] = [[] for _ in range(sheet.tiles)]
    with (shared_media / name).open("rb") as file, Reader(file, sound="none") as reader:
        assert reader.video is not None
        image = Upright(reader.video, sprites.tile_size)
        before = None
        for item in reader.read(Fraction(0), reader.timeline.duration):
            assert isinstance(item, Picture)
            shown = coarse(image.array(item.frame))
            for number, others in enumerate(near):
                time = number * sheet.interval
                if abs(item.time - time) <= half or (not others and item.time > time):
                    others.extend([shown] if before is None else [before, shown])
            before = shown
    for number, others in enumerate(near):
        made = coarse(tile(sheet, picture, number))
        assert others
        assert min(float(np.abs(made - other).mean()) for other in others) < 2, number


def test_turned_and_wide_pictures_are_upright(tmp_path) -> None:
    """Stored 160×90 in pixels twice as wide, turned a quarter right: shown 90 wide, 320 high, its left side on top."""
    canvas = np.full((135, 160), 128, np.uint8)
    canvas[:90], canvas[:90, :80] = 40, 220
    video = VideoSpec(
        width=160,
        height=90,
        time_base=Fraction(1, 90_000),
        rate=Fraction(25),
        sample_aspect=Fraction(2),
        matrix=QUARTER_RIGHT,
    )
    with Mp4Writer(tmp_path / "turned.mp4") as writer:
        track = writer.video(video)
        for number in range(3):
            frame = av.VideoFrame.from_ndarray(canvas, format="yuv420p")
            track.write(frame, Fraction(number, 25), Fraction(1, 25))
    sheet, picture, _ = drawn(tmp_path / "turned.mp4", tmp_path)
    assert (sheet.tiles, sheet.width, sheet.height) == (1, 90, 320)
    assert picture[:150].min() > 180
    assert picture[170:].max() < 80


def test_sound_alone_has_no_sheet(shared_media, tmp_path) -> None:
    with pytest.raises(InputError) as raised:
        drawn(shared_media / "jfk_speech_11s.flac", tmp_path)
    assert raised.value.code == "no_video"
    assert not list(tmp_path.iterdir())
