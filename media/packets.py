"""Packets of a container, past what is damaged."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from av.container import InputContainer
from av.error import InvalidDataError
from av.packet import Packet
from av.stream import Stream

_MAX_READ_ERRORS = 1_000


def packet_of(data: bytes) -> Packet[Any]:
    """A packet with a copy of `data` for a decoder.

    `Packet(data)` would lend the bytes of Python to FFmpeg, to be given back under Python's lock by whoever is last to
    use them. That may be a thread of a decoder which is just being closed, under that very lock, until the thread ends.
    """
    packet: Packet[Any] = Packet(len(data))
    packet.update(data)
    return packet


def packets(
    container: InputContainer, *streams: Stream, on_damage: Callable[[], None] | None = None
) -> Iterator[Packet[Any]]:
    """Yield the packets of `streams` in the order of the file, from where it stands.

    What cannot be read is passed over, and `on_damage` called for it; where nothing else follows, the file ends. PyAV
    ends with an empty packet (`size` 0) for each stream, which drains its decoder.
    """
    failures = 0
    while failures < _MAX_READ_ERRORS:
        try:
            for packet in container.demux(*streams):
                failures = 0
                yield packet
        except InvalidDataError:
            failures += 1
            if on_damage is not None:
                on_damage()
        else:
            return
