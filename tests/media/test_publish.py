from __future__ import annotations

import json
from fractions import Fraction

import av
import numpy as np
import pytest
from measure import clicks, flashes, numbers, remux, sound

from media.encode import AudioSpec, Colour, Mp4Writer, VideoSpec
from media.errors import InputError
from media.faststart import arrange
from media.probe import probe
from media.publish import publish
from media.sample import Painter
from media.trim import trim
from media.types import Range


def published(source, target, title=None, **options):
    with source.open("rb") as file:
        return publish(file, target, title=title, **options)


@pytest.fixture(scope="session")
def trimmed(clips, clip):
    path = clips / "trimmed.mp4"
    with clip.open("rb") as file:
        trim(file, path, [Range(Fraction(1, 2), Fraction(3))])
    return path


def test_the_title_is_given_and_nothing_else_changes(trimmed, tmp_path):
    target = tmp_path / "final.mp4"
    result = published(trimmed, target, "Lecture 7 – Graphs")
    with target.open("rb") as file:
        head = arrange(file).head
    assert head.index(b"moov") < head.index(b"mdat")
    assert numbers(target) == numbers(trimmed) == list(range(15, 90))
    assert flashes(target) == flashes(trimmed)
    assert clicks(target) == clicks(trimmed)
    assert np.array_equal(sound(target)[2], sound(trimmed)[2])
    assert result.media.title == "Lecture 7 – Graphs"
    assert result.media.duration == Fraction(5, 2)


def test_the_facts_are_those_of_the_file(trimmed, tmp_path):
    result = published(trimmed, tmp_path / "final.mp4")
    assert result.media.size == (tmp_path / "final.mp4").stat().st_size
    document = json.loads(json.dumps(result.to_dict()))
    assert document["media"]["streams"][0]["codec"] == "h264"
    assert document["warnings"] == []


def test_the_same_input_gives_the_same_file(trimmed, tmp_path):
    for name in ("1.mp4", "2.mp4"):
        published(trimmed, tmp_path / name, "Title")
    assert (tmp_path / "1.mp4").read_bytes() == (tmp_path / "2.mp4").read_bytes()


def test_rotation_colour_tags_and_languages_are_kept(clips, tmp_path):
    source = clips / "facts.mp4"
    painter = Painter((320, 180), Fraction(30))
    with Mp4Writer(source, index="end", title="Its own") as writer:
        video = writer.video(
            VideoSpec(
                width=320,
                height=180,
                time_base=Fraction(1, 15360),
                rate=Fraction(30),
                codec="hevc",
                pixel_format="yuv420p10le",
                colour=Colour(9, 18, 9),
                sample_aspect=Fraction(4, 3),
                matrix=(0, 65536, 0, -65536, 0, 0, 180 << 16, 0, 1 << 30),
            )
        )
        tracks = [writer.audio(AudioSpec(rate=48_000, layout="mono", language=name)) for name in ("eng", "fra")]
        for number in range(30):
            video.write(painter.frame(number), Fraction(number, 30))
        for track in tracks:
            track.write_silence(48_000)
    made = published(source, tmp_path / "final.mp4").media
    with source.open("rb") as file:
        given = probe(file)
    assert made.to_dict()["streams"] == given.to_dict()["streams"]
    assert (made.title, made.main_video.rotation, made.main_video.hdr) == ("Its own", 90, "HLG")
    with av.open(str(tmp_path / "final.mp4")) as container:
        assert container.streams.video[0].codec_context.codec_tag == "hvc1"


def test_sound_alone(clip, tmp_path):
    source = remux(clip, tmp_path / "sound.m4a", kinds=("audio",), format="mp4")
    assert published(source, tmp_path / "final.m4a").media.kind == "audio"


def test_what_mp4_cannot_hold_is_refused(shared_media, tmp_path):
    with pytest.raises(InputError) as caught:
        published(shared_media / "bbb_30s_720p_vp8_vorbis.webm", tmp_path / "final.mp4")
    assert caught.value.code == "unsupported_codec"
    assert list(tmp_path.iterdir()) == []


def test_a_cancel_leaves_nothing(trimmed, tmp_path):
    class CancelError(Exception):
        pass

    def cancel(fraction):
        raise CancelError

    with pytest.raises(CancelError):
        published(trimmed, tmp_path / "gone.mp4", on_progress=cancel)
    assert list(tmp_path.iterdir()) == []
