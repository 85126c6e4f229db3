"""Pictures that grow beyond the limit on the way: a small first size in the header is no way around it."""

from __future__ import annotations

import subprocess
from fractions import Fraction
from pathlib import Path

import av
import imageio_ffmpeg
import pytest

from media.cut import cut
from media.decode import Picture, Reader
from media.errors import InputError
from media.smartcut.edges import decode
from media.source import open_source
from media.types import DEFAULT_LIMITS, Limits, Range

SMALL, LARGE = (320, 180), (1280, 720)
TIGHT = Limits(max_pixels=SMALL[0] * SMALL[1])


def encoded(target: Path, size: tuple[int, int], number: int) -> Path:
    source = f"testsrc=s={size[0]}x{size[1]}:r=25:d=1"
    options = f"-c:v libx264 -bf 0 -g 25 -preset ultrafast -pix_fmt yuv420p -x264-params sps-id={number}:ref=1"
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-y", "-f", "lavfi", "-i", source]
    subprocess.run([*command, *options.split(), str(target)], check=True, timeout=60)
    return target


def both(headers: list[bytes]) -> bytes:
    """One `avcC` with the parameter sets of two, each of which has one of each kind (ISO/IEC 14496-15, 5.3.3)."""
    sps, pps, rest = zip(*map(parts, headers), strict=True)
    return headers[0][:5] + bytes([0xE0 | len(sps)]) + b"".join(sps) + bytes([len(pps)]) + b"".join(pps) + rest[0]


def parts(header: bytes) -> tuple[bytes, bytes, bytes]:
    """The SPS and the PPS of an `avcC`, with their lengths, and what follows them."""
    middle = 8 + int.from_bytes(header[6:8], "big")
    end = middle + 3 + int.from_bytes(header[middle + 1 : middle + 3], "big")
    return header[6:middle], header[middle + 1 : end], header[end:]


@pytest.fixture(scope="module")
def growing(tmp_path_factory) -> Path:
    """A second of small pictures, one of large ones under a parameter set of their own, and one of small ones."""
    folder = tmp_path_factory.mktemp("growing")
    target = folder / "growing.mp4"
    small, large = encoded(folder / "small.mp4", SMALL, 0), encoded(folder / "large.mp4", LARGE, 5)
    with av.open(str(small)) as first, av.open(str(large)) as second, av.open(str(target), "w") as made:
        streams = first.streams.video[0], second.streams.video[0]
        track = made.add_stream_from_template(streams[0])
        track.codec_context.extradata = both([stream.codec_context.extradata or b"" for stream in streams])
        groups = [[packet for packet in stream.container.demux(stream) if packet.size] for stream in streams]
        for number, given in enumerate([*groups[0], *groups[1], *groups[0]]):
            packet = av.Packet(bytes(given))
            packet.stream, packet.time_base, packet.is_keyframe = track, Fraction(1, 25), given.is_keyframe
            packet.pts = packet.dts = number
            packet.duration = 1
            made.mux(packet)
    return target


def widths_read(path: Path, limits: Limits) -> list[int]:
    with path.open("rb") as file, Reader(file, limits=limits) as reader:
        return [item.frame.width for item in reader.read(Fraction(0), Fraction(3)) if isinstance(item, Picture)]


def widths_of_edges(path: Path, limits: Limits) -> list[int]:
    with path.open("rb") as file, open_source(file, limits) as container:
        stream = container.streams.video[0]
        packets = [packet for packet in container.demux(stream) if packet.size]
        return [frame.width for frame in decode(packets, stream, 1)]


@pytest.mark.parametrize("widths", [widths_read, widths_of_edges])
def test_large_pictures_are_not_decoded(growing, widths):
    assert widths(growing, DEFAULT_LIMITS) == [320] * 25 + [1280] * 25 + [320] * 25
    assert widths(growing, TIGHT) == [320] * 50


def test_a_cut_says_that_a_parameter_set_is_too_large(growing, tmp_path):
    keep = [Range(Fraction(1, 2), Fraction(5, 2))]
    with growing.open("rb") as file, pytest.raises(InputError) as caught:
        cut(file, tmp_path / "cut.mp4", keep, mode="smart", limits=TIGHT)
    assert caught.value.code == "too_many_pixels"


@pytest.mark.parametrize("mode", ["smart", "exact"])
def test_pictures_of_just_the_limit_are_cut(clip, mode, tmp_path):
    with clip.open("rb") as file:
        result = cut(file, tmp_path / "cut.mp4", [Range(Fraction("1.5"), Fraction(4))], mode=mode, limits=TIGHT)
    assert (result.mode, result.made.frames) == (mode, 75)
