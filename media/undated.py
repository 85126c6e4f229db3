"""When pictures are shown whose container only says when they are decoded: AVI, and MP4 without its table of offsets.

The pictures of such a file follow each other at the times of its packets, but in the order in which a decoder gives
them out: the first to come out is shown at the first of these times, and so on. What FFmpeg guesses instead for
H.264 and HEVC is the order of decoding.
"""

from __future__ import annotations

from collections import deque
from contextlib import suppress
from itertools import islice
from typing import Any, BinaryIO

import av
from av.codec.context import Flags
from av.container import InputContainer
from av.error import ArgumentError, EOFError, InvalidDataError
from av.packet import Packet
from av.video.stream import VideoStream

from media import boxes

# These reorder by counts that only a decoder knows; of other codecs FFmpeg tells the order by the kinds of pictures.
_COUNTED = {"h264", "hevc"}
# Packets in which reordering shows, if there is any.
_FIRST = 100
_BEFORE_ALL = -(1 << 62)


def is_undated(file: BinaryIO, container: InputContainer, stream: VideoStream) -> bool:
    """Whether pictures that may be reordered have no times but those of decoding.

    The position of `file` is FFmpeg's, and is put back.
    """
    if not stream.codec_context.reorder_depth:
        return container.format.name == "avi" and stream.codec_context.name in _COUNTED
    if container.format.name == "avi":
        return True
    if not container.format.name.startswith("mov,") or stream.codec_context.name not in _COUNTED or not stream.frames:
        return False
    place = file.tell()
    offsets = boxes.composition_offsets(file, stream.id, stream.frames)
    file.seek(place)
    return offsets is not None and bool((offsets == offsets[0]).all())


def is_reordered(container: InputContainer, stream: VideoStream) -> bool:
    """Whether the first pictures come out of the decoder in another order than that of their times.

    The container is left somewhere after its beginning.
    """
    context = stream.codec_context
    depth, latest = context.reorder_depth, _BEFORE_ALL
    falls = False
    for packet in islice(container.demux(stream), _FIRST):
        with suppress(InvalidDataError, ArgumentError, EOFError):
            for frame in stream.decode(packet):
                stamp = latest if frame.pts is None else frame.pts
                falls = falls or stamp < latest
                latest = stamp
    context.flush_buffers()
    # A flush forgets it.
    context.reorder_depth = depth
    return falls


class Dater:
    """Gives the pictures of an undated stream their times, in ticks of the stream; see the module.

    Where decoding begins in the middle of the stream, every picture must come out of the decoder, also those that build
    on missing ones: it is set to that.
    """

    def __init__(self, stream: VideoStream) -> None:
        self._counted = stream.codec_context.name in _COUNTED
        # All offsets of an MP4 are the same, but need not be nothing: without reordering it was written so.
        self._by_pts = stream.container.format.name.startswith("mov,")
        self.linear = stream.codec_context.name == "hevc"
        """Whether decoding must begin at the beginning: of HEVC, pictures before an open group never come out."""
        self._times: deque[int] = deque()
        self._last: int | None = None
        if self._counted:
            stream.codec_context.flags |= Flags.output_corrupt

    def restart(self) -> None:
        """Reading goes on somewhere else."""
        self._times.clear()
        self._last = None

    def feed(self, packet: Packet[Any] | None) -> None:
        """A packet goes into the decoder."""
        if packet is None or packet.dts is None or not packet.size or packet.is_discard:
            return
        stamp = packet.pts if self._by_pts and packet.pts is not None else packet.dts
        self._times.append(stamp)
        if self._counted:
            packet.pts = stamp

    def date(self, frame: av.VideoFrame) -> None:
        """Set the time of the next frame out of the decoder; what packets before it have lost was shown before it."""
        own, times = frame.pts, self._times
        if own is not None and self._counted and frame.key_frame:
            # A keyframe is shown when it is decoded, or later.
            while times and times[0] < own:
                times.popleft()
        elif own is not None and not self._counted:
            # FFmpeg gives a picture the time of the packet after the one in whose place it is shown.
            while len(times) > 1 and times[1] < own:
                times.popleft()
        if times:
            self._last = times.popleft()
            frame.pts = self._last
        else:
            frame.pts = own if self._last is None else self._last + 1
