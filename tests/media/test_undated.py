"""Sources that only say when their pictures are decoded."""

from __future__ import annotations

from fractions import Fraction

import av
import pytest
from crafted import box, rebuilt
from measure import pictures

from media.barcode import read_frame
from media.cut import cut
from media.decode import Reader
from media.sample import make_sample
from media.types import Range

ASKED = [Range(Fraction("1.5"), Fraction("2.1")), Range(Fraction(4), Fraction(5))]
WANTED = [*range(45, 63), *range(120, 150)]


@pytest.fixture
def broken(clip, tmp_path):
    """Make of the clip, with B-frames, one in which every picture is shown when it is decoded."""

    def run(way):
        def change(kind, whole):
            if kind == b"ctts" and way == "zeroed":
                return box(
                    kind, whole[8:16] + b"".join(whole[at : at + 4] + bytes(4) for at in range(16, len(whole), 8))
                )
            return box(b"free", whole[8:]) if kind in {b"ctts", b"edts"} else whole

        path = tmp_path / f"{way}.mp4"
        path.write_bytes(rebuilt(clip.read_bytes(), change))
        return path

    return run


@pytest.mark.parametrize("way", ["zeroed", "missing"])
@pytest.mark.parametrize("mode", ["smart", "copy", "exact"])
def test_an_mp4_without_offsets_is_encoded_in_the_order_of_the_decoder(broken, tmp_path, way, mode):
    target = tmp_path / "cut.mp4"
    with broken(way).open("rb") as file:
        result = cut(file, target, ASKED, mode=mode)
    assert (result.mode, result.fallback) == ("exact", None if mode == "exact" else "no_timestamps")
    assert [number for _, number in pictures(target)] == WANTED


def test_pictures_that_are_all_as_late_keep_their_times(tmp_path):
    """An encoder that might reorder, but had nothing to: the offsets say when its pictures are shown."""
    encoded, path = tmp_path / "encoded.mp4", tmp_path / "short.mp4"
    make_sample(encoded, seconds=Fraction(1, 15), size=(320, 180), audio_tracks=0)
    with av.open(str(encoded)) as given, av.open(str(path), "w") as output:
        stream = output.add_stream_from_template(given.streams.video[0])
        for packet in given.demux(video=0):
            if packet.size:
                packet.dts, packet.stream = packet.pts - 6000, stream
                output.mux(packet)
    with path.open("rb") as file, Reader(file) as reader:
        shown = [(item.time, read_frame(item.frame)) for item in reader.read(Fraction(0), Fraction(1))]
    assert shown == [(0, 0), (Fraction(1, 30), 1)]
