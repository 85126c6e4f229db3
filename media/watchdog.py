"""Notices a file that is read on and on without getting anywhere.

A demuxer may hand out packets for ever whose time stands still, and a decoder may swallow packets for ever without
giving a frame. Both are told by what passes, not by the clock on the wall: a slow store or a busy machine is no fault
of the file. A call that does not return at all is ended from outside, by the time limit of its stage.

It sees as well where the clock of a file jumps, as where recordings were put behind each other without care. A wrap of
the 33 bits of MPEG-TS is undone by FFmpeg before.
"""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

from av.packet import Packet

from media.errors import InputError
from media.types import seconds

MAX_PACKETS = 20_000
"""More than ten minutes of pictures."""
MAX_BYTES = 256 << 20
TIMES_LEAP = (
    "times_leap",
    "The clock of the file leaps on the way, as where a recording was interrupted: there the picture stands still.",
)
TIMES_FALL = "times_fall", "The times of some pictures fall; these are shown for a moment only."
_FALL = Fraction(1)
"""Seconds by which times may fall within a stream: some writers are not tidy, but no clock goes back by more."""
_LEAP = Fraction(10)
_NEVER = 1 << 62
_LEAPING = {"mpegts", "flv"}
"""Containers that carry a clock, which jumps; in others, times that stand apart are meant so."""


class Watchdog:
    """Counts packets and bytes since a stretch of reading last got further.

    Raises:
        InputError: no_progress, when MAX_PACKETS packets or MAX_BYTES bytes brought no later time (`read`), or no frame
            (`decoded`); times_jump_back, when the times of a stream fall by more than a second.
    """

    def __init__(self) -> None:
        self._latest: dict[int, int] = {}
        self._leaps: dict[int, int] = {}
        self._units: dict[int, Fraction] = {}
        self.leaped = False
        """Whether the clock has leaped by more than ten seconds, in all streams, where a container has a clock."""
        self._still, self._barren = _Count(), _Count()

    def read(self, packet: Packet[Any]) -> None:
        """A packet has come from the demuxer; its time is that of decoding."""
        stamp = packet.pts if packet.dts is None else packet.dts
        index, size = packet.stream_index, packet.size
        latest = self._latest.get(index)
        if stamp is not None and (latest is None or stamp > latest):
            self._latest[index] = stamp
            self._still.clear()
            if latest is None:
                self._begin(packet)
            elif stamp - latest > self._leaps[index]:
                self._look_at_leap(packet, stamp)
        else:
            if packet.dts is not None and latest is not None and (latest - packet.dts) * packet.time_base > _FALL:
                raise _jump_back((latest - packet.dts) * packet.time_base, latest * packet.time_base)
            self._still.add(size, "the times in it stand still")

    def _begin(self, packet: Packet[Any]) -> None:
        self._units[packet.stream_index] = packet.time_base
        leaps = packet.stream.container.format.name in _LEAPING
        self._leaps[packet.stream_index] = math.ceil(_LEAP / packet.time_base) if leaps else _NEVER

    def _look_at_leap(self, packet: Packet[Any], stamp: int) -> None:
        """One stream alone may pause, while others go on."""
        others = [latest * self._units[index] for index, latest in self._latest.items() if index != packet.stream_index]
        self.leaped = self.leaped or all(stamp * packet.time_base - other > _LEAP for other in others)

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


def _jump_back(by: Fraction, at: Fraction) -> InputError:
    return InputError(
        "times_jump_back",
        f"The times in the file jump back by {seconds(by)} s after {seconds(at)} s of its own clock, as where "
        "recordings were put behind each other: join them anew, or cut them one by one.",
    )


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
