"""Negative controls of what is decoded while it is written: at the edges nothing can be other than it was measured."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from media.pixels import blank_like, planes
from media.sample import make_sample
from media.smartcut import NotCuttable
from media.smartcut.avc import Avc
from media.smartcut.edges import EdgeEncoder
from media.smartcut.frames import Frames
from media.smartcut.likeness import fingerprint, identical, psnr
from media.smartcut.mux import Output, PictureTrack
from media.smartcut.pictures import Pictures
from media.smartcut.ticks import Ticks

# Frames 45 to 59 are encoded, then 60 to 119 copied, of a keyframe every second; 120 to 125 are encoded or copied.
KEEP = [("1.5", "4.2")]
EDGE, COPIED = 7, 15 + 8


@pytest.fixture
def refused(clip, cut, tmp_path):
    def run(match: str) -> None:
        with pytest.raises(NotCuttable, match=match) as caught:
            cut(clip, KEEP)
        assert caught.value.code == "certificate_failed"
        assert list(tmp_path.iterdir()) == []

    return run


@pytest.mark.parametrize(("number", "said"), [(EDGE, "encoded .* as it was decoded"), (COPIED, "copied .* as it was")])
def test_a_byte_that_gets_lost_on_the_way_to_the_file(refused, monkeypatch, number, said):
    write = PictureTrack.write

    def spoiling(self, data, pts, duration, *, key):
        middle = len(data) // 2
        spoilt = bytes(data[:middle]) + bytes([data[middle] ^ 1]) + bytes(data[middle + 1 :])
        write(self, spoilt if self.frames == number else data, pts, duration, key=key)

    monkeypatch.setattr(PictureTrack, "write", spoiling)
    refused(said)


def test_headers_that_are_not_those_of_the_file(refused, monkeypatch):
    pictures = Output.pictures

    def other(self, template, *, extradata, **options):
        # The level that is declared beside the parameter sets.
        return pictures(self, template, extradata=extradata[:3] + bytes([99]) + extradata[4:], **options)

    monkeypatch.setattr(Output, "pictures", other)
    refused("the parameter sets of the picture are others")


def test_another_picture_than_was_meant(refused, monkeypatch):
    encode = EdgeEncoder.encode

    def grey(self, frame, pts):
        other = blank_like(frame)
        for plane in planes(other):
            plane[:] = 128
        return encode(self, other, pts)

    monkeypatch.setattr(EdgeEncoder, "encode", grey)
    refused("dB from its source")


def test_a_picture_that_does_not_decode(refused, monkeypatch):
    edge = Avc.edge
    calls = []

    def broken(self, data):
        calls.append(data)
        return edge(self, data)[:40] if len(calls) == EDGE else edge(self, data)

    monkeypatch.setattr(Avc, "edge", broken)
    refused("does not decode|dB from its source")


def test_another_picture_is_copied_behind_an_edge(refused, monkeypatch):
    copy, held = Pictures.copy, []

    def swapped(self, access):
        held.append(access)
        wrong = self.copied == COPIED - 15
        copy(self, replace(access, picture=held[-2].picture, mark=held[-2].mark) if wrong else access)

    monkeypatch.setattr(Pictures, "copy", swapped)
    refused("does not decode")


def test_nothing_is_decoded_twice(clip, cut, monkeypatch):
    """Of the source the second that was copied behind the first edge and what the last one, at 4.2 s, was not decoded
    from; of the file only the second before that."""
    decoded = []
    between = Frames.between

    def counted(self, first, end):
        for frame in between(self, first, end):
            decoded.append(frame)
            yield frame

    monkeypatch.setattr(Frames, "between", counted)
    result, _ = cut(clip, KEEP)
    assert [seam.frames for seam in result.seams] == [15, 1]
    assert len(decoded) == 29 + 25 + 31
    assert min(seam.psnr_db for seam in result.seams) > 40


def test_pictures_are_told_apart_by_one_sample(tmp_path):
    import av

    make_sample(tmp_path / "clip.mp4", seconds=Fraction(1, 2), size=(320, 180))
    with av.open(str(tmp_path / "clip.mp4")) as container:
        frame = next(container.decode(video=0))
    other = blank_like(frame)
    for target, given in zip(planes(other), planes(frame), strict=True):
        target[:] = given
    assert identical(frame, other)
    assert fingerprint(frame) == fingerprint(other)
    assert psnr(frame, other) == 100
    for number, plane in enumerate(planes(other)):
        plane[-1, -1] ^= 1
        assert not identical(frame, other)
        assert fingerprint(frame) != fingerprint(other)
        if number == 0:
            assert psnr(frame, other) == pytest.approx(10 * np.log10(255**2 * 320 * 180))
        plane[-1, -1] ^= 1


@pytest.mark.parametrize(("unit", "to"), [("1/15360", "1/30000"), ("1/1000", "1/1000"), ("1/90000", "1/600")])
def test_the_earliest_tick_of_a_place(unit, to):
    ticks = Ticks(Fraction(unit), Fraction(to), Fraction(-1, 7))
    for place in range(-40, 40):
        first = ticks.earliest(place)
        assert ticks(first - 1) < place <= ticks(first)
