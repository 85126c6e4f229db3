"""Attached pictures: cover art."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from av.container import InputContainer, OutputContainer
from av.packet import Packet
from av.stream import Disposition, Stream
from av.video.stream import VideoStream

from media.source import is_picture
from media.types import Notices

MAX_COVERS = 8
MAX_BYTES = 16 * 2**20

_SIGNATURES = {"mjpeg": b"\xff\xd8\xff", "png": b"\x89PNG\r\n\x1a\n"}
_REASONS = {
    "kind": "MP4 takes JPEG and PNG",
    "size": f"it is larger than {MAX_BYTES // 2**20} MiB",
    "count": f"only the first {MAX_COVERS} are kept",
}


@dataclass(frozen=True, slots=True)
class Cover:
    """A JPEG (`mjpeg`) or PNG (`png`) file of width × height pixels."""

    codec: str
    width: int
    height: int
    data: bytes


def read_covers(container: InputContainer, notices: Notices) -> list[Cover]:
    """The attached pictures of a file. They come before every other packet after it was opened, or after a seek to its
    beginning, which is made where it was read from already."""
    pictures = [stream for stream in container.streams.video if is_picture(stream)]
    attached = {stream.index: stream for stream in pictures if stream.disposition & Disposition.attached_pic}
    reasons = dict.fromkeys("kind" for stream in pictures if stream.index not in attached)
    packets = _first_packets(container, attached)
    if len(packets) < len(attached):
        reasons["kind"] = None
    found: list[Cover] = []
    for packet in packets:
        cover = _cover(attached[packet.stream_index], packet, len(found))
        if isinstance(cover, Cover):
            found.append(cover)
        else:
            reasons[cover] = None
    if reasons:
        told = "; ".join(_REASONS[reason] for reason in reasons)
        notices.add("cover_dropped", f"An attached picture is not carried over: {told}.")
    return found


def _first_packets(container: InputContainer, attached: Mapping[int, VideoStream]) -> list[Packet[Any]]:
    """The one packet of each attached picture; a container that gave others stands at its beginning."""
    for _ in range(2):
        found: dict[int, Packet[Any]] = {}
        for packet in container.demux() if attached else ():
            if packet.stream_index not in attached or packet.stream_index in found:
                break
            found[packet.stream_index] = packet
            if len(found) == len(attached):
                return list(found.values())
        if not attached:
            return []
        container.seek(0)
    return list(found.values())


def add_cover(container: OutputContainer, cover: Cover) -> Packet[Any]:
    """Make room for a cover in an MP4; the packet returned is to be muxed when every track has been added."""
    stream = container.add_mux_stream(cover.codec, width=cover.width, height=cover.height)
    stream.disposition = Disposition.attached_pic
    return _packet(stream, cover.data, Fraction(0))


def sign_of_life(cover: Packet[Any], time: Fraction) -> Packet[Any]:
    """A packet at a time of the output that the muxer passes over: it takes the first of a cover alone. Without one, it
    would hold the other tracks back, waiting for the cover to go on."""
    return _packet(cover.stream, b"\0", time)


def _packet(stream: Stream, data: bytes, time: Fraction) -> Packet[Any]:
    packet: Packet[Any] = Packet(data)
    packet.stream = stream
    packet.time_base = Fraction(1, 90_000)
    packet.pts = packet.dts = round(time / packet.time_base)
    packet.is_keyframe = True
    return packet


def _cover(stream: VideoStream, packet: Packet[Any], before: int) -> Cover | str:
    context = stream.codec_context
    codec = None if context is None else context.name
    data = bytes(packet) if packet.size <= MAX_BYTES else b""
    if before >= MAX_COVERS:
        return "count"
    if packet.size > MAX_BYTES:
        return "size"
    if codec not in _SIGNATURES or not data.startswith(_SIGNATURES[codec]):
        return "kind"
    return Cover(codec, context.width, context.height, data)
