"""A batch of samples, read in as few pieces as they lie in, and laid behind each other."""

from __future__ import annotations

import zlib
from itertools import pairwise
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

from media.tables import Ints

MOST_BYTES = 64 << 20
"""Bytes of a batch that are in memory; where a group of pictures is longer, its packets go one by one."""
# What lies between two samples, of other tracks, is read with them up to here.
_GAP = 64 << 10
_PAGE, _WORD = 4096, 8

Bytes = npt.NDArray[np.uint8]


def gather(file: BinaryIO, places: Ints, sizes: Ints) -> tuple[Bytes, Ints] | None:
    """The samples of `file` at bytes `places`, in the order of the file, and where among them each of them begins; None
    where that takes more than `MOST_BYTES`, or the file ends before."""
    order = np.argsort(places, kind="stable")
    starts, lengths = places[order], sizes[order]
    ends = starts + lengths
    offsets = np.empty(len(order), np.int64)
    offsets[order] = np.cumsum(lengths) - lengths
    gaps = starts[1:] - ends[:-1]
    spans = np.concatenate([[0], np.flatnonzero((gaps < 0) | (gaps > _GAP)) + 1, [len(order)]])
    firsts, lasts = spans[:-1], spans[1:] - 1
    if int((ends[lasts] - starts[firsts]).sum()) > MOST_BYTES or int(lengths.sum()) > MOST_BYTES:
        return None
    pieces: list[memoryview] = []
    for first, last in zip(firsts.tolist(), lasts.tolist(), strict=True):
        begin = int(starts[first])
        data = _read(file, begin, int(ends[last]) - begin)
        if data is None:
            return None
        # Samples that follow each other without a gap are one piece.
        inside = np.flatnonzero(gaps[first:last] > 0) + first + 1
        edges = [first, *inside.tolist(), last + 1]
        for low, high in pairwise(edges):
            pieces.append(data[int(starts[low]) - begin : int(ends[high - 1]) - begin])
    whole = pieces[0] if len(pieces) == 1 else b"".join(pieces)
    return np.frombuffer(whole, np.uint8), offsets


def fold(data: Bytes) -> int:
    """A checksum of bytes at the speed of memory: the sums of the words of each page, checked by CRC-32. It tells bytes
    that are others, missing or elsewhere."""
    whole = len(data) // _PAGE * _PAGE
    words = data[:whole].view(np.uint64).reshape(-1, _PAGE // _WORD)
    return zlib.crc32(data[whole:].tobytes(), zlib.crc32(words.sum(axis=1, dtype=np.uint64).tobytes()))


def _read(file: BinaryIO, start: int, length: int) -> memoryview | None:
    file.seek(start)
    data = file.read(length)
    while len(data) < length:
        more = file.read(length - len(data))
        if not more:
            return None
        data += more
    return memoryview(data)
