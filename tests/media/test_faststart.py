import io
import os
import shutil
import struct
from fractions import Fraction

import av
import numpy as np
import pytest

from media import boxes
from media.encode import AudioSpec, Mp4Writer, VideoSpec
from media.errors import EngineError
from media.faststart import arrange, settled
from media.sample import Painter

SPEC = VideoSpec(width=160, height=90, time_base=Fraction(1, 15360), rate=Fraction(30), keyframe_every=10)


def write(path, index, *, frames=45, title="A title", on_frame=lambda: None):
    painter = Painter((160, 90), Fraction(30))
    with Mp4Writer(path, index=index, title=title, threads=1) as writer:
        video, audio = writer.video(SPEC), writer.audio(AudioSpec(rate=48_000, layout="mono"))
        for number in range(frames):
            video.write(painter.frame(number), Fraction(number, 30))
            audio.write(np.random.default_rng(number).uniform(-0.1, 0.1, (1, 1600)).astype(np.float32))
            on_frame()
    return path


def kinds(file):
    return [box.kind for box in boxes.top_level(file)]


class View(io.RawIOBase):
    """An arranged file to read, never written: head, then a range of the file."""

    def __init__(self, made, file):
        self.made, self.file, self.at = made, file, 0

    def readable(self):
        return True

    def seekable(self):
        return True

    def tell(self):
        return self.at

    def seek(self, offset, whence=0):
        self.at = (0, self.at, self.made.size)[whence] + offset
        return self.at

    def read(self, size=-1):
        left = self.made.size - self.at
        size = left if size is None or size < 0 else min(size, left)
        data = self.made.head[self.at : self.at + size]
        if len(data) < size:
            self.file.seek(self.made.start + self.at + len(data) - len(self.made.head))
            data += self.file.read(size - len(data))
        self.at += len(data)
        return data


def packets(file):
    with av.open(file) as container:
        return [(p.stream_index, p.pts, p.dts, p.is_keyframe, bytes(p)) for p in container.demux() if p.size]


def test_arranged_is_what_ffmpeg_makes_by_writing_everything_twice(tmp_path):
    plain, moved = write(tmp_path / "end.mp4", "end"), write(tmp_path / "front.mp4", "front")
    with plain.open("rb") as file:
        assert kinds(file) == [b"ftyp", b"free", b"mdat", b"moov"]
        made = arrange(file)
        assert made.size == plain.stat().st_size
        assert View(made, file).read() == moved.read_bytes()


def test_a_file_that_is_arranged_stays(tmp_path):
    path = write(tmp_path / "front.mp4", "front")
    with path.open("rb") as file:
        made = arrange(file)
    assert (made.head, made.start, made.end) == (b"", 0, path.stat().st_size)


def test_offsets_past_four_gibibytes_get_eight_bytes(tmp_path):
    plain = write(tmp_path / "end.mp4", "end")
    far = tmp_path / "far.mp4"
    with plain.open("rb") as file, far.open("wb") as out:
        ftyp, _, mdat, moov = boxes.top_level(file)
        data = file.seek(0) or file.read()
        # A hole in the file, so that the samples end just below 4 GiB, and only above it once the index is in front.
        hole = (1 << 32) - 100 - mdat.end
        out.write(data[: ftyp.end] + struct.pack(">I4sQ", 1, b"mdat", mdat.end - mdat.content + 16 + hole))
        out.seek(mdat.content + hole)
        out.write(data[mdat.content : mdat.end] + shifted(data[moov.start :], hole))
    assert far.stat().st_blocks * 512 < 1 << 20
    with plain.open("rb") as file, far.open("rb") as other:
        expected = packets(file)
        assert packets(other) == expected
        made = arrange(other)
        assert made.size > far.stat().st_size
        assert b"co64" in made.head
        assert b"stco" not in made.head
        assert packets(View(made, other)) == expected


def shifted(moov, distance):
    """Move every 32-bit chunk offset, found by its name."""
    out, at = bytearray(moov), 0
    while (at := moov.find(b"stco", at + 1)) > 0:
        count = int.from_bytes(moov[at + 8 : at + 12], "big")
        table = np.frombuffer(moov, ">u4", count, at + 12).astype(np.int64) + distance
        out[at + 12 : at + 12 + 4 * count] = table.astype(">u4").tobytes()
    return bytes(out)


def test_what_is_settled_never_changes_and_holds_no_index(tmp_path):
    path = tmp_path / "growing.mp4"
    seen = []

    def look():
        with path.open("rb") as file:
            end = settled(file)
            file.seek(0)
            seen.append(file.read(end)[48:])

    write(path, "end", frames=600, on_frame=look)
    data = path.read_bytes()
    with path.open("rb") as file:
        _, _, mdat, _ = boxes.top_level(file)
        assert settled(file) == mdat.end < len(data)
    # More than the writer's buffer, so that something is seen before the end.
    assert len({len(part) for part in seen}) > 1
    assert all(data[48 : 48 + len(part)] == part for part in seen)
    assert max(map(len, seen)) <= mdat.end - 48


def test_nothing_is_settled_in_an_empty_file():
    assert settled(io.BytesIO()) == 0


@pytest.mark.parametrize("damage", ["no index", "two blocks", "something after"])
def test_another_layout_is_refused(tmp_path, damage):
    path = write(tmp_path / "end.mp4", "end")
    copy = shutil.copy(path, tmp_path / "copy.mp4")
    with path.open("rb") as file:
        *_, moov = boxes.top_level(file)
    if damage == "no index":
        os.truncate(copy, moov.start)
    else:
        with open(copy, "ab") as file:
            file.write(struct.pack(">I4s", 8, b"mdat" if damage == "two blocks" else b"free"))
    with open(copy, "rb") as file, pytest.raises(EngineError) as raised:
        arrange(file)
    assert raised.value.code == "bad_layout"
