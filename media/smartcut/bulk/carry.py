"""Takes runs of samples from the source to the result, where its packets would have been read one by one."""

from __future__ import annotations

import math
from array import array
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import TYPE_CHECKING, BinaryIO

import numpy as np
from av.video.stream import VideoStream

from media.smartcut.audio import CopiedSound
from media.smartcut.bulk.batch import fold, gather
from media.smartcut.bulk.plain import are_plain
from media.smartcut.codec import Codec, Kind
from media.smartcut.errors import NotCuttable
from media.smartcut.index import Table, sample_table
from media.smartcut.mux import Output
from media.tables import Ints

if TYPE_CHECKING:
    from media.smartcut.gops import RangeCut
    from media.smartcut.pictures import Pictures

PICTURE = -1
"""Stands for the picture where sound tracks are numbers."""
_BATCH = 4 << 20
"""Bytes of picture that are copied at a time, or a group of pictures if that is longer."""
# Fewer pictures are not worth the way there and back.
_WORTH = 60
# Before the end of a range packets are read again, of which its tail is decoded.
_BEFORE_END = Fraction(1)
# The muxer takes no two samples of a track that are two billion ticks apart.
_MOST_TICKS = 1 << 30


@dataclass(frozen=True, slots=True)
class Carried:
    """A batch in the result: `length` bytes from byte `start` on, the checksum of which is `sum`; and of each track the
    number of its first sample in the result, the bytes at which its samples begin, and their lengths. Sound
    tracks go by their place, the picture is `PICTURE`."""

    start: int
    length: int
    sum: int
    tracks: Mapping[int, tuple[int, Ints, Ints]]


@dataclass(slots=True)
class _Sound:
    """A copied sound track and the samples of its source; `following` is the one that comes next."""

    track: CopiedSound
    table: Table
    following: int = 0

    @property
    def unit(self) -> Fraction:
        """Seconds of a tick."""
        return self.track.stream.time_base or Fraction(1)


