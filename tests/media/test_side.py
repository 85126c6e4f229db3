"""Subtitles, chapters, covers and tags over every way to cut."""

from __future__ import annotations

import json
from fractions import Fraction

import av
import numpy as np
import pytest
from av.stream import Disposition
from sides import CHAPTERS, CUES, chapters, covers, craft, cues, ffmpeg, make, moved, samples
from sides import cover as picture

from media import boxes
from media.brand import BrandSpec, TitleCard, Transition, brand
from media.cut import cut
from media.encode import Mp4Writer, VideoSpec
from media.faststart import arrange
from media.publish import publish
from media.side.captions import TrackFacts
from media.side.covers import Cover, read_covers
from media.side.kept import Written
from media.side.lane import Lane
from media.side.text import MAX_BYTES
from media.types import Notices, Range

SOURCES = {
    "mp4 mov_text": ("mov_text", "mp4", "copy"),
    "mkv srt": ("srt", "mkv", "copy"),
    "mkv ass": ("ass", "mkv", "copy"),
    "webm vtt": ("webvtt", "webm", "libvpx"),
}
ONE = (("1.1", "3.6"),)
THREE = (("0.2", "0.9"), ("1.3", "2.1"), ("2.7", "5.5"))


@pytest.fixture(scope="session", params=SOURCES)
def source(request, clips, clip):
    codec, suffix, video = SOURCES[request.param]
    folder = clips / f"side {request.param}"
    folder.mkdir(exist_ok=True)
    return make(folder / f"source.{suffix}", clip, codec, video=video)


@pytest.fixture(scope="session")
def mkv(clips, clip):
    folder = clips / "side"
    folder.mkdir(exist_ok=True)
    return make(folder / "source.mkv", clip, "srt")


def made(path, target, keep, mode="smart"):
    with path.open("rb") as file:
        return cut(file, target, [Range(Fraction(start), Fraction(end)) for start, end in keep], mode=mode)


def codes(result):
    return {warning.code for warning in result.warnings}


@pytest.mark.parametrize("keep", [ONE, THREE], ids=["one range", "three ranges"])
@pytest.mark.parametrize("mode", ["smart", "exact", "copy"])
def test_text_and_chapters_move_with_the_pictures(source, tmp_path, mode, keep):
    target = tmp_path / "cut.mp4"
    result = made(source, target, keep, mode)
    assert result.mode == ("exact" if source.suffix == ".webm" else mode)
    ranges = result.made.ranges
    assert cues(target) == moved(CUES, ranges)
    assert samples(target)[-1].end == result.made.duration

    pieces = moved(CHAPTERS, ranges)
    merged = [piece for place, piece in enumerate(pieces) if not place or pieces[place - 1].text != piece.text]
    ends = [*(piece.start for piece in merged[1:]), result.made.duration]
    near = Fraction(1, 90_000)
    for (start, end, title), piece, last in zip(chapters(target), merged, ends, strict=True):
        assert (title, abs(start - piece.start) < near, abs(end - last) < near) == (piece.text, True, True)
    told = result.to_dict()
    assert (told["subtitle_tracks"], told["chapters"], told["covers"]) == (1, len(merged), 0)
    assert codes(result) <= {"snapped_to_keyframes", "reencoded"}


@pytest.mark.parametrize("mode", ["smart", "exact"])
def test_what_a_file_and_its_tracks_say_of_themselves_is_kept(mkv, tmp_path, mode):
    target = tmp_path / "cut.mp4"
    made(mkv, target, ONE, mode)
    with av.open(str(target)) as container:
        text, sound = container.streams.subtitles[0], container.streams.audio[0]
        assert (container.metadata["title"], container.metadata["artist"]) == ("Container title", "Someone")
        assert (text.language, text.metadata["handler_name"], text.metadata["name"]) == ("deu", "Titel", "Titel")
        wanted = Disposition.default | Disposition.forced | Disposition.hearing_impaired
        assert text.disposition & wanted == wanted
        assert (sound.language, sound.metadata["handler_name"]) == ("fra", "Son")
    again = tmp_path / "again.mp4"
    made(target, again, [("0", "1")], mode)
    with av.open(str(again)) as container:
        assert container.streams.subtitles[0].metadata["name"] == "Titel"
        assert container.streams.audio[0].metadata["handler_name"] == "Son"


