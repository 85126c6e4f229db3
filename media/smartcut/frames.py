"""Decoded pictures of an opened file, from any place on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction
from typing import Any

import av
from av.packet import Packet
from av.stream import Discard

from media.smartcut.edges import decode
from media.smartcut.entry import packets_from
from media.smartcut.sync import Opened


class Frames:
    """Decoded frames of the picture of an opened file."""

    def __init__(self, file: Opened, threads: int, on_work: Callable[[], None]) -> None:
        self._container, line = file.container, file.line
        assert line.video is not None
        self._video, self._origin = line.video, line.origin
        self._threads, self._on_work = threads, on_work
        self.unit = line.video.time_base or Fraction(1)
        self.missing = 0
        """How many packets of the last stretch gave no frame."""

    def between(self, first: int, end: int) -> Iterator[av.VideoFrame]:
        """Frames with `first ≤ pts < end`, in presentation order."""
        if first >= end:
            return
        for other in self._container.streams:
            other.discard = Discard.default if other is self._video else Discard.all
        self.missing = 0
        packets = packets_from(self._container, [self._video], first, Fraction(0), self._origin)
        for frame in decode(self._counted(packets, first, end), self._video, self._threads):
            self._on_work()
            if frame.pts is None or frame.pts < first:
                continue
            if frame.pts >= end:
                return
            self.missing -= 1
            yield frame

    def _counted(self, packets: Iterator[Packet[Any]], first: int, end: int) -> Iterator[Packet[Any]]:
        for packet in packets:
            self._on_work()
            self.missing += packet.pts is not None and first <= packet.pts < end
            yield packet
