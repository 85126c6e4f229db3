"""NAL units in a packet: behind start codes (ITU-T H.264 annex B) or behind their lengths (ISO/IEC 14496-15)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

LENGTH_SIZE = 4
"""Bytes of the length before each unit of what is written."""


def split(data: bytes, length_size: int | None) -> list[bytes]:
    """The units of a packet; `length_size` None means start codes. Units of a view are views where lengths tell them.

    Raises:
        ValueError: a length points past the end of the packet.
    """
    return _by_start_code(bytes(data)) if length_size is None else _by_length(data, length_size)


def join(units: Iterable[bytes]) -> bytes:
    """Units behind four-byte lengths."""
    return b"".join(part for unit in units for part in (len(unit).to_bytes(LENGTH_SIZE, "big"), unit))


def rejoin(data: bytes, length_size: int | None, units: Sequence[bytes]) -> bytes:
    """Like `join`, for units of the packet `data`, which is taken as it is where that is the same."""
    if length_size == LENGTH_SIZE and len(data) == sum(map(len, units)) + LENGTH_SIZE * len(units):
        return data
    return join(units)


def _by_length(data: bytes, size: int) -> list[bytes]:
    units = []
    position, total = 0, len(data)
    while position + size <= total:
        end = position + size + int.from_bytes(data[position : position + size], "big")
        if end > total:
            raise ValueError("a unit is longer than its packet")
        if end > position + size:
            units.append(data[position + size : end])
        position = end
    return units


def _by_start_code(data: bytes) -> list[bytes]:
    units = []
    start = data.find(b"\0\0\1")
    while start >= 0:
        begin = start + 3
        start = data.find(b"\0\0\1", begin)
        unit = data[begin:] if start < 0 else data[begin:start]
        # Zero bytes before a start code belong to it; a unit itself never ends in one.
        unit = unit.rstrip(b"\0")
        if unit:
            units.append(unit)
    return units
