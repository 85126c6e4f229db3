"""MP4 files with some of their boxes replaced, as an attacker would make them."""

from __future__ import annotations

import struct
from collections.abc import Callable

# Boxes that hold nothing but boxes.
_CONTAINERS = {b"moov", b"trak", b"mdia", b"minf", b"stbl", b"edts"}


def box(kind: bytes, content: bytes) -> bytes:
    """A box of a kind around its content."""
    return struct.pack(">I4s", 8 + len(content), kind) + content


def table(kind: bytes, *entries: bytes, count: int | None = None) -> bytes:
    """A box with a version, flags, a count of entries (true unless given) and the entries."""
    number = len(entries) if count is None else count
    return box(kind, struct.pack(">II", 0, number) + b"".join(entries))


def rebuilt(data: bytes, change: Callable[[bytes, bytes], bytes]) -> bytes:
    """A file with every box of its index replaced by `change(kind, whole box)`, innermost first.

    The index goes to the end, and a free box takes its place, so that the samples stay where they are.
    """
    start = data.index(b"moov") - 4
    end = start + int.from_bytes(data[start : start + 4], "big")
    moov = box(b"moov", _inner(data[start + 8 : end], change))
    # FFmpeg reads tables on beyond their boxes; there must be something to read.
    return data[:start] + box(b"free", bytes(end - start - 8)) + data[end:] + moov + box(b"free", bytes(4096))


def _inner(data: bytes, change: Callable[[bytes, bytes], bytes]) -> bytes:
    made, at = [], 0
    while at < len(data):
        size, kind = struct.unpack_from(">I4s", data, at)
        whole = data[at : at + size]
        made.append(change(kind, box(kind, _inner(whole[8:], change)) if kind in _CONTAINERS else whole))
        at += size
    return b"".join(made)