@pytest.mark.parametrize("mode", ["smart", "exact"])
def test_ffmpeg_reads_the_same_text(mkv, tmp_path, mode):
    target = tmp_path / "cut.mp4"
    made(mkv, target, THREE, mode)
    ffmpeg("-i", target, "-map", "0:v", "-map", "0:a", "-f", "null", "-")
    ffmpeg("-i", target, "-map", "0:s", "-c", "copy", "-f", "null", "-")
    said = ffmpeg("-i", target, "-map", "0:s:0", "-f", "webvtt", "-")
    assert [line.split(" --> ")[0] for line in said.splitlines() if "-->" in line] == [
        f"00:{float(item.start):06.3f}" for item in cues(target)
    ]
    assert "Ümläut 日本" in said


@pytest.mark.parametrize("mode", ["smart", "exact", "copy"])
@pytest.mark.parametrize("kind", ["mp4", "mkv"])
def test_covers_stay(clip, tmp_path, kind, mode):
    source, target = tmp_path / f"source.{kind}", tmp_path / "cut.mp4"
    if kind == "mp4":
        data = picture(tmp_path / "cover.jpg")
        ffmpeg("-i", clip, "-i", data, "-map", 0, "-map", 1, "-c", "copy", "-disposition:v:1", "attached_pic", source)
    else:
        data = picture(tmp_path / "cover.png")
        ffmpeg("-i", clip, "-attach", data, "-metadata:s:t", "mimetype=image/png", "-c", "copy", source)
    result = made(source, target, ONE, mode)
    assert covers(target) == [("mjpeg" if kind == "mp4" else "png", data.read_bytes())]
    assert (result.to_dict()["covers"], result.mode) == (1, mode)
    assert codes(result) <= {"snapped_to_keyframes"}


def test_the_cover_of_a_sound_file_stays(clip, tmp_path):
    data, source = picture(tmp_path / "cover.png"), tmp_path / "song.mp3"
    ffmpeg("-i", clip, "-i", data, "-map", "0:a", "-map", 1, "-c:a", "libmp3lame", "-c:v", "copy", source)
    result = made(source, tmp_path / "cut.mp4", [("0.5", "1.5")])
    assert covers(tmp_path / "cut.mp4") == [("png", data.read_bytes())]
    assert result.made.duration == 1


def test_a_cover_that_mp4_does_not_take_is_told(clip, tmp_path):
    data, source = picture(tmp_path / "cover.gif"), tmp_path / "source.mkv"
    ffmpeg("-i", clip, "-attach", data, "-metadata:s:t", "mimetype=image/gif", "-c", "copy", source)
    result = made(source, tmp_path / "cut.mp4", ONE)
    assert (codes(result), result.to_dict()["covers"]) == ({"cover_dropped"}, 0)


@pytest.mark.parametrize("mode", ["smart", "exact"])
def test_subtitles_that_are_pictures_are_named_in_a_warning(clip, tmp_path, mode):
    # A display set that shows nothing: its composition, of no objects, and its end.
    empty = bytes([0x16, 0, 11, 1, 64, 0, 180, 0x10, 0, 1, 0x80, 0, 0, 0, 0x80, 0, 0])
    source = craft(
        tmp_path / "source.mkv", clip, [(500, 500, empty)], "hdmv_pgs_subtitle", language="eng", title="Signs"
    )
    result = made(source, tmp_path / "cut.mp4", ONE, mode)
    (warning,) = result.warnings
    assert warning.code == "subtitles_dropped"
    assert "pictures" in warning.message
    assert "Signs, eng, PGS" in warning.message
    assert result.to_dict()["subtitle_tracks"] == 0
    with av.open(str(tmp_path / "cut.mp4")) as container:
        assert not container.streams.subtitles


