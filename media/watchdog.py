"""Notices a file that is read on and on without getting anywhere.

A demuxer may hand out packets for ever whose time stands still, and a decoder may swallow packets for ever without
giving a frame. Both are told by what passes, not by the clock on the wall: a slow store or a busy machine is no fault
of the file. A call that does not return at all is ended from outside, by the time limit of its stage.
"""

from __future__ import annotations

from typing import Any

from av.packet import Packet

from media.errors import InputError

MAX_PACKETS = 20_000
"""More than ten minutes of pictures."""
MAX_BYTES = 256 << 20


class Watchdog:
    """Counts packets and bytes since a stretch of reading last got further.

    Raises:
        InputError: no_progress, when MAX_PACKETS packets or MAX_BYTES bytes brought no later time (`read`), or no frame
            (`decoded`).
    """

    def __init__(self) -> None:
        self._latest: dict[int, int] = {}
        self._still, self._barren = _Count(), _Count()

    def read(self, packet: Packet[Any]) -> None:
        """A packet has come from the demuxer; its time is that of decoding."""
        stamp = packet.pts if packet.dts is None else packet.dts
        index, size = packet.stream_index, packet.size
        if stamp is not None and stamp > self._latest.get(index, stamp - 1):
            self._latest[index] = stamp
            self._still.clear()
        else:
            self._still.add(size, "the times in it stand still")

    def decoded(self, packet: Packet[Any] | None, frames: int) -> None:
        """A packet has gone into a decoder, and so many frames have come out."""
        if frames:
            self._barren.clear()
        elif packet is not None:
            self._barren.add(packet.size, "none of its pictures or sounds can be decoded any more")

    def restart(self) -> None:
        """Reading goes on somewhere else."""
        self._latest.clear()
        self._still.clear()
        self._barren.clear()


class _Count:
    def __init__(self) -> None:
        self._packets = self._bytes = 0

    def clear(self) -> None:
        self._packets = self._bytes = 0

    def add(self, size: int, trouble: str) -> None:
        self._packets += 1
        self._bytes += size
        if self._packets > MAX_PACKETS or self._bytes > MAX_BYTES:
            raise InputError("no_progress", f"The file is damaged and cannot be read on: {trouble}.")
