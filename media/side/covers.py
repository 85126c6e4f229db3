"""Attached pictures: cover art."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from av.container import InputContainer, OutputContainer
from av.packet import Packet
from av.stream import Disposition
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
    """The attached pictures of a file that was just opened: they come before every other packet."""
    pictures = [stream for stream in container.streams.video if is_picture(stream)]
    attached = {stream.index: stream for stream in pictures if stream.disposition & Disposition.attached_pic}
    found: list[Cover] = []
    reasons = dict.fromkeys("kind" for stream in pictures if stream.index not in attached)
    missing = set(attached)
    for packet in container.demux() if attached else ():
        if packet.stream_index not in missing:
            # Not to be had this way, and what came instead is to be read again.
            reasons["kind"] = None
            container.seek(0)
            break
        missing.remove(packet.stream_index)
        cover = _cover(attached[packet.stream_index], packet, len(found))
        if isinstance(cover, Cover):
            found.append(cover)
        else:
            reasons[cover] = None
        if not missing:
            break
    if reasons:
        told = "; ".join(_REASONS[reason] for reason in reasons)
        notices.add("cover_dropped", f"An attached picture is not carried over: {told}.")
    return found


def add_cover(container: OutputContainer, cover: Cover) -> Packet[Any]:
    """Make room for a cover in an MP4; the packet returned is to be muxed when every track has been added."""
    stream = container.add_mux_stream(cover.codec, width=cover.width, height=cover.height)
    stream.disposition = Disposition.attached_pic
    packet: Packet[Any] = Packet(cover.data)
    packet.stream = stream
    packet.pts = packet.dts = 0
    packet.time_base = Fraction(1, 90_000)
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
