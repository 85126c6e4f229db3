"""Files that go on and on without getting anywhere."""

from __future__ import annotations

from fractions import Fraction

import av
import numpy as np
import pytest

from media import cut, trim, watchdog
from media.decode import Reader
from media.errors import InputError
from media.types import Range

PACKETS = watchdog.MAX_PACKETS + 500
DELIMITER = b"\0\0\0\1\x09\xf0"
"""An access unit of H.264 that holds no picture."""


def write(target, packets):
    """An MKV of one picture's packet, then what `packets(data of that)` yields: `(data, milliseconds)`."""
    with av.open(str(target), "w") as output:
        stream = output.add_stream(
            "libx264", rate=25, options={"crf": "40", "tune": "zerolatency", "preset": "ultrafast"}
        )
        stream.width, stream.height, stream.pix_fmt = 32, 32, "yuv420p"
        stream.codec_context.flags |= av.codec.context.Flags.global_header
        stream.time_base = Fraction(1, 1000)
        frame = av.VideoFrame.from_ndarray(np.zeros((48, 32), np.uint8), format="yuv420p")
        frame.pts, frame.time_base = 0, Fraction(1, 25)
        (first,) = [*stream.encode(frame), *stream.encode(None)]
        for data, time in packets(bytes(first)):
            packet = av.Packet(data)
            packet.stream, packet.time_base = stream, Fraction(1, 1000)
            packet.pts = packet.dts = time
            packet.is_keyframe = data is not DELIMITER
            output.mux(packet)
    return target


@pytest.fixture(scope="module")
def standing(tmp_path_factory):
    """The same picture, at the same time, again and again; the last one comes ten seconds later."""
    path = tmp_path_factory.mktemp("standing") / "standing.mkv"
    return write(path, lambda data: [*[(data, 0)] * PACKETS, (data, 10_000)])


@pytest.fixture(scope="module")
def barren(tmp_path_factory):
    """One picture, then packets without any, the times of which go on."""
    path = tmp_path_factory.mktemp("barren") / "barren.mkv"
    return write(path, lambda data: [(data, 0), *((DELIMITER, number + 1) for number in range(PACKETS))])


@pytest.mark.parametrize("name", ["standing", "barren"])
@pytest.mark.parametrize("way", ["smart", "exact"])
def test_a_cut_ends(name, way, request, tmp_path):
    target = tmp_path / "cut.mp4"
    with request.getfixturevalue(name).open("rb") as file, pytest.raises(InputError) as caught:
        cut.cut(file, target, [Range(Fraction(0))], mode=way)
    assert caught.value.code == "no_progress"
    assert not target.exists()


@pytest.mark.parametrize("name", ["standing", "barren"])
def test_reading_ends_soon(name, request):
    read = []
    with (
        request.getfixturevalue(name).open("rb") as file,
        Reader(file, on_packet=lambda: read.append(1)) as reader,
        pytest.raises(InputError),
    ):
        list(reader.read(Fraction(0), Fraction(20)))
    assert len(read) <= watchdog.MAX_PACKETS + 100


def test_a_minute_of_rubbish_is_no_reason_to_stop(tmp_path):
    middle = 1_500
    path = write(
        tmp_path / "hurt.mkv",
        lambda data: [
            *((data, number * 40) for number in range(25)),
            *((DELIMITER, 1000 + number * 40) for number in range(middle)),
            *((data, 1000 + (middle + number) * 40) for number in range(25)),
        ],
    )
    with path.open("rb") as file:
        assert trim.trim(file, tmp_path / "cut.mp4", [Range(Fraction(0))]).frames >= 50


def test_bytes_count_too(monkeypatch):
    monkeypatch.setattr(watchdog, "MAX_BYTES", 1000)
    watch = watchdog.Watchdog()
    packet = av.Packet(bytes(400))
    for _ in range(2):
        watch.decoded(packet, 0)
    watch.decoded(packet, 1)
    for _ in range(2):
        watch.decoded(packet, 0)
    with pytest.raises(InputError):
        watch.decoded(packet, 0)
