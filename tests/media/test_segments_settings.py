"""Segments of unlike workers: what they have in common, and what keeps them apart."""

from __future__ import annotations

from fractions import Fraction

import av
import pytest
from measure import numbers
from test_segments import SOURCES, opened, planned

from media.encode import Mp4Writer, VideoSpec
from media.sample import Painter
from media.segments.errors import NotSplittable
from media.segments.join import join
from media.segments.pictures import encode_segment

RATE = Fraction(30)


def encoded_by(threads, source, folder):
    """The pieces of a whole source, each encoded with the number of threads that `threads` gives for it."""
    plan = planned(source, (0, None), length=Fraction(2))
    files = [folder / f"{segment.number}.mp4" for segment in plan]
    made = []
    for segment, target in zip(plan, files, strict=True):
        with source.open("rb") as file:
            made.append(encode_segment(file, target, segment, threads=threads(segment.number)))
    return plan, made, files


@pytest.mark.parametrize("name", ["h264", "hevc10"])
def test_segments_of_unlike_workers_are_joined(name, clip, tmp_path):
    plan, made, files = encoded_by(lambda number: 1 + number % 2, SOURCES[name](tmp_path, clip), tmp_path)
    assert len(plan) == 3
    assert join(plan, opened(made, files), None, tmp_path / "joined.mp4").frames == 180
    assert numbers(tmp_path / "joined.mp4") == list(range(180))


def written(target, **changes):
    """The header and the bytes of a short HEVC clip."""
    options = {"threads": changes.pop("threads", 1)}
    spec = VideoSpec(
        width=320, height=180, time_base=1 / RATE, rate=RATE, codec="hevc", pixel_format="yuv420p10le", **changes
    )
    with Mp4Writer(target, **options) as writer:
        track = writer.video(spec)
        for number in range(40):
            track.write(Painter((320, 180), RATE).frame(number), number / RATE)
    with av.open(str(target)) as container:
        return container.streams.video[0].codec_context.extradata


def test_the_header_of_hevc_says_nothing_of_its_machine(tmp_path):
    headers = {written(tmp_path / f"{threads}.mp4", threads=threads) for threads in (0, 1, 2, 4)}
    assert len(headers) == 1
    assert b"x265" not in headers.pop()


def test_remarks_in_the_header_keep_no_segments_apart(clip, tmp_path):
    source = SOURCES["hevc10"](tmp_path, clip)
    plan, made, files = encoded_by(lambda number: 1, source, tmp_path)
    with av.open(str(files[1])) as container:
        header = container.streams.video[0].codec_context.extradata
    # One more array, of one SEI (ISO/IEC 14496-15, 8.3.3.1.2): type, count, length, unit.
    remark = bytes([39, 0, 1, 0, 5, 39 << 1, 1, 5, 0, 0x80])
    longer = header[:22] + bytes([header[22] + 1]) + header[23:] + remark
    data = files[1].read_bytes()
    assert data.count(header) == 1
    # The boxes around it grow with it; the index stands at the end, so that nothing else moves.
    patched = data.replace(header, longer)
    for kind in (b"moov", b"trak", b"mdia", b"minf", b"stbl", b"stsd", b"hvc1", b"hvcC"):
        place = patched.rindex(kind) - 4
        size = int.from_bytes(patched[place : place + 4], "big") + len(remark)
        patched = patched[:place] + size.to_bytes(4, "big") + patched[place + 4 :]
    files[1].write_bytes(patched)
    with av.open(str(files[1])) as container:
        assert container.streams.video[0].codec_context.extradata == longer
    assert join(plan, opened(made, files), None, tmp_path / "joined.mp4").frames == 180


def test_segments_that_differ_are_no_failure_but_a_reason_to_encode_in_one_piece(clip, tmp_path):
    plan, made, files = encoded_by(lambda number: 1, clip, tmp_path)
    with Mp4Writer(files[1], index="end", threads=1) as writer:
        spec = VideoSpec(width=160, height=90, time_base=Fraction(1, 15360), rate=RATE)
        writer.video(spec).write(Painter((160, 90), RATE).frame(0), Fraction(0))
    with pytest.raises(NotSplittable) as caught:
        join(plan, opened(made, files), None, tmp_path / "joined.mp4")
    assert caught.value.code == "segments_differ"
    assert not (tmp_path / "joined.mp4").exists()