class Carrier:
    """Carries what can be carried of a cut; `done` tells what was. `table` has the pictures of `video` in `file`."""

    def __init__(
        self,
        file: BinaryIO,
        video: VideoStream,
        table: Table,
        *,
        codec: Codec,
        output: Output,
        pictures: Pictures,
        sounds: Sequence[CopiedSound],
        on_tick: Callable[[int], None],
    ) -> None:
        self._file, self._video, self._table, self._codec = file, video, table, codec
        self._unit = video.time_base or Fraction(1)
        self._output, self._pictures, self._on_tick = output, pictures, on_tick
        self._sounds = [_Sound(track, sample_table(track.stream)) for track in sounds]
        self._bytes = np.concatenate([[0], np.cumsum(table.sizes)])
        # In decoding order, before which samples all earlier ones are shown earlier, and all later ones later.
        self._border = np.maximum.accumulate(table.ticks)[:-1] < np.minimum.accumulate(table.ticks[::-1])[::-1][1:]
        self._given_up = any((np.diff(sound.table.ticks) <= 0).any() for sound in self._sounds)
        self._range_is_over = False
        self.done: list[Carried] = []

    def begin(self) -> None:
        """The next range begins."""
        self._range_is_over = False

    def carry(self, cut: RangeCut, latest: Mapping[int, tuple[int, int]], seen: Mapping[int, array[int]]) -> int | None:
        """Copy the pictures that wait in `cut` and those behind them, with the sound beside them, to a keyframe near
        the end; return its tick: there packets are wanted again. None when nothing was copied.

        `latest` has the place and the tick of the packet of each stream that was read last; to `seen` are added the
        ticks of sound that was copied.

        Raises:
            NotCuttable: reorder_changes.
        """
        waiting, place = cut.waiting_to_be_copied, self._pictures.place
        if (
            self._given_up
            or self._range_is_over
            or not self._output.ready
            or waiting is None
            or place is None
            or place.distance is None
        ):
            return None
        last = _found(self._table, latest.get(self._video.index))
        if last is None or not all(self._meets(sound, latest) for sound in self._sounds):
            return None
        place_before = self._file.tell()
        try:
            at = self._run(last + 1 - waiting, cut.end, place.distance, seen)
        finally:
            # The demuxer believes to know where the file stands.
            self._file.seek(place_before)
        if at is None:
            self._range_is_over = True
            return None
        cut.leap()
        return int(self._table.ticks[at])

    def _run(self, first: int, end: int, distance: int, seen: Mapping[int, array[int]]) -> int | None:
        table = self._table
        latest = min(end - math.ceil(_BEFORE_END / self._unit), int(table.ticks[first]) + _MOST_TICKS)
        stops = np.flatnonzero(self._border & table.keys[1:] & (table.ticks[1:] <= latest)) + 1
        stops = stops[stops > first]
        if (first and not self._border[first - 1]) or not len(stops) or stops[-1] - first < _WORTH:
            return None
        at = first
        for stop in stops.tolist():
            if self._bytes[stop] - self._bytes[at] < _BATCH and stop != stops[-1]:
                continue
            if table.hidden[at:stop].any():
                break
            if not self._enters(stop):
                continue
            if not self._batch(at, stop, distance, seen):
                # It is likely to be so with what follows too.
                self._given_up = True
                break
            at = stop
            self._on_tick(int(table.ticks[at]))
        return None if at == first else at

    def _enters(self, number: int) -> bool:
        """Whether decoding may begin at a picture."""
        found = gather(self._file, self._table.places[number : number + 1], self._table.sizes[number : number + 1])
        if found is None:
            return False
        try:
            return self._codec.picture(found[0].tobytes()).kind in {Kind.ENTRY, Kind.INTRA}
        except (ValueError, IndexError, NotCuttable):
            return False

    def _batch(self, first: int, stop: int, distance: int, seen: Mapping[int, array[int]]) -> bool:
        """Copy pictures, and the sound up to where the next one is shown, if they can be copied as they are."""
        table, until = self._table, int(self._table.ticks[stop]) * self._unit
        places, sizes, slots = [table.places[first:stop]], [table.sizes[first:stop]], []
        for sound in self._sounds:
            heard = sound.table.ticks
            to = int(np.searchsorted(heard, math.ceil(until / sound.unit)))
            # The last packet of all is left to the muxer, which takes from it where the track ends.
            part = slice(sound.following, max(min(to, len(heard) - 1), sound.following))
            taken = sound.track.follows(heard[part])
            if taken is None or sound.table.hidden[part].any():
                return False
            slots.append((sound, part, taken))
            places.append(sound.table.places[part])
            sizes.append(sound.table.sizes[part])
        found = gather(self._file, np.concatenate(places), np.concatenate(sizes))
        if found is None or not are_plain(found[0], found[1][: stop - first], sizes[0], self._codec.units):
            return False
        data, starts = found[0], self._output.put(found[0].data) + found[1]
        tracks = {PICTURE: (len(self._pictures.marks), starts[: stop - first], sizes[0])}
        self._pictures.carry(table.ticks[first:stop] + distance, table.keys[first:stop], *tracks[PICTURE][1:])
        begin = stop - first
        for number, (sound, part, taken) in enumerate(slots):
            there = starts[begin : begin + len(taken)]
            begin += len(taken)
            if len(taken):
                tracks[number] = (sound.track.carry(taken, there, sizes[number + 1]), there, sizes[number + 1])
            seen[sound.track.stream.index].frombytes(sound.table.ticks[part].tobytes())
            sound.following = part.stop
            if part.stop == len(sound.table.ticks) - 1 and int(sound.table.ticks[-1]) * sound.unit < until:
                self._end(sound, seen[sound.track.stream.index])
        self.done.append(Carried(int(starts.min()), len(data), fold(data), tracks))
        return True

    def _end(self, sound: _Sound, seen: array[int]) -> None:
        """Hand over the last packet of a track as it would have come."""
        table = sound.table
        found = gather(self._file, table.places[-1:], table.sizes[-1:])
        if found is not None:
            tick = int(table.ticks[-1])
            sound.track.end(tick, found[0].tobytes())
            seen.append(tick)
            sound.following = len(table.ticks)

    def _meets(self, sound: _Sound, latest: Mapping[int, tuple[int, int]]) -> bool:
        """Find where a sound track stands; the distance between its index and its packets is a constant."""
        here = latest.get(sound.track.stream.index)
        at = None if here is None else _placed(sound.table, here[0])
        if here is None or at is None:
            return False
        shift = here[1] - int(sound.table.ticks[at])
        sound.table = replace(sound.table, ticks=sound.table.ticks + shift)
        sound.following = at + 1
        return True


def _found(table: Table, packet: tuple[int, int] | None) -> int | None:
    """The sample that a packet is, if its time is the one that the table has."""
    at = None if packet is None else _placed(table, packet[0])
    return at if packet is not None and at is not None and int(table.ticks[at]) == packet[1] else None


def _placed(table: Table, place: int) -> int | None:
    """The one sample at a byte of the file."""
    numbers = np.flatnonzero(table.places == place)
    return int(numbers[0]) if len(numbers) == 1 else None
