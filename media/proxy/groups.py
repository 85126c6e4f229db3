"""Writes pictures in closed groups, each by an encoder of its own, into one track."""

from __future__ import annotations

from array import array
from dataclasses import dataclass
from typing import Any, cast

import av
from av.codec.context import Flags
from av.container import OutputContainer
from av.packet import Packet
from av.video.codeccontext import VideoCodecContext
from av.video.frame import PictureType
from av.video.stream import VideoStream

from media.encode import VideoSpec, engine_errors
from media.encoders import ENCODER, configure, encoder_options
from media.errors import EngineError
from media.segments.join import PictureJoint
from media.shown import Shown
from media.smartcut import nal
from media.smartcut.h264 import SEI

_START_CODE = b"\0\0\0\1"
# One keyframe, and none but it: the group ends where the next one begins. Searching less for motion takes half the time
# and a tenth more bits, at the same PSNR.
_SETTINGS = "keyint=infinite:min-keyint=100000:bframes=2:b-adapt=0:ref=1:me=dia:subme=1:trellis=0:weightp=0"


@dataclass(frozen=True, slots=True)
class _Group:
    """Ticks of the track, as `media.segments.join.Placed` has them."""

    start: int
    last: int
    end: int
    step: int


class GroupTrack:
    """H.264 in groups that know nothing of each other: the same pictures become the same bytes, whatever went before.

    Ticks are those of `spec.time_base`, from 0. Encoders have one thread, since what they decide depends on how many.
    """

    def __init__(self, container: OutputContainer, spec: VideoSpec) -> None:
        self._container, self._spec = container, spec
        # It encodes nothing: the file's header takes the parameter sets from it, which are those of all groups.
        stream = container.add_stream(ENCODER[spec.codec], rate=spec.rate, options=_options(spec))
        self._stream = cast(VideoStream, stream)
        self._stream.time_base = spec.time_base
        configure(self._stream.codec_context, spec, 1)
        self._step = max(round(1 / spec.rate / spec.time_base), 1)
        self._encoder: VideoCodecContext | None = None
        self._joint: PictureJoint | None = None
        self._packets: list[Packet[Any]] = []
        self._start = self._last = 0
        self.frames = 0

    @property
    def shown(self) -> Shown:
        """When the pictures that were written are shown."""
        return Shown(array("q"), 0) if self._joint is None else self._joint.shown

    def begin(self, tick: int) -> None:
        """A group begins with the picture at `tick`, where the one before ends."""
        self._end_group(tick)
        self._start = tick
        encoder: VideoCodecContext = av.CodecContext.create(ENCODER[self._spec.codec], "w")  # type: ignore[assignment]
        configure(encoder, self._spec, 1)
        encoder.framerate = self._spec.rate
        encoder.flags |= Flags.global_header
        encoder.options = _options(self._spec)
        with engine_errors():
            encoder.open()
        self._encoder = encoder

    def write(self, frame: av.VideoFrame, tick: int) -> None:
        """Encode a picture of the track's size and format, shown from `tick`; ticks rise."""
        assert self._encoder is not None
        frame.pts, frame.time_base = tick - self._start, self._spec.time_base
        # Left as decoded, the picture type would force the source's I-frames on the encoder.
        frame.pict_type = PictureType.NONE
        with engine_errors():
            self._packets += self._encoder.encode(frame)
        self._last = tick
        self.frames += 1

    def finish(self, end: int) -> None:
        """The last picture is shown until `end`."""
        self._end_group(end)
        if self._joint is not None:
            self._joint.finish()

    def _end_group(self, end: int) -> None:
        if self._encoder is None:
            return
        with engine_errors():
            self._packets += self._encoder.encode(None)
        if self._joint is None:
            self._joint = PictureJoint(_Muxed(self._container, self._stream), self._encoder.reorder_depth)
        self._joint.begin(_Group(self._start, self._last, end, self._step))
        for number, packet in enumerate(self._packets):
            if packet.is_keyframe != (number == 0):
                raise EngineError("encode_failed", "A group of pictures does not have one keyframe.")
            # How early the first pictures are decoded follows from the nominal rate, not from the distance of theirs.
            packet.dts = packet.pts
            self._joint.write(packet if number else _without_remarks(packet))
        self._encoder, self._packets = None, []


class _Muxed:
    def __init__(self, container: OutputContainer, stream: VideoStream) -> None:
        self._container, self._stream = container, stream

    def write(self, packet: Packet[Any]) -> None:
        packet.stream = self._stream
        with engine_errors():
            self._container.mux(packet)


def _options(spec: VideoSpec) -> dict[str, str]:
    options = encoder_options(spec, 1)
    given = options.get("x264-params")
    return options | {"x264-params": f"{_SETTINGS}:{given}" if given else _SETTINGS}


def _without_remarks(packet: Packet[Any]) -> Packet[Any]:
    """A first packet without what x264 says of itself there, 700 bytes for each group."""
    units = [unit for unit in nal.split(bytes(packet), None) if unit[0] & 31 != SEI]
    bare: Packet[Any] = Packet(b"".join(_START_CODE + unit for unit in units))
    bare.pts, bare.dts, bare.duration = packet.pts, packet.dts, packet.duration
    bare.time_base, bare.is_keyframe = packet.time_base, True
    return bare
