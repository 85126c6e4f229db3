"""The tables of a track in an MP4's index (ISO/IEC 14496-12, 8.6.1 and 8.7), as arrays and back again."""

from __future__ import annotations

import struct
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

_LARGEST_32 = 0xFFFFFFFF


def sizes(table: bytes) -> Ints:
    """Bytes of each sample, of `stsz` (8.7.3.2)."""
    size, count = struct.unpack_from(">II", table, 4)
    return np.full(count, size, np.int64) if size else np.frombuffer(table, ">u4", count, 12).astype(np.int64)


def spread(table: bytes, kind: str = ">u4") -> Ints:
    """The value of each sample, of a table that tells how many have which (`stts`, `ctts`: 8.6.1.2, 8.6.1.3)."""
    pairs = np.frombuffer(table, ">u4", offset=8).reshape(-1, 2)
    values = np.frombuffer(table, kind, offset=8).reshape(-1, 2)[:, 1]
    return np.repeat(values.astype(np.int64), pairs[:, 0].astype(np.int64))


def places(tables: Mapping[bytes, bytes], lengths: Ints) -> Ints:
    """The byte at which each sample begins: chunks (`stco`, `co64`) hold runs of samples (`stsc`); 8.7.4, 8.7.5.

    Raises:
        ValueError: the chunks hold more or fewer samples.
    """
    wide = b"co64" in tables
    chunks = np.frombuffer(tables[b"co64" if wide else b"stco"], ">u8" if wide else ">u4", offset=8).astype(np.int64)
    runs = np.frombuffer(tables[b"stsc"], ">u4", offset=8).reshape(-1, 3).astype(np.int64)
    per_chunk = np.repeat(runs[:, 1], np.diff([*runs[:, 0], len(chunks) + 1]))
    firsts = np.concatenate([[0], np.cumsum(per_chunk)])
    if firsts[-1] != len(lengths):
        raise ValueError("its chunks do not hold its samples")
    before = np.concatenate([[0], np.cumsum(lengths)])[:-1]
    return np.asarray(np.repeat(chunks - before[firsts[:-1]], per_chunk) + before, np.int64)


def sizes_box(lengths: Ints) -> bytes:
    """`stsz`."""
    return _full(b"stsz", struct.pack(">II", 0, len(lengths)) + lengths.astype(">u4").tobytes())


def keys(tables: Mapping[bytes, bytes], count: int) -> Flags:
    """Which of `count` samples are sync samples, of `stss` (8.6.2); all of them where there is no such table."""
    if b"stss" not in tables:
        return np.ones(count, np.bool_)
    found = np.zeros(count, np.bool_)
    found[np.frombuffer(tables[b"stss"], ">u4", offset=8).astype(np.int64) - 1] = True
    return found


def spread_box(kind: bytes, values: Ints) -> bytes:
    """`stts` or `ctts`, in runs."""
    starts = _changes(values)
    counts = np.diff(starts, append=len(values))
    pairs = np.stack([counts, values[starts]], axis=1).astype(">i4")
    return _full(kind, struct.pack(">I", len(pairs)) + pairs.tobytes())


def keys_box(found: Flags) -> bytes:
    """`stss` (8.6.2)."""
    numbers = np.flatnonzero(found) + 1
    return _full(b"stss", struct.pack(">I", len(numbers)) + numbers.astype(">u4").tobytes())


def chunk_boxes(starts: Ints, lengths: Ints) -> tuple[bytes, bytes]:
    """`stsc`, and `stco` or `co64`: samples that follow each other in the file are one chunk."""
    first = np.concatenate([[0], np.flatnonzero(starts[1:] != starts[:-1] + lengths[:-1]) + 1]).astype(np.int64)
    counts = np.diff(first, append=len(starts))
    runs = _changes(counts)
    entries = np.stack([runs + 1, counts[runs], np.ones(len(runs), np.int64)], axis=1).astype(">u4")
    wide = int(starts.max()) > _LARGEST_32
    offsets = starts[first].astype(">u8" if wide else ">u4")
    return (
        _full(b"stsc", struct.pack(">I", len(entries)) + entries.tobytes()),
        _full(b"co64" if wide else b"stco", struct.pack(">I", len(offsets)) + offsets.tobytes()),
    )


def box(kind: bytes, content: bytes) -> bytes:
    """A box."""
    return struct.pack(">I4s", 8 + len(content), kind) + content


def _full(kind: bytes, content: bytes) -> bytes:
    return box(kind, bytes(4) + content)


def _changes(values: Ints) -> Ints:
    """Where runs of one value begin."""
    return np.concatenate([[0], np.flatnonzero(np.diff(values)) + 1]).astype(np.int64)
