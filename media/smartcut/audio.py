"""Sound of a cut: packets copied, cut at their borders.

A copied track is one run of packets without gaps. Each range takes the packets whose times, on the output's own clock,
lie nearest to the slots of that run; so sound is at most half a packet (11 ms of AAC at 48 kHz) off its picture, and
the error of one range is not handed on to the next.

An AAC packet decodes to its own half of two overlapping windows, so what it says is whole only after its predecessor.
Before the very first packet its predecessor is kept, and the edit list hides it with all that lies before the cut: the
first range is exact to the sample. At a joint nothing can be hidden; there the predecessor takes the last slot before
the joint, in which the windows of both ranges overlap and one fades into the other.
"""

from __future__ import annotations

import math
from collections import deque
from fractions import Fraction
from typing import Any, Protocol

import numpy as np
from av.audio.stream import AudioStream
from av.packet import Packet

from media.smartcut.errors import NotCuttable
from media.smartcut.mux import SoundTrack
from media.smartcut.ticks import Ticks
from media.tables import Ints

RUN_UP = Fraction(3, 10)
"""Seconds of sound needed before a cut: decoders warm up, and copied packets want a predecessor."""
_COPIED_PROFILES = {None, "LC", "HE-AAC", "HE-AACv2"}
_USUAL_FRAME = 1024
MAX_WAITING = 32 << 20
"""Bytes of all tracks that wait until the first picture of a range is known: half a minute of 5.1 in 24 bits."""
# Packets that are written at a time.
_BATCH = 16


class Track(Protocol):
    """One sound track of the output."""

    stream: AudioStream

    @property
    def full(self) -> bool:
        """Whether everything the range may need has come."""

    @property
    def empty(self) -> bool:
        """Whether nothing was written: then the file does not have the track."""

    def open(self, start: Fraction, end: Fraction, slack: Fraction) -> None:
        """A range is next that begins at `start` or soon after it and ends at `end` (seconds of the source), or a frame
        or `slack` later."""

    def feed(self, packet: Packet[Any]) -> None:
        """Take the next packet."""

    def begin(self, first: Fraction, at: Fraction) -> None:
        """The range begins at `first` of the source, shown at `at` of the output."""

    def close(self, at: Fraction) -> None:
        """The range ends at `at` of the output."""

    def finish(self) -> None:
        """No more ranges."""


def can_copy(stream: AudioStream) -> bool:
    """Whether the packets of a track can be cut at any border and play everywhere in MP4: AAC alone."""
    return stream.codec_context.name == "aac" and stream.profile in _COPIED_PROFILES


class Room:
    """The place in memory that all sound tracks of a cut have together; `taken` is in bytes."""

    def __init__(self) -> None:
        self.taken = 0


class Waiting:
    """Bounds the sound that waits until the first picture of its range is known: all tracks share a `room`."""

    def __init__(self, room: Room) -> None:
        self._room = room
        self._bytes, self._start = 0, Fraction(0)

    def open(self, start: Fraction) -> None:
        """A range begins at `start`, in seconds of the container's own time, or soon after it."""
        self._room.taken -= self._bytes
        self._bytes, self._start = 0, start - 2 * RUN_UP

    def takes(self, packet: Packet[Any]) -> bool:
        """Whether a packet is to wait; what ends long before the range is not.

        Raises:
            NotCuttable: sparse_pictures, when too much waits.
        """
        known = packet.pts is not None and packet.duration
        if known and ((packet.pts or 0) + (packet.duration or 0)) * packet.time_base < self._start:
            return False
        self._bytes += packet.size
        self._room.taken += packet.size
        if self._room.taken > MAX_WAITING:
            raise NotCuttable("sparse_pictures", "At a cut the pictures of the source are too far apart.")
        return True


