"""Divides the pictures of one keep range into what is copied and what is encoded, while its packets go by.

    shown    … │ start                                        end │ …
    decoded  K · · · ·  E · · · · · · · · · K · · · · · · · B · · X · ·
             run-up     copied ─────────────────────────────┘ tail

Copying begins at E, the first entry inside the range, and ends at B, the last border inside it: a place in the decoding
order before which exactly the pictures shown first have come. Pictures that are shown before E or after B, but inside
the range, are encoded; to decode them, packets from the entry before them on are kept in memory.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal, Protocol, cast

from av.packet import Packet

from media.smartcut.codec import Codec, Kind, Picture
from media.smartcut.entry import MAX_REORDER
from media.smartcut.errors import NotCuttable
from media.smartcut.runup import RunUp
from media.smartcut.whole import mark

# How many packets are held back to find borders among them.
_WINDOW = 64
_MAX_WINDOW = 1_000

End = Literal["exact", "border"]


@dataclass(slots=True)
class Access:
    """A picture of the source that is copied; times in ticks of the source. `mark` tells the sample from others."""

    picture: Picture
    pts: int
    duration: int
    key: bool
    mark: int
    entry: bool = False


@dataclass(frozen=True, slots=True)
class Edge:
    """Packets to decode, and the frames of them that are wanted: `count` with `first ≤ pts < end`, shown to `stop`."""

    packets: list[Packet[Any]]
    first: int
    end: int
    count: int
    stop: int


class Writer(Protocol):
    """Where the pictures go."""

    def expect(self, packets: list[Packet[Any]]) -> None:
        """The first tick shown is known, long before it is clear what is copied; `packets` are those of the edge."""

    def copy(self, access: Access) -> None:
        """Write a picture as it is."""

    def encode(self, edge: Edge) -> None:
        """Decode and encode the wanted frames of an edge."""


class RangeCut:
    """Takes the packets around `[start, end)` ticks in decoding order and calls the writer in output order.

    The leading edge is handed to `encode` even when no frame of it is wanted. `first` is the first tick shown, None
    until it is known and where no frame begins in the range; `stop` the tick at which its last frame goes: that of the
    next frame where this is at most `interval` after the end, else the end. `headers` is what the stream declares up
    front. With `until` “border” the range ends at the first border at or after its end, and no tail is encoded.

    Raises:
        NotCuttable: headers_change, no_timestamps, damaged_pictures, edited_timeline, no_entry_point,
            keyframes_too_far, reorder_changes.
    """

    def __init__(
        self,
        codec: Codec,
        writer: Writer,
        start: int,
        end: int,
        *,
        headers: bytes,
        interval: int,
        until: End = "exact",
    ) -> None:
        self._codec, self._writer, self._until = codec, writer, until
        self._headers = headers
        self.start, self.end, self.interval = start, end, interval
        self.first: int | None = None
        self.stop = end
        self.ready = self.done = False
        self._run_up = RunUp(1)
        self._early: list[int] = []
        self._entry: Access | None = None
        self._window: list[Access] = []
        self._late: list[int] = []
        self._beyond: list[int] = []

    def feed(self, packet: Packet[Any]) -> None:
        """Take the next packet of the picture."""
        access = self._access(packet)
        decodable = access.picture.kind is Kind.ENTRY or (access.picture.kind is Kind.INTRA and access.key)
        if self.ready:
            # Of groups beyond the end many may come before all is there, and none must push out what the tail needs.
            self._run_up.add(packet, entry=decodable and not self._beyond)
            self._follow(access)
        elif self._entry is None:
            self._scan(packet, access, decodable)
        elif access.picture.kind is Kind.LEADING:
            self._run_up.add(packet, entry=False)
            self._early += [access.pts] * (self.start <= access.pts < self.end)
        else:
            self._begin()
            self._run_up.add(packet, entry=decodable)
            self._follow(access)

    @property
    def waiting(self) -> int:
        """How many pictures that are to be encoded have come before the entry."""
        return 0 if self.ready else len(self._early)

    @property
    def waiting_to_be_copied(self) -> int | None:
        """How many of the pictures fed last wait to be copied, while nothing else is done; None at the edges."""
        edge = not self.ready or self.done or self._entry is None or self._beyond or self._late
        return None if edge or any(access.entry for access in self._window) else len(self._window)

    def leap(self) -> None:
        """What waited, and what follows, is copied otherwise, up to a picture at which decoding may begin."""
        self._window, self._run_up = [], RunUp(2)

    def finish(self) -> None:
        """The stream ends, or nothing more of this range will come."""
        if not self.done:
            self._settle()

    def _access(self, packet: Packet[Any]) -> Access:
        if packet.pts is None:
            raise NotCuttable("no_timestamps", "The source does not say when its pictures are shown.")
        if packet.has_sidedata("new_extradata") and bytes(packet.get_sidedata("new_extradata")) != self._headers:
            raise NotCuttable("headers_change", "The parameter sets of the source change on the way.")
        if packet.is_discard and self.start <= packet.pts < self.end:
            raise NotCuttable("edited_timeline", "The edit list of the source hides pictures inside the range.")
        if packet.is_corrupt:
            raise NotCuttable("damaged_pictures", "A picture of the source is damaged.")
        try:
            picture = self._codec.picture(_view(packet))
        except (ValueError, IndexError) as error:
            raise NotCuttable("damaged_pictures", "A picture of the source is damaged.") from error
        return Access(picture, packet.pts, packet.duration or 0, packet.is_keyframe, mark(picture.sample))

    def _scan(self, packet: Packet[Any], access: Access, decodable: bool) -> None:
        """Before the entry: keep what the leading edge is decoded from."""
        enters = access.picture.kind is Kind.ENTRY and self.start <= access.pts < self.end
        self._run_up.add(packet, entry=decodable and (access.pts <= self.start or not self._run_up))
        if enters:
            self._entry = replace(access, entry=True)
        elif access.pts >= self.end:
            self._pass(access.pts)
        elif access.pts >= self.start:
            if not self._run_up:
                raise NotCuttable("no_entry_point", "Decoding cannot begin before the first picture of a range.")
            # The entry that could decode it has passed.
            self._run_up.require_whole()
            self._early.append(access.pts)
            if len(self._early) == MAX_REORDER + 1:
                self.first = min(self._early)
                self._writer.expect(self._run_up.to(self.start))

    def _begin(self) -> None:
        """All pictures shown before the entry have come."""
        shown = [*self._early, *([] if self._entry is None else [self._entry.pts])]
        self.first = min(shown, default=None)
        end = self.end if self._entry is None else self._entry.pts
        self.ready = True
        if self._entry is None:
            self._set_stop(self._beyond)
        stop = self.stop if self._entry is None else end
        self._writer.encode(Edge(self._run_up.to(self.start), self.start, end, len(self._early), stop))
        if self._entry is not None:
            leading, self._run_up = self._run_up, RunUp(2)
            for number, packet in enumerate(leading.since(self._entry.pts)):
                self._run_up.add(packet, entry=number == 0)
            self._window = [self._entry]

    def _follow(self, access: Access) -> None:
        if access.pts >= self.end:
            if self._until == "border":
                self._window.append(access)
            self._pass(access.pts)
        elif self._beyond and self._until == "exact":
            self._late.append(access.pts)
        else:
            self._window.append(access)
            if len(self._window) >= _WINDOW and not self._beyond:
                self._advance()

    def _pass(self, pts: int) -> None:
        self._beyond.append(pts)
        if len(self._beyond) > MAX_REORDER:
            self._settle()

    def _advance(self) -> None:
        """Copy up to the last border that no later picture can undo."""
        cut = self._borders(len(self._window) - MAX_REORDER - 1)
        if not cut and len(self._window) > _MAX_WINDOW:
            raise NotCuttable("reorder_changes", "The times of the source's pictures do not fit their order.")
        self._flush(max(cut, default=0))

    def _settle(self) -> None:
        """Everything shown inside the range has come."""
        self.done = True
        if not self.ready:
            self._begin()
        if self._entry is None:
            return
        borders = self._borders(len(self._window))
        if self._until == "border":
            cut = min((n for n in borders if all(a.pts >= self.end for a in self._window[n:])), default=borders[-1])
            self._beyond = [access.pts for access in self._window[cut:]]
            self._window = self._window[:cut]
        else:
            cut = max(borders, default=0)
        rest = [*(access.pts for access in self._window[cut:]), *self._late]
        self._set_stop(self._beyond)
        if not rest:
            last = max(range(cut), key=lambda n: self._window[n].pts)
            self._window[last] = replace(self._window[last], duration=self.stop - self._window[last].pts)
        self._flush(cut)
        if rest:
            self._writer.encode(Edge(self._run_up.to(min(rest)), min(rest), self.end, len(rest), self.stop))

    def _set_stop(self, beyond: list[int]) -> None:
        following = min(beyond, default=None)
        if following is None and self._until == "border":
            # The file ends: what was copied beyond the end is shown as long as it lasts.
            self.stop = max([self.end, *(access.pts + access.duration for access in self._window)])
        elif following is not None and (self._until == "border" or following - self.end <= self.interval):
            self.stop = following

    def _borders(self, limit: int) -> list[int]:
        """Places 1 … limit of the window before which no picture is shown later than any after it, in order."""
        lowest = min(self._late, default=None)
        after: list[int | None] = []
        for access in reversed(self._window):
            after.append(lowest)
            lowest = access.pts if lowest is None else min(lowest, access.pts)
        after.reverse()
        found, highest = [], None
        for number, access in enumerate(self._window[:limit]):
            highest = access.pts if highest is None else max(highest, access.pts)
            following = after[number]
            if following is None or highest < following:
                found.append(number + 1)
        return found

    def _flush(self, count: int) -> None:
        for access in self._window[:count]:
            self._writer.copy(access)
        del self._window[:count]


def _view(packet: Packet[Any]) -> bytes:
    """The bytes of a packet without a copy."""
    return cast(bytes, memoryview(cast(Any, packet)))