@pytest.mark.parametrize("mode", ["smart", "exact"])
def test_hostile_cues(clip, tmp_path, mode):
    """No end, overlaps, bytes that are no text, and more text than fits."""
    endless = [(200, None, b"first"), (1_500, None, b"second"), (2_500, 1_000, b"over"), (3_000, 1_000, b"lap")]
    wild = [(4_200, 100, b"\xff\xfe\x00 broken \x1b\xc3"), (4_400, 200, "ä".encode() * 500_000), (4_800, 0, b"")]
    source, target = craft(tmp_path / "source.mkv", clip, endless + wild), tmp_path / "cut.mp4"
    result = made(source, target, [("1", "5.5")], mode)
    (start,) = [item.start for item in result.made.ranges]
    found = [(item.start + start, item.end + start, item.text) for item in cues(target)]
    assert found[:5] == [
        (1, Fraction("1.5"), "first"),
        (Fraction("1.5"), Fraction("2.5"), "second"),
        (Fraction("2.5"), 3, "over"),
        (3, Fraction("3.5"), "over\nlap"),
        (Fraction("3.5"), 4, "lap"),
    ]
    assert found[5][2] == "\ufffd\ufffd broken \ufffd"
    assert found[6] == (Fraction("4.4"), Fraction("4.6"), "ä" * (MAX_BYTES // 2))
    assert codes(result) == {"subtitles_shortened"}


def test_thousands_of_chapters_are_bounded(clip, tmp_path):
    many = [(Fraction(n, 1000), Fraction(n + 1, 1000), f"Chapter {n}") for n in range(3_000)]
    source = make(tmp_path / "source.mkv", clip, "srt", chapters=many)
    result = made(source, tmp_path / "cut.mp4", [("0", "3"), ("0", "2")])
    assert result.to_dict()["chapters"] == len(chapters(tmp_path / "cut.mp4")) == 1000
    assert codes(result) == {"chapters_dropped"}


def test_a_cue_that_began_long_before_the_cut_is_found(clip, tmp_path):
    """By what the file lists; the range begins in another group of pictures."""
    source = craft(tmp_path / "source.mkv", clip, [(100, 5_500, b"long"), (300, 100, b"short")])
    for mode in ("smart", "exact"):
        made(source, tmp_path / "cut.mp4", [("4.2", "5")], mode)
        assert [item.text for item in cues(tmp_path / "cut.mp4")] == ["long"]


def test_publish_keeps_all_and_the_index_can_come_first(mkv, tmp_path):
    source, body, target, sent = (tmp_path / name for name in ("source.mkv", "body.mp4", "final.mp4", "sent.mp4"))
    data = picture(tmp_path / "cover.png")
    attached = ("-attach", data, "-metadata:s:t", "mimetype=image/png")
    ffmpeg("-i", mkv, "-map", "0:v", "-map", "0:a", "-map", "0:s", *attached, "-c", "copy", source)
    made(source, body, THREE)
    with body.open("rb") as file:
        result = publish(file, target, title="Other")
    assert result.warnings == ()
    told = json.loads(json.dumps(result.to_dict()))
    assert (told["subtitle_tracks"], told["chapters"], told["covers"], told["media"]["title"]) == (1, 3, 1, "Other")
    with target.open("rb") as file:
        arranged = arrange(file)
        file.seek(arranged.start)
        sent.write_bytes(arranged.head + file.read(arranged.end - arranged.start))
    with sent.open("rb") as file:
        kinds = [box.kind for box in boxes.top_level(file)]
    assert kinds.index(b"moov") < kinds.index(b"mdat")
    for path in (target, sent):
        assert samples(path) == samples(body)
        assert chapters(path) == chapters(body)
        assert covers(path) == [("png", data.read_bytes())]
        with av.open(str(path)) as container:
            assert container.metadata["artist"] == "Someone"
    ffmpeg("-i", sent, "-map", "0:v:0", "-map", "0:a", "-f", "null", "-")


@pytest.mark.parametrize("transition", [Transition(), Transition("dissolve", Fraction(1, 2))], ids=["cut", "fade"])
def test_brand_moves_them_by_the_intro(mkv, tmp_path, transition):
    body, target = tmp_path / "body.mp4", tmp_path / "branded.mp4"
    made(mkv, body, ONE)
    card = TitleCard(title="Intro", duration=Fraction(2))
    with body.open("rb") as file:
        result = brand(file, target, BrandSpec(intro=card, outro=card, transition=transition))
    later = 2 - transition.duration
    over = next(item.end for item in reversed(result.segments) if item.kind in {"body", "outro_transition"})
    assert cues(target) == [(item.start + later, min(item.end + later, over), item.text) for item in cues(body)]
    assert samples(target)[-1].end == result.duration
    first, *others = [(start, title) for start, _, title in chapters(target)]
    assert first == (0, " ")
    assert others == [(start + later, title) for start, _, title in chapters(body)]
    with target.open("rb") as file:
        assert publish(file, tmp_path / "final.mp4").chapters == 2
    assert chapters(tmp_path / "final.mp4") == chapters(target)
    assert (result.to_dict()["subtitle_tracks"], result.to_dict()["chapters"]) == (1, 2)
    assert result.warnings == ()


def test_a_timecode_track_is_dropped_with_a_warning(clip, tmp_path):
    source = tmp_path / "source.mov"
    ffmpeg("-i", clip, "-c", "copy", "-timecode", "01:00:00:00", source)
    result = made(source, tmp_path / "cut.mp4", ONE)
    assert codes(result) == {"data_dropped"}


def test_several_tracks_stay_apart(clip, tmp_path):
    """Also when the tracks are silent in different places."""
    first = craft(tmp_path / "first.mkv", clip, [(500, 4_000, b"one")], language="eng")
    second = craft(tmp_path / "second.mkv", clip, [(1_500, 500, b"deux"), (2_500, 500, b"trois")], language="fra")
    source, target = tmp_path / "both.mkv", tmp_path / "cut.mp4"
    ffmpeg("-i", first, "-i", second, "-map", 0, "-map", "1:s", "-c", "copy", source)
    assert made(source, target, THREE).to_dict()["subtitle_tracks"] == 2
    with av.open(str(target)) as container:
        assert [stream.language for stream in container.streams.subtitles] == ["eng", "fra"]
    assert {item.text for item in cues(target, 0)} == {"one"}
    assert [item.text for item in cues(target, 1)] == ["deux", "trois"]


def test_neither_a_cover_nor_silent_text_holds_the_samples_back(tmp_path):
    """What was written is in the file soon, and not in memory."""
    frame = av.VideoFrame.from_ndarray(np.random.default_rng(1).integers(0, 255, (270, 320), np.uint8), "yuv420p")
    spec = VideoSpec(width=320, height=180, time_base=Fraction(1, 15360), rate=Fraction(10), keyframe_every=1)
    target, lane = tmp_path / "made.mp4", Lane()
    cover = Cover("png", 64, 48, picture(tmp_path / "cover.png").read_bytes())
    with Mp4Writer(target, index="end", threads=1) as writer:
        video = writer.video(spec)
        facts = TrackFacts("eng", None, 0, Fraction(1, 1000))
        written = Written(writer.container, facts=[facts], covers=[cover], tags={}, units=[video.base])
        lane.begin(Fraction(0), Fraction(0))
        for number in range(600):
            time = Fraction(number, 10)
            video.write(frame, time)
            written.write([(0, stretch) for stretch in lane.until(time - 5)])
            written.go_on(time)
            if number == 400:
                early = target.stat().st_size
        written.finish([])
    # Every frame has the same size.
    assert early > target.stat().st_size * Fraction(400 - 150, 600)
    assert covers(target) == [("png", cover.data)]


@pytest.mark.parametrize("packets", [0, 1, 40])
def test_covers_are_found_in_a_file_that_was_read_from(clip, tmp_path, packets):
    data, source = picture(tmp_path / "cover.jpg"), tmp_path / "source.mp4"
    ffmpeg("-i", clip, "-i", data, "-map", 0, "-map", 1, "-c", "copy", "-disposition:v:1", "attached_pic", source)
    with av.open(str(source)) as container:
        for _ in zip(range(packets), container.demux(), strict=False):
            pass
        assert [cover.data for cover in read_covers(container, Notices())] == [data.read_bytes()]