class CopiedSound:
    """A track of copied packets; see the module."""

    def __init__(self, stream: AudioStream, output: SoundTrack, origin: Fraction, room: Room) -> None:
        self.stream, self._output, self._origin = stream, output, origin
        self._unit = stream.time_base or Fraction(1, stream.rate)
        self._length = stream.codec_context.frame_size or _USUAL_FRAME
        self.packet = Fraction(self._length, stream.rate)
        self._queue: deque[tuple[int, bytes]] = deque()
        self._place: Ticks | None = None
        self._next: int | None = None
        self._waiting = Waiting(room)
        self._predecessor: tuple[int, bytes] | None = None
        self._held: tuple[int, bytes] | None = None
        self._start = self._sure = self._enough = self._stop = 0
        self._end = Fraction(0)
        self.full = False

    @property
    def empty(self) -> bool:
        """See `Track.empty`."""
        return self._output.samples == 0

    def open(self, start: Fraction, end: Fraction, slack: Fraction) -> None:
        """See `Track.open`."""
        self._end, self._place, self.full = end, None, False
        self._enough = math.ceil((end + slack + RUN_UP + self._origin) / self._unit)
        self._predecessor = None
        self._queue.clear()
        self._waiting.open(start + self._origin)

    def feed(self, packet: Packet[Any]) -> None:
        """See `Track.feed`."""
        if packet.pts is None or self.full:
            return
        if self._place is None and not self._waiting.takes(packet):
            return
        self._queue.append((packet.pts, bytes(packet)))
        self.full = packet.pts > self._enough
        if self._place is not None and len(self._queue) >= _BATCH:
            self._take(self._sure - self._length * 2)

    def follows(self, ticks: Ints) -> Ints | None:
        """Where packets at `ticks`, the next ones of the track, go if each takes the slot behind the one before it;
        None where they would not, or copying has not begun."""
        if self._place is None or self._next is None or self.full:
            return None
        # What is written of the queue may be later than what is asked for by half a packet.
        self._take(self._sure - self._length * 2)
        distance = self._place.distance
        if distance is None or self._queue:
            return None
        slots = self._next + self._length * np.arange(len(ticks), dtype=np.int64)
        off = ticks + distance - slots
        fits = (np.abs(off) <= self._length // 2).all() and (
            not len(slots) or slots[-1] < self._sure - self._length * 2
        )
        return slots if fits else None

    def carry(self, slots: Ints, starts: Ints, sizes: Ints) -> int:
        """Packets that lie in the file from bytes `starts` on take these slots, one at least; see `follows`. Return the
        number of the first one in its track."""
        if self._held is not None:
            self._output.write(self._held[1], self._held[0], int(slots[0]) - self._held[0])
        self._held = None
        first = self._output.samples
        self._output.carry(slots, starts, sizes)
        self._next = int(slots[-1]) + self._length
        return first

    def end(self, tick: int, data: bytes) -> None:
        """The last packet of the track comes, of which no other follows."""
        self._queue.append((tick, data))
        self._take(self._sure - self._length * 2)

    def begin(self, first: Fraction, at: Fraction) -> None:
        """See `Track.begin`."""
        self._place = Ticks(self._unit, self._output.time_base, at - first - self._origin)
        self._start = round(at / self._output.time_base)
        self._sure = round((at + self._end - first) / self._output.time_base)
        self._take(self._sure - self._length * 2)

    def close(self, at: Fraction) -> None:
        """See `Track.close`: the slot around the packet's length before the end is left to the range that follows."""
        self._stop = round(at / self._output.time_base)
        self._take(self._stop - self._length * 3 // 2)

    def finish(self) -> None:
        """See `Track.finish`: the last packet reaches the end, and is cut short there."""
        self._take(self._stop)
        if self._held is not None:
            pts, data = self._held
            self._output.write(data, pts, max(min(self._length, self._stop - pts), 1))
            self._held = None

    def _take(self, limit: int) -> None:
        """Write queued packets into slots that begin before `limit`."""
        while self._queue and self._place is not None and (self._next is None or self._next < limit):
            pts, data = self._queue[0]
            place = self._place(pts)
            if self._next is not None and place < self._start - self._length * 2:
                self._queue.popleft()
                continue
            if self._next is None:
                if place >= limit:
                    return
                self._first(place, data)
            elif place - self._next > self._length // 2:
                if place >= limit:
                    return
                self._write(place, data)
            elif self._next - place <= self._length // 2:
                self._write(self._next, data)
            self._queue.popleft()

    def _first(self, place: int, data: bytes) -> None:
        if place + self._length <= self._start:
            self._predecessor = (place, data)
            return
        if self._predecessor is not None and abs(self._predecessor[0] + self._length - place) < self._length // 4:
            self._write(place - self._length, self._predecessor[1])
        self._write(place, data)

    def _write(self, place: int, data: bytes) -> None:
        if self._held is not None:
            self._output.write(self._held[1], self._held[0], place - self._held[0])
        self._held = (place, data)
        self._next = place + self._length
