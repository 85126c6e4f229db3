from __future__ import annotations

import csv
import io
import json
import struct
from fractions import Fraction

import pytest
from measure import remux
from PIL import Image

from media.errors import InputError
from media.facts import AudioFacts
from media.probe import probe
from media.types import Limits, seconds


def facts(path, **limits):
    with path.open("rb") as file:
        return probe(file, Limits(**limits))


def refusal(data: bytes, **limits) -> str:
    with pytest.raises(InputError) as caught:
        probe(io.BytesIO(data), Limits(**limits))
    return caught.value.code


def picture(kind, size=(64, 48), **options):
    out = io.BytesIO()
    Image.new("RGB", size, "teal").save(out, kind, **options)
    return out.getvalue()


def test_a_made_clip(clip):
    info = facts(clip)
    video, audio = info.main_video, info.main_audio
    assert (info.kind, info.container, info.duration, info.title) == ("video", "mp4", 6, "Cutwork sample")
    assert (video.codec, video.width, video.height, video.frames) == ("h264", 320, 180, 180)
    assert (video.frame_rate, video.variable, video.hdr, video.bit_depth) == (30, False, None, 8)
    assert (audio.codec, audio.sample_rate, audio.channels, audio.layout) == ("aac", 48000, 1, "mono")
    assert info.size == clip.stat().st_size


def test_json_holds_decimal_times_and_exact_rates(clip):
    document = json.loads(json.dumps(facts(clip).to_dict()))
    assert (document["duration"], document["start_time"]) == ("6", "0")
    assert document["streams"][0]["frame_rate"] == "30"
    assert document["streams"][1]["channels"] == 1


def test_a_transport_stream_starts_at_its_own_time(clip, tmp_path):
    info = facts(remux(clip, tmp_path / "clip.ts", format="mpegts", options={"output_ts_offset": "5"}))
    assert info.container == "mpegts"
    assert info.start_time > 4
    assert abs(info.duration - 6) < Fraction(1, 20)


def test_raw_aac_is_measured_not_guessed(tmp_path, clip):
    info = facts(remux(clip, tmp_path / "clip.aac", kinds=("audio",), format="adts"))
    assert (info.kind, info.main_video) == ("audio", None)
    assert abs(info.duration - 6) < Fraction(1, 10)


def test_plain_pcm_has_a_layout(tmp_path):
    header = struct.pack(
        "<4sI4s4sIHHIIHH4sI", b"RIFF", 36 + 8000, b"WAVE", b"fmt ", 16, 1, 1, 8000, 16000, 2, 16, b"data", 8000
    )
    (tmp_path / "tone.wav").write_bytes(header + bytes(8000))
    info = facts(tmp_path / "tone.wav")
    assert (info.kind, info.duration, info.main_audio.layout) == ("audio", Fraction(1, 2), "mono")


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_images(kind):
    info = probe(io.BytesIO(picture(kind)))
    assert (info.kind, info.container, info.duration) == ("image", kind.lower(), None)
    assert (info.main_video.width, info.main_video.height) == (64, 48)


def test_an_image_turned_by_exif_is_shown_turned():
    exif = Image.Exif()
    exif[0x0112] = 6
    video = probe(io.BytesIO(picture("JPEG", exif=exif))).main_video
    assert (video.width, video.display_width, video.rotation, video.mirrored) == (64, 48, 90, False)


def test_bad_images_are_refused():
    jpeg = picture("JPEG", size=(640, 480))
    bomb = bytearray(jpeg)
    frame_header = bomb.index(b"\xff\xc0")
    bomb[frame_header + 5 : frame_header + 9] = struct.pack(">HH", 65_500, 65_500)
    assert refusal(bytes(bomb)) == "too_many_pixels"
    assert refusal(jpeg, max_image_pixels=640 * 479) == "too_many_pixels"
    assert refusal(jpeg[: len(jpeg) // 2]) == "damaged_file"
    assert refusal(b"GIF89a" + bytes(100)) == "damaged_file"


def test_a_picture_of_which_nothing_decodes_is_damaged(silent_clip):
    data = bytearray(silent_clip.read_bytes())
    start = data.index(b"mdat") + 4
    data[start:] = b"\xaa" * (len(data) - start)
    assert refusal(bytes(data)) == "damaged_file"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (Fraction(0), "0"),
        (Fraction(5, 2), "2.5"),
        (Fraction(1001, 30), "33.366667"),
        (Fraction(-2, 15), "-0.133333"),
        (Fraction(1, 10_000_000), "0"),
        (Fraction(3600), "3600"),
    ],
)
def test_seconds_are_plain_decimals(value, text):
    assert seconds(value) == text


def rows(folder):
    with (folder / "MANIFEST.csv").open() as file:
        return list(csv.DictReader(file))


def test_real_clips_match_their_manifest(shared_media):
    for row in rows(shared_media):
        path = shared_media / row["file"]
        info = facts(path)
        video, name = info.main_video, row["file"]
        assert sum(isinstance(s, AudioFacts) for s in info.streams) == int(row["n_audio"] or 0), name
        if video is None:
            continue
        assert (video.display_width, video.display_height) == (int(row["display_w"]), int(row["display_h"])), name
        if info.kind == "image":
            continue
        assert video.index == int(row["video_stream_index"]), name
        assert (video.codec, video.pixel_format) == (row["video_codec"].split()[0], row["pix_fmt"]), name
        assert video.rotation == -int(row["rotation_ffprobe"] or 0) % 360, name
        assert (video.hdr or "no") == row["hdr"], name
        assert video.variable == (row["vfr"] != "no"), name
        assert any(getattr(s, "attached_picture", False) for s in info.streams) == (row["attached_pic"] == "yes"), name
        assert abs(info.duration - Fraction(row["video_duration_s"] or row["duration_s"])) < Fraction(3, 10), name
