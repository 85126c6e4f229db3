"""What goes along with segments that are encoded apart."""

from __future__ import annotations

import io
import json
from fractions import Fraction

import pytest
from sides import CHAPTERS, CUES, chapters, covers, craft, cues, ffmpeg, make, moved, samples
from sides import cover as picture

from media.keyframes import keyframe_map
from media.probe import probe
from media.segments.join import join
from media.segments.pictures import encode_segment
from media.segments.plan import plan_segments, ranges
from media.segments.sound import encode_sound
from media.side import SideMaterial, lane, read_material
from media.side.chapters import MAX_CHAPTERS, Chapter, Span, move_chapters
from media.trim import trim
from media.types import Notices, Range

KEEP = (("0.2", "0.9"), ("1.3", "2.1"), ("2.7", "5.5"))


def asked(keep):
    return [Range(Fraction(start), Fraction(end)) for start, end in keep]


@pytest.fixture(scope="session", params=["mp4", "mkv"])
def source(request, clips, clip):
    folder = clips / f"side join {request.param}"
    folder.mkdir(exist_ok=True)
    plain = make(folder / f"plain.{request.param}", clip, "mov_text" if request.param == "mp4" else "srt")
    target, data = folder / f"source.{request.param}", picture(folder / "cover.png")
    if request.param == "mp4":
        attach = (
            "-i",
            data,
            "-map",
            "0:v",
            "-map",
            "0:a",
            "-map",
            "0:s",
            "-map",
            1,
            "-disposition:v:1",
            "attached_pic",
        )
    else:
        attach = ("-map", "0:v", "-map", "0:a", "-map", "0:s", "-attach", data, "-metadata:s:t", "mimetype=image/png")
    ffmpeg("-i", plain, *attach, "-c", "copy", target)
    return target


@pytest.fixture(scope="session")
def pieces(source):
    folder = source.parent
    with source.open("rb") as file:
        plan = plan_segments(keyframe_map(file), asked(KEEP), duration=probe(file).duration, segment_s=Fraction(1))
        facts = [encode_segment(file, folder / f"{segment.number}.mp4", segment) for segment in plan]
        heard = encode_sound(file, folder / "sound.mp4", ranges(plan))
    assert len(plan) > 1
    return plan, facts, [folder / f"{segment.number}.mp4" for segment in plan], heard


def joined(pieces, target, side):
    plan, facts, files, heard = pieces
    parts = zip(facts, (io.BytesIO(path.read_bytes()) for path in files), strict=True)
    with (files[0].parent / "sound.mp4").open("rb") as sound:
        return join(plan, parts, (heard, sound), target, side=side)


@pytest.mark.parametrize("given", ["source", "material"])
def test_a_joint_has_what_the_whole_has(source, pieces, tmp_path, given):
    target, whole = tmp_path / "joined.mp4", tmp_path / "whole.mp4"
    with source.open("rb") as file:
        expected = trim(file, whole, asked(KEEP))
        material = read_material(file, ranges(pieces[0]))
        travelled = SideMaterial.from_dict(json.loads(json.dumps(material.to_dict())))
        assert travelled == material
        result = joined(pieces, target, file if given == "source" else travelled)
    assert cues(target) == cues(whole) == moved(CUES, result.ranges)
    assert samples(target)[-1].end == result.duration
    assert chapters(target) == chapters(whole)
    assert covers(target) == covers(whole) != []
    assert result.to_dict() == expected.to_dict()
    assert (result.subtitle_tracks, result.chapters, result.covers) == (1, 3, 1)


def test_without_it_a_joint_tells_what_is_missing(pieces, tmp_path):
    result = joined(pieces, tmp_path / "joined.mp4", None)
    codes = {warning.code for warning in result.warnings}
    assert codes == {"subtitles_dropped", "chapters_dropped", "cover_dropped"}
    assert (result.subtitle_tracks, result.chapters, result.covers) == (0, 0, 0)


def test_many_cues_of_one_range_are_all_read(clip, tmp_path, monkeypatch):
    """More than may wait at a time."""
    monkeypatch.setattr(lane, "MAX_WAITING", 270)
    given = [(n, 1, f"{n}".encode()) for n in range(0, 5_900, 20)]
    source = craft(tmp_path / "source.mkv", clip, given)
    with source.open("rb") as file:
        material = read_material(file, asked([("0", "5.9")]))
    assert [item.text for item in material.stretches[0] if item.text] == [f"{n}" for n in range(0, 5_900, 20)]
    assert material.warnings == ()


def test_chapters_over_a_removal():
    """One that is cut in two stays one; one that is taken out is gone; an order of the ranges is kept."""
    given = [Chapter(Fraction(start), Fraction(end), title) for start, end, title in CHAPTERS]
    spans = [Span(Fraction(1), Fraction("2.5"), Fraction(0)), Span(Fraction(3), Fraction(4), Fraction("1.5"))]
    assert move_chapters(given, spans, Notices()) == [Chapter(0, 1, "One"), Chapter(1, Fraction("2.5"), "Zwei ü")]
    turned = [Span(Fraction(5), Fraction(6), Fraction(0)), Span(Fraction(0), Fraction(1), Fraction(1))]
    assert move_chapters(given, turned, Notices()) == [Chapter(0, 1, "Three"), Chapter(1, 2, "One")]


def test_chapters_over_each_other_are_put_in_a_row():
    given = [Chapter(Fraction(0), Fraction(9), "all"), Chapter(Fraction(2), Fraction(4), "part")]
    assert move_chapters(given, [Span(Fraction(1), Fraction(6), Fraction(0))], Notices()) == [
        Chapter(0, 1, "all"),
        Chapter(1, 3, "part"),
    ]


def test_ranges_do_not_multiply_chapters_without_bound():
    given = [Chapter(Fraction(n), Fraction(n + 1), str(n)) for n in range(400)]
    notices = Notices()
    spans = [Span(Fraction(0), Fraction(400), Fraction(400 * n)) for n in range(5)]
    assert len(move_chapters(given, spans, notices)) == MAX_CHAPTERS
    assert [notice.code for notice in notices] == ["chapters_dropped"]
