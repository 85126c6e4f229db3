"""Packets kept in memory, because an edge may have to be decoded from them."""

from __future__ import annotations

from typing import Any

from av.packet import Packet

from media.smartcut.errors import NotCuttable

MAX_BYTES = 96 << 20
MAX_PACKETS = 3_600


class RunUp:
    """The packets from the last `groups` entries on; older ones are let go."""

    def __init__(self, groups: int) -> None:
        self._limit = groups
        self._groups: list[list[Packet[Any]]] = []
        self._bytes = self._packets = 0
        self._overflown = self._let_go = False

    def __bool__(self) -> bool:
        return bool(self._groups)

    def add(self, packet: Packet[Any], *, entry: bool) -> None:
        """Append the next packet; decoding may begin at an entry. What comes before the first entry is dropped."""
        if entry:
            self._let_go = self._let_go or len(self._groups) == self._limit
            self._groups = [*self._groups, []][-self._limit :]
            self._packets = sum(len(group) for group in self._groups)
            self._bytes = sum(kept.size for group in self._groups for kept in group)
            self._overflown = False
        if not self._groups or self._overflown:
            return
        self._groups[-1].append(packet)
        self._packets += 1
        self._bytes += packet.size
        if self._packets > MAX_PACKETS or self._bytes > MAX_BYTES:
            self._groups = [[]]
            self._overflown = True

    def to(self, pts: int) -> list[Packet[Any]]:
        """All packets from the last entry that is shown at or before `pts`, or from the very first one.

        Raises:
            NotCuttable: keyframes_too_far, when they are too many to be kept; reorder_changes, when those from that
                entry on were let go, because so much is never reordered.
        """
        self.require_whole()
        chosen: list[Packet[Any]] = []
        for group in reversed(self._groups):
            chosen = group + chosen
            if group[0].pts is not None and group[0].pts <= pts:
                return chosen
        if self._let_go:
            raise NotCuttable("reorder_changes", "The times of the source's pictures do not fit their order.")
        return chosen

    def require_whole(self) -> None:
        """Check that the packets since the last entry are all here.

        Raises:
            NotCuttable: keyframes_too_far, when they are too many to be kept.
        """
        if self._overflown:
            raise NotCuttable("keyframes_too_far", "The keyframes of the source are too far apart.")

    def since(self, pts: int) -> list[Packet[Any]]:
        """All packets from the one shown at `pts` on; none if they are too many to be kept."""
        packets = [packet for group in self._groups for packet in group]
        found = next((n for n, packet in enumerate(packets) if packet.pts == pts), len(packets))
        return packets[found:]
