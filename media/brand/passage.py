"""A way along the body's pictures, once: stretches of packets that are copied, stretches that are decoded.

Where one stretch ends and the next begins, the packets from the last entry before it are wanted by both. They are kept,
so that nothing is read twice.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Any

import av
from av.packet import Packet
from av.video.stream import VideoStream

from media.smartcut.codec import Codec, Kind
from media.smartcut.edges import decode
from media.smartcut.entry import MAX_REORDER
from media.smartcut.errors import NotCuttable
from media.smartcut.gops import RangeCut
from media.smartcut.runup import RunUp


class Passage:
    """Goes along `packets`, in decoding order; ticks are the body's own, and of each stretch after the one before."""

    def __init__(self, packets: Iterable[Packet[Any]], stream: VideoStream, codec: Codec, *, threads: int) -> None:
        self._packets = iter(packets)
        self._stream, self._codec, self._threads = stream, codec, threads
        self._kept = RunUp(2)
        self._fresh = True

    def copy(self, cut: RangeCut) -> None:
        """Let a cut take what it wants, to its end."""
        for packet in self._from(cut.start, before=cut.end):
            cut.feed(packet)
            if cut.done:
                break
        cut.finish()

    def frames(self, first: int, end: int) -> Iterator[av.VideoFrame]:
        """Decoded frames with `first ≤ pts < end`, in the order of their time.

        Raises:
            NotCuttable: damaged_pictures, when packets give no frame.
        """
        missing: set[int] = set()
        for frame in decode(self._noted(first, end, missing), self._stream, self._threads):
            if frame.pts is None or frame.pts < first:
                continue
            if frame.pts >= end:
                break
            missing.discard(frame.pts)
            yield frame
        # Frames come in the order of their time: what has not come before a later one will not.
        if missing:
            raise NotCuttable("damaged_pictures", "Pictures of the video cannot be decoded.")

    def skip(self, first: int, end: int) -> list[int]:
        """Go past pictures that nobody here decodes; the ticks `first ≤ pts < end` of those that were met, in order."""
        met: list[int] = []
        beyond = 0
        for packet in self._from(first, before=end):
            if packet.pts is not None and first <= packet.pts < end:
                met.append(packet.pts)
            beyond += packet.pts is not None and packet.pts >= end
            if beyond > MAX_REORDER:
                break
        return sorted(met)

    def drain(self) -> None:
        """Go to the end without looking."""
        for _ in self._packets:
            pass

    def rest(self, first: int) -> list[Packet[Any]]:
        """All packets that are left, with those kept from which a picture at `first` is decoded.

        Raises:
            NotCuttable: keyframes_too_far, when they are too many to be kept.
        """
        for packet in self._packets:
            self._kept.add(packet, entry=self._opens(packet, first))
        return self._kept.to(first)

    def _from(self, first: int, *, before: int) -> Iterator[Packet[Any]]:
        """The packets from which a picture at `first` is decoded, and all that follow; kept for one at `before`."""
        if not self._fresh:
            self._packets = chain(self._kept.to(first), self._packets)
        self._fresh, self._kept = False, RunUp(2)
        while (packet := next(self._packets, None)) is not None:
            self._kept.add(packet, entry=self._opens(packet, before))
            yield packet

    def _noted(self, first: int, end: int, wanted: set[int]) -> Iterator[Packet[Any]]:
        """The packets for `frames`; the ticks of those whose frames are `wanted` are noted."""
        for packet in self._from(first, before=end):
            if packet.pts is not None and first <= packet.pts < end:
                wanted.add(packet.pts)
            yield packet

    def _opens(self, packet: Packet[Any], tick: int) -> bool:
        """Whether decoding for a picture at a tick may begin here."""
        if not packet.is_keyframe or (packet.pts or 0) > tick:
            return False
        try:
            return self._codec.picture(bytes(packet)).kind in {Kind.ENTRY, Kind.INTRA}
        except (ValueError, IndexError) as error:
            raise NotCuttable("damaged_pictures", "A picture of the video is damaged.") from error
