"""A witness of the edges: what goes into the track there is decoded at once, beside the pictures it was made of.

Of an edge the source's pictures are at hand only while it is encoded: to keep them would take gigabytes, to decode them
once more for the certificate as long as the first time. So the samples of each edge, and those of the second that is
copied behind it, are decoded as they are written, one after the other, under the headers that the file will have.
Encoded pictures are measured there and then; of those that have to be known again, a fingerprint is kept. That the
finished file has just these samples and headers is left to the certificate.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import suppress
from fractions import Fraction
from typing import Any

import av
from av.error import ArgumentError, InvalidDataError
from av.packet import Packet
from av.video.codeccontext import VideoCodecContext
from av.video.stream import VideoStream

from media.packets import packet_of
from media.smartcut.edges import decoder_of
from media.smartcut.errors import CoarseEdges, failed
from media.smartcut.likeness import fingerprint, psnr
from media.smartcut.whole import digest

MIN_PSNR = 40.0
_GARBLED = 25.0
"""dB below which an encoded picture is another one, and not a coarse one."""
AROUND = Fraction(1)
"""Seconds before and after each seam in which all pictures are decoded."""


class Witness:
    """Sees the samples of a track of pictures in decoding order; ticks are the track's, of `unit` seconds.

    `psnr` is that of each encoded picture, by its tick; `prints` are fingerprints of pictures that were decoded: those
    copied behind an edge, and those at the beginning of an edge that has something before it. `digests` are those of
    the samples that were decoded, by their place in the track. `given` are fingerprints of pictures of the source, by
    the tick at which they go into the track.
    """

    def __init__(
        self, stream: VideoStream, headers: bytes, *, unit: Fraction, threads: int, on_work: Callable[[], None]
    ) -> None:
        self._stream, self._threads, self._on_work = stream, threads, on_work
        self.headers = headers
        self._around = math.ceil(AROUND / unit)
        self._decoder: VideoCodecContext | None = None
        self._expected: dict[int, av.VideoFrame] = {}
        self._fed: set[int] = set()
        self._samples = self._later = self._first = self._last = 0
        self._behind = False
        self.psnr: dict[int, float] = {}
        self.prints: dict[int, bytes] = {}
        self.given: dict[int, bytes] = {}
        self.digests: dict[int, bytes] = {}

    @property
    def idle(self) -> bool:
        """Whether no edge is being looked at."""
        return self._decoder is None

    def skip(self, count: int) -> None:
        """So many samples go into the track that are far from every edge."""
        self._samples += count

    def seen(self, tick: int) -> bool:
        """Whether the picture at a tick was decoded and found good, or its fingerprint is there to be compared."""
        return tick in self.psnr or tick in self.prints

    def expect(self, tick: int, frame: av.VideoFrame) -> None:
        """The next picture to be encoded, shown at a tick, is to be like a frame."""
        if self._decoder is None:
            self._decoder = decoder_of(self._stream, self._threads, headers=self.headers)
            self._behind, self._first = self._samples > 0, tick
        self._expected[tick] = frame
        self._last, self._later = tick, 0

    def near(self, tick: int, frame: av.VideoFrame) -> None:
        """A frame of the source, decoded on the way to an edge, was copied to a tick."""
        self.given[tick] = fingerprint(frame)

    def write(self, data: bytes, tick: int) -> None:
        """A sample goes into the track.

        Raises:
            CoarseEdges: an encoded picture is too far from its source.
            NotCuttable: certificate_failed.
        """
        if self._decoder is not None:
            self._feed(self._decoder, data, tick)
            # A picture comes after as many later ones as a stream reorders, and no more.
            self._later += tick > self._last + self._around
            if self._later > self._stream.codec_context.reorder_depth:
                self.finish()
        self._samples += 1

    def finish(self) -> None:
        """No more samples, or none that matter.

        Raises:
            CoarseEdges, NotCuttable: as `write`.
        """
        if self._decoder is None:
            return
        decoder, self._decoder = self._decoder, None
        self._decode(decoder, None)
        if self._fed or self._expected:
            raise failed("a picture near a seam does not decode")

    def _feed(self, decoder: VideoCodecContext, data: bytes, tick: int) -> None:
        packet = packet_of(data)
        packet.pts = tick
        self._fed.add(tick)
        self.digests[self._samples] = digest(data)
        self._decode(decoder, packet)

    def _decode(self, decoder: VideoCodecContext, packet: Packet[Any] | None) -> None:
        frames: list[av.VideoFrame] = []
        # What does not decode is missed at the end.
        with suppress(InvalidDataError, ArgumentError):
            frames = decoder.decode(packet)
        for frame in frames:
            self._on_work()
            self._look(frame)

    def _look(self, frame: av.VideoFrame) -> None:
        tick = frame.pts
        if tick not in self._fed or tick is None or frame.is_corrupt:
            raise failed("a picture near a seam does not decode")
        self._fed.remove(tick)
        given = self._expected.pop(tick, None)
        if given is not None:
            self.psnr[tick] = _required(psnr(frame, given))
        if given is None or (self._behind and tick <= self._first + self._around):
            self.prints[tick] = fingerprint(frame)


def _required(found: float) -> float:
    if found < MIN_PSNR:
        refusal = failed(f"an encoded picture is {found:.1f} dB from its source")
        raise CoarseEdges(refusal.code, refusal.message) if found >= _GARBLED else refusal
    return found
