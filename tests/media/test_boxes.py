"""Crafted MP4 files that FFmpeg opens: what is read of them beside FFmpeg stays within the file and its frames."""

from __future__ import annotations

import io
import struct
from fractions import Fraction

import av
import numpy as np
import pytest
from crafted import box, rebuilt, table

from media import boxes
from media.cut import cut
from media.keyframes import keyframe_map
from media.probe import probe
from media.types import Range

FRAMES = 90


class Strict(io.BytesIO):
    """A file that is never asked for more than it has."""

    def read(self, size: int | None = -1) -> bytes:
        assert size is not None
        assert 0 <= size <= max(len(self.getbuffer()), 1 << 16)
        return super().read(size)


def replaced(data: bytes, kind: bytes, whole: bytes) -> bytes:
    return rebuilt(data, lambda found, old: whole if found == kind else old)


def trak_too_long(data: bytes) -> bytes:
    at = data.index(b"trak") - 4
    return data[:at] + struct.pack(">I", len(data)) + data[at + 4 :]


def table_of_a_tebibyte(data: bytes) -> bytes:
    content = data[data.index(b"ctts") + 4 :][:4096]
    size = int.from_bytes(data[data.index(b"ctts") - 4 :][:4], "big") - 8
    huge = struct.pack(">I4sQ", 1, b"ctts", 1 << 40) + content[:size]

    def at_the_end(kind: bytes, whole: bytes) -> bytes:
        if kind == b"ctts":
            return b""
        return box(b"stbl", whole[8:] + huge) if kind == b"stbl" else whole

    return rebuilt(data, at_the_end)


def endless_run(data: bytes) -> bytes:
    return replaced(data, b"ctts", table(b"ctts", struct.pack(">Ii", (1 << 26) - 1, 0)))


def more_runs_than_frames(data: bytes) -> bytes:
    return replaced(data, b"ctts", table(b"ctts", *[struct.pack(">Ii", 1, 0)] * FRAMES, struct.pack(">Ii", 0, 0)))


def fewer_bytes_than_runs(data: bytes) -> bytes:
    return replaced(data, b"ctts", table(b"ctts", struct.pack(">Ii", 1, 0), count=FRAMES))


def no_count(data: bytes) -> bytes:
    return replaced(data, b"ctts", box(b"ctts", b"\0\0\0\0"))


CRAFTED = {
    crafted.__name__: crafted
    for crafted in (
        trak_too_long,
        table_of_a_tebibyte,
        endless_run,
        more_runs_than_frames,
        fewer_bytes_than_runs,
        no_count,
    )
}


@pytest.fixture(params=CRAFTED)
def crafted(request, silent_clip):
    """The bytes of one of them; FFmpeg itself opens it."""
    data = CRAFTED[request.param](silent_clip.read_bytes())
    with av.open(io.BytesIO(data)) as container:
        assert container.streams.video[0].frames == FRAMES
    return data


def test_crafted_tables_are_left_alone(crafted):
    offsets = boxes.composition_offsets(Strict(crafted), 1, FRAMES)
    assert offsets is None or offsets.size in {1, FRAMES}


def test_crafted_files_are_worked_on_all_the_same(crafted):
    assert probe(Strict(crafted)).duration == 3
    assert keyframe_map(Strict(crafted)).frames == FRAMES


@pytest.mark.parametrize("craft", [trak_too_long, table_of_a_tebibyte])
def test_where_times_are_whole_a_cut_is_too(silent_clip, craft, tmp_path):
    with io.BytesIO(craft(silent_clip.read_bytes())) as file:
        result = cut(file, tmp_path / "cut.mp4", [Range(Fraction("0.5"), Fraction(2))], mode="exact")
    assert result.made.frames == 45


def test_a_whole_table_is_expanded(silent_clip):
    data = silent_clip.read_bytes()
    offsets = boxes.composition_offsets(io.BytesIO(data), 1, FRAMES)
    with av.open(io.BytesIO(data)) as container:
        packets = [packet for packet in container.demux(video=0) if packet.size]
    later = np.array([packet.pts - packet.dts for packet in packets])
    assert (offsets - later == offsets[0] - later[0]).all()
    assert np.unique(offsets).size > 1
    assert boxes.composition_offsets(io.BytesIO(data), 1, FRAMES + 1) is None
    assert boxes.composition_offsets(io.BytesIO(data), 2, FRAMES) is None


@pytest.mark.parametrize("length", range(0, 60, 7))
def test_any_end_is_an_end(silent_clip, length):
    data = silent_clip.read_bytes()
    start = data.index(b"trak") - 4
    for cut_off in (data[: start + length], data[: data.index(b"ctts") - 4 + length]):
        boxes.composition_offsets(io.BytesIO(cut_off), 1, FRAMES)
