"""A file whose samples are laid beside the muxer.

FFmpeg's muxer keeps packets back until it has some of every track, and nothing makes it give out the last one. Were
runs of samples put behind what it has written, a packet of the first minute could follow those of the last. So it is
given samples of a single byte, for their times alone, and writes them into memory; the real ones are laid here, in the
order in which they are played, and its index is put right at the end (`media.smartcut.bulk.moov`).
"""

from __future__ import annotations

import heapq
import io
import os
import struct
from array import array
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from media import boxes
from media.boxes import Box
from media.errors import EngineError
from media.smartcut.bulk.moov import Run, Samples, of_each_track, with_samples

_LARGEST_32 = 0xFFFFFFFF
_MOST_SECONDS = 60.0
_MOST_BYTES = 16 << 20
STAND_IN = b"\0"
"""What the muxer gets for a sample."""


class Layout:
    """Lays the samples of tracks, by their numbers, into the file `target`; `muxed` is the muxer's own.

    Raises:
        EngineError: `bad_layout` when the muxer does not write as it is known to.
        OSError: the disk is full or the target cannot be written.
    """

    def __init__(self, target: Path) -> None:
        self.muxed = io.BytesIO()
        self._file = target.open("wb", buffering=0)
        self._end = 0
        self._queue: list[tuple[float, int, int, bytes]] = []
        self._waiting: dict[int, int] = {}
        self._bytes = self._count = 0
        self._places: dict[int, array[int]] = {}
        self._sizes: dict[int, array[int]] = {}
        self._runs: dict[int, list[Run]] = {}

    @property
    def begun(self) -> bool:
        """Whether the muxer has begun its file; it does so with its first sample."""
        return self._end > 0 or self.muxed.tell() > 0

    def runs(self, track: int) -> list[Run]:
        """Add a track; return the list of its runs, to be added to."""
        self._places[track], self._sizes[track], self._waiting[track] = array("q"), array("q"), 0
        return self._runs.setdefault(track, [])

    def add(self, track: int, time: float, data: bytes) -> None:
        """Add a sample that is decoded at `time` seconds; those of a track come in order."""
        heapq.heappush(self._queue, (time, self._count, track, data))
        self._count += 1
        self._waiting[track] += 1
        self._bytes += len(data)
        while self.begun and all(self._waiting.values()):
            self._lay()
        # A track that has ended, or lies far behind, holds up nobody.
        while self.begun and self._queue and (self._bytes > _MOST_BYTES or time - self._queue[0][0] > _MOST_SECONDS):
            self._lay()

    def put(self, data: memoryview) -> int:
        """Lay a run of samples behind all that were added; return its place."""
        self._finish_queue()
        return self._write(data)

    def finish(self) -> None:
        """The muxer has written its index: write that of the file."""
        self._finish_queue()
        outer = list(boxes.top_level(self.muxed))
        moov = next((box for box in outer if box.kind == b"moov"), None)
        if moov is None or not self._end:
            raise EngineError("bad_layout", "The muxer has not written an index.")
        index = self._part(moov.start, moov.end)
        made = {
            number: Samples(np.array(self._places[number], np.int64), np.array(self._sizes[number], np.int64), runs)
            for number, runs in self._runs.items()
        }
        others = {number: self._taken_over(samples) for number, samples in of_each_track(index) if number not in made}
        self._set_length()
        self._write(memoryview(with_samples(index, made | others)))

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _taken_over(self, samples: Samples) -> Samples:
        """Samples that the muxer has made itself: marks of chapters."""
        parts = [self._part(place, place + size) for place, size in zip(*_lists(samples), strict=True)]
        places = [self._write(memoryview(part)) for part in parts]
        return Samples(np.array(places, np.int64), samples.sizes, [])

    def _finish_queue(self) -> None:
        while self._queue:
            self._lay()

    def _lay(self) -> None:
        _, _, track, data = heapq.heappop(self._queue)
        self._waiting[track] -= 1
        self._bytes -= len(data)
        self._sizes[track].append(len(data))
        self._places[track].append(self._write(memoryview(data)))

    def _write(self, data: memoryview) -> int:
        if not self._end:
            self._begin()
        place, rest = self._end, data
        while rest:
            rest = rest[self._file.write(rest) or 0 :]
        self._end += len(data)
        return place

    def _begin(self) -> None:
        """Begin as the muxer has begun, before its first sample."""
        samples = self._samples()
        head = self._part(0, samples.content)
        self._file.write(head)
        # Until all is laid the length of the box is 0, which says that it goes on to the end.
        self._file.seek(samples.start)
        self._file.write(bytes(4))
        self._end = self._file.seek(0, os.SEEK_END)

    def _set_length(self) -> None:
        """Set the length of the box of samples, in the eight bytes before it where it is very long."""
        samples = self._samples()
        length = self._end - samples.start
        if length <= _LARGEST_32:
            self._file.seek(samples.start)
            self._file.write(struct.pack(">I", length))
        else:
            self._file.seek(samples.start - 8)
            self._file.write(struct.pack(">I4sQ", 1, b"mdat", length + 8))
        self._file.seek(self._end)

    def _samples(self) -> Box:
        found = next((box for box in boxes.top_level(self.muxed) if box.kind == b"mdat"), None)
        if found is None or found.content - found.start != 8:
            raise EngineError("bad_layout", "The muxer has not begun as it is known to.")
        return found

    def _part(self, start: int, end: int) -> bytes:
        return self.muxed.getvalue()[start:end]


def _lists(samples: Samples) -> tuple[Sequence[int], Sequence[int]]:
    return samples.places.tolist(), samples.sizes.tolist()
