"""What a cut will read, told beforehand."""

from fractions import Fraction

import av
import pytest

from media import boxes
from media.cut import cut
from media.readahead import announce
from media.sample import make_sample
from media.source import open_source
from media.timeline import timeline
from media.types import Range

RANGES = [(Fraction(7), Fraction(9)), (Fraction(13), Fraction("14.5"))]


class Told:
    """A file that remembers what it was told."""

    def __init__(self, file):
        self.read, self.seek, self.tell = file.read, file.seek, file.tell
        self.expected = None

    def expect(self, ranges):
        self.expected = list(ranges)


@pytest.fixture(scope="module")
def recording(tmp_path_factory):
    path = tmp_path_factory.mktemp("readahead") / "recording.mp4"
    make_sample(path, seconds=Fraction(20), fps=Fraction(25), size=(320, 180))
    return path


def packets(path):
    with av.open(str(path)) as container:
        return [
            (packet.pts * packet.time_base, packet.pos, packet.pos + packet.size)
            for packet in container.demux()
            if packet.size
        ]


def test_all_that_is_needed_and_little_more(recording):
    with recording.open("rb") as file, open_source(told := Told(file)) as container:
        line = timeline(container)
        announce(told, container, line, RANGES)
    assert len(told.expected) == 2
    for (start, end), (first, last) in zip(RANGES, told.expected, strict=True):
        inside = [(begin, stop) for time, begin, stop in packets(recording) if start <= time < end]
        assert first <= min(begin for begin, _ in inside)
        assert last >= max(stop for _, stop in inside)
        # Two seconds are a whole group of pictures here, one is the reordering and the interleaving.
        around = [(begin, stop) for time, begin, stop in packets(recording) if start - 3 <= time < end + 2]
        assert first >= min(begin for begin, _ in around)
        assert last <= max(stop for _, stop in around)


def test_the_index_is_told_as_a_whole(recording):
    """It may stand at the end, and is megabytes of a long recording."""
    with recording.open("rb") as file:
        [index] = [box for box in boxes.top_level(file) if box.kind == b"moov"]
        with open_source(told := Told(file)):
            assert told.expected == [(index.start, index.end)]


@pytest.mark.parametrize("mode", ["smart", "copy", "exact"])
def test_a_cut_tells(recording, tmp_path, mode):
    with recording.open("rb") as file:
        told = Told(file)
        cut(told, tmp_path / "cut.mp4", [Range(*span) for span in RANGES], mode=mode)
    assert told.expected


def test_containers_without_an_index_tell_nothing(recording, tmp_path):
    target = tmp_path / "recording.ts"
    with av.open(str(recording)) as source, av.open(str(target), "w", format="mpegts") as output:
        video = source.streams.video[0]
        stream = output.add_stream_from_template(video)
        for packet in source.demux(video):
            if packet.size:
                packet.stream = stream
                output.mux(packet)
    with target.open("rb") as file:
        told = Told(file)
        cut(told, tmp_path / "cut.mp4", [Range(*RANGES[0])], mode="smart")
    assert told.expected is None
