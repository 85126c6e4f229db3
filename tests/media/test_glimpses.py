"""Single pictures of a source: which ones come, from whatever container, and how little is read for them."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from crafted import box, rebuilt

from media.barcode import read_frame
from media.errors import InputError
from media.glimpses import Glimpses
from media.sample import make_sample

RATE = 30
LENGTH = 180


def remuxed(source: Path, target: Path, *, later: Fraction = Fraction(0)) -> Path:
    """The pictures of a file in another container, all of them `later`."""
    with av.open(str(source)) as given, av.open(str(target), "w") as output:
        stream = output.add_stream_from_template(given.streams.video[0])
        for packet in given.demux(video=0):
            if packet.dts is not None:
                shift = round(later / packet.time_base)
                packet.pts, packet.dts = packet.pts + shift, packet.dts + shift
                packet.stream = stream
                output.mux(packet)
    return target


def looked(path: Path, times, reach) -> tuple[list[tuple[Fraction, int]], int]:
    """(time, burnt-in number) of what is near to each time, and how many packets were read for it."""
    packets = 0

    def count() -> None:
        nonlocal packets
        packets += 1

    with path.open("rb") as file, Glimpses(file, on_packet=count) as glimpses:
        found = [glimpses.near(time, reach) for time in times]
        return [(picture.time, read_frame(picture.frame)) for picture in found], packets


@pytest.fixture(scope="module")
def long_groups(clips) -> Path:
    """Six seconds in one group of pictures."""
    path = clips / "one-group.mp4"
    make_sample(path, seconds=Fraction(6), size=(320, 180), keyframe_every=1000)
    return path


@pytest.mark.parametrize("kind", ["mp4", "mov", "mkv", "ts", "flv"])
@pytest.mark.parametrize("later", [Fraction(0), Fraction(5, 2)])
def test_keyframes_within_reach_else_the_picture_itself(clip, tmp_path, kind, later) -> None:
    path = remuxed(clip, tmp_path / f"clip.{kind}", later=later)
    times = [Fraction(n, 10) for n in range(0, 60, 4)]
    found, _ = looked(path, times, Fraction(1, 5))
    for time, (shown, number) in zip(times, found, strict=True):
        # A key each second; the clocks of some containers count milliseconds.
        assert abs(shown - Fraction(number, RATE)) < Fraction(1, 500)
        nearest = round(time)
        if abs(nearest - time) < Fraction(1, 5) and nearest < 6:
            assert number == nearest * RATE
        elif abs(nearest - time) > Fraction(1, 5):
            assert number in {int(time * RATE), int((time - Fraction(1, 500)) * RATE)}


def test_keyframes_alone_are_read(clip) -> None:
    found, packets = looked(clip, [Fraction(n) for n in range(6)], Fraction(1, 2))
    assert [number for _, number in found] == [0, 30, 60, 90, 120, 150]
    assert packets == 6


def test_any_keyframe_will_do(clip) -> None:
    found, packets = looked(clip, [Fraction(n, 10) for n in (4, 6, 14, 16, 59)], None)
    assert [number for _, number in found] == [0, 30, 30, 60, 150]
    assert packets <= 10


def test_no_picture_is_read_twice(long_groups) -> None:
    times = [Fraction(n, 2) for n in range(12)]
    found, packets = looked(long_groups, times, Fraction(1, 4))
    assert [number for _, number in found] == [n * 15 for n in range(12)]
    assert packets <= LENGTH + 2


def test_far_ahead_is_entered_anew(clip) -> None:
    """Between keyframes, and then so far off that reading on would cost more."""
    found, packets = looked(clip, [Fraction(1, 2), Fraction(11, 2)], Fraction(1, 10))
    assert [number for _, number in found] == [15, 165]
    assert packets < 70


def test_the_last_picture_stays(clip) -> None:
    found, _ = looked(clip, [Fraction(59, 10), Fraction(7), Fraction(70)], Fraction(1, 10))
    assert [number for _, number in found] == [177, 179, 179]


def test_pictures_without_times_come_in_the_order_of_the_decoder(clip, tmp_path) -> None:
    def change(kind: bytes, whole: bytes) -> bytes:
        return box(b"free", whole[8:]) if kind in {b"ctts", b"edts"} else whole

    path = tmp_path / "undated.mp4"
    path.write_bytes(rebuilt(clip.read_bytes(), change))
    found, _ = looked(path, [Fraction(0), Fraction(5, 2), Fraction(26, 10), Fraction(5)], Fraction(1, 10))
    assert [number for _, number in found] == [0, 75, 78, 150]


def test_a_broken_keyframe_is_passed_over(clip, tmp_path) -> None:
    data = bytearray(clip.read_bytes())
    with av.open(str(clip)) as container:
        entry = [one for one in container.streams.video[0].index_entries if one.is_keyframe][2]
    data[entry.pos : entry.pos + entry.size] = bytes(entry.size)
    path = tmp_path / "broken.mp4"
    path.write_bytes(data)
    with path.open("rb") as file, Glimpses(file) as glimpses:
        assert glimpses.near(Fraction(1), Fraction(1, 2)) is not None
        assert glimpses.near(Fraction(2), Fraction(1, 2)) is not None
        last = glimpses.near(Fraction(4), Fraction(1, 2))
        assert last is not None
        assert read_frame(last.frame) == 120


def test_sound_alone_is_refused(tmp_path) -> None:
    path = tmp_path / "tone.wav"
    with av.open(str(path), "w") as output:
        stream = output.add_stream("pcm_s16le", rate=8000, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 8000), np.int16), "s16", "mono")
        frame.sample_rate = 8000
        output.mux(stream.encode(frame))
    with path.open("rb") as file, pytest.raises(InputError) as raised, Glimpses(file):
        pass
    assert raised.value.code == "no_video"
