"""Puts encoded segments and the sound together: packets are copied, none is encoded."""

from __future__ import annotations

import heapq
from array import array
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any, BinaryIO, Protocol

from av.container import InputContainer
from av.packet import Packet
from av.stream import Discard
from av.video.stream import VideoStream

from media.encode import Mp4Writer
from media.errors import EngineError, InputError
from media.progress import Meter
from media.segments.errors import NotSplittable
from media.segments.pictures import EncodedSegment
from media.segments.plan import Segment, ranges
from media.segments.sound import EncodedSound, SourceSound
from media.shown import Shown
from media.side import SideMaterial, read_material
from media.side.material import MaterialWriter
from media.smartcut.hevc import kind
from media.smartcut.hvc import PARAMETER_SETS, headers
from media.source import open_source
from media.specs import SIDE_LOSSES
from media.timeline import timeline
from media.trim import TrimResult
from media.types import NO_LIMITS, Limits, Notices, Progress, no_progress
from media.watchdog import TIMES_LEAP
from media.written import check_written

# Of the source: its length was checked when the plan was made.
_ANY_LENGTH = Limits(max_duration=NO_LIMITS.max_duration)


def join(
    plan: Sequence[Segment],
    pictures: Iterable[tuple[EncodedSegment, BinaryIO]],
    sound: tuple[EncodedSound | SourceSound, BinaryIO] | None,
    target: Path,
    *,
    side: SideMaterial | BinaryIO | None = None,
    on_progress: Progress = no_progress,
) -> TrimResult:
    """Join the segments of `plan` and the sound into the MP4 `target`, whose index is at its end.

    `pictures` gives what `encode_segment` told and wrote of each segment, in the order of the plan; a file is read
    before the next is asked for. `sound` is what was encoded, or the source whose own tracks are copied; None when
    it has none. `side` is what goes along with them
    (`read_material` of the plan's ranges), or the source to read it from; without it that is left out. On any error
    `target` does not exist afterwards.

    Raises:
        InputError: as `open_source`, for a source given as `side`.
        NotSplittable: ends_early (the source ends before the time that its header names), segments_differ (one sample
            entry cannot serve them).
        EngineError: frame_count, times_collide, segment_unreadable, encode_failed, certificate_failed.
    """
    meter, notices = Meter(on_progress, plan[-1].end), Notices()
    made: list[EncodedSegment] = []
    material = side if isinstance(side, SideMaterial | None) else read_material(side, ranges(plan), limits=_ANY_LENGTH)
    with ExitStack() as stack:
        joint = _Joint(stack, target, sound, material)
        for segment, (facts, file) in zip(plan, pictures, strict=True):
            with _opened(file) as container:
                joint.segment(container, facts, meter)
            made.append(facts)
            meter.report(segment.end)
        joint.finish()
        tracks = None if sound is None else sound[0]
        _conclude(made, tracks if isinstance(tracks, EncodedSound) else None, material, notices)
        meter.finish()
    count = 0 if tracks is None else tracks.tracks
    ends = tracks.ends if isinstance(tracks, SourceSound) else None
    check_written(target, joint.shown, audio_tracks=count, duration=plan[-1].end, sound_ends=ends)
    return TrimResult(
        duration=plan[-1].end,
        frames=sum(facts.frames for facts in made),
        audio_tracks=count,
        ranges=ranges(plan),
        reencoded=plan[-1].end,
        warnings=tuple(notices),
        subtitle_tracks=0 if material is None else len(material.tracks),
        chapters=0 if material is None else len(material.chapters),
        covers=0 if material is None else len(material.covers),
    )


def _conclude(
    made: Sequence[EncodedSegment], sound: EncodedSound | None, material: SideMaterial | None, notices: Notices
) -> None:
    """Gather what is to be said of the whole."""
    parts: list[EncodedSegment | EncodedSound] = [*made, *([sound] if sound is not None else [])]
    early = {index for facts in made for index in facts.early}
    if early & set(early if sound is None else sound.early):
        raise NotSplittable("ends_early", "The file ends before the time that its header names.")
    for facts in parts:
        for notice in facts.warnings:
            if (material is None or notice.code not in SIDE_LOSSES) and notice.code != TIMES_LEAP[0]:
                notices.add(notice.code, notice.message)
    # Each has read pictures or sound alone, of which one may pause while the other goes on.
    if any(map(_leaped, made)) and (sound is None or _leaped(sound)):
        notices.add(*TIMES_LEAP)
    for notice in () if material is None else material.warnings:
        notices.add(notice.code, notice.message)
    if len({size for facts in made for size in facts.sizes}) > 1:
        notices.add("size_changed", "The picture changes its size on the way; all of it has the size of the start.")
    if any(facts.damaged for facts in parts):
        notices.add("damaged_frames", "Parts of the source are damaged; what could be decoded was kept.")


def _leaped(facts: EncodedSegment | EncodedSound) -> bool:
    return any(notice.code == TIMES_LEAP[0] for notice in facts.warnings)


class _Joint:
    """The target, opened with the first segment, whose tracks it has."""

    def __init__(
        self,
        stack: ExitStack,
        target: Path,
        sound: tuple[EncodedSound | SourceSound, BinaryIO] | None,
        material: SideMaterial | None,
    ) -> None:
        self._stack, self._target, self._material = stack, target, material
        self._sound_source = None if sound is None else stack.enter_context(_opened(sound[1]))
        self._shifts = sound[0].shifts if sound is not None and isinstance(sound[0], SourceSound) else None
        self._pictures: PictureJoint | None = None
        self._sound: _Sound | None = None
        self._side: MaterialWriter | None = None
        self._like: tuple[Any, ...] = ()

    def segment(self, container: InputContainer, facts: EncodedSegment, meter: Meter) -> None:
        """Copy one segment, and the sound beside it."""
        stream = container.streams.video[0]
        pictures = self._pictures or self._open(container, stream)
        if _settings(stream) != self._like:
            raise NotSplittable("segments_differ", "The segments of a video were encoded with different settings.")
        pictures.begin(facts)
        count, base = 0, stream.time_base or Fraction(0)
        for packet in container.demux(stream):
            if packet.size:
                time = pictures.write(packet) * base
                count += 1
                meter.report(max(time, Fraction(0)))
                if self._sound is not None:
                    self._sound.copy(time)
                if self._side is not None:
                    self._side.advance(time)
        if count != facts.frames:
            raise EngineError("frame_count", f"A segment has {count} frames instead of {facts.frames}.")

    @property
    def shown(self) -> Shown | None:
        """The pictures of all segments."""
        return None if self._pictures is None else self._pictures.shown

    def finish(self) -> None:
        """Write what is held back."""
        if self._pictures is not None:
            self._pictures.finish()
        if self._sound is not None:
            self._sound.copy(None)
        if self._side is not None:
            self._side.finish()

    def _open(self, container: InputContainer, stream: VideoStream) -> PictureJoint:
        title = container.metadata.get("title")
        writer = self._stack.enter_context(Mp4Writer(self._target, index="end", title=title))
        self._like = _settings(stream)
        self._pictures = PictureJoint(writer.copy(stream), stream.codec_context.reorder_depth)
        if self._sound_source is not None:
            self._sound = _Sound(self._sound_source, writer, self._shifts)
        if self._material is not None:
            unit = stream.time_base or Fraction(1)
            self._side = MaterialWriter(self._material, writer.container, [unit])
        return self._pictures


class Placed(Protocol):
    """Where pictures go, in ticks: see `EncodedSegment`."""

    @property
    def start(self) -> int: ...
    @property
    def last(self) -> int: ...
    @property
    def end(self) -> int: ...
    @property
    def step(self) -> int: ...


class Taker(Protocol):
    """A track to which packets are handed."""

    def write(self, packet: Packet[Any]) -> None:
        """Append a packet."""


class PictureJoint:
    """Packets of segments in one track, in decoding order, reordered by at most `delay` frames.

    Decoding times are the sorted times of showing, `delay` frames early: the least that any player needs, and rising
    over every joint. The very last is set so that the track, whose length MP4 counts in decoding times, is as long as
    what it shows.
    """

    def __init__(self, track: Taker, delay: int) -> None:
        self._track, self._delay = track, delay
        self._waiting: list[int] = []
        self._ticks = array("q")
        self._held: tuple[Packet[Any], int, int] | None = None
        self._origin: tuple[int, int] | None = None
        self._offset = self._first = self._end = self._step = self._count = 0
        self._last = self._decoded = self._before = -1 << 62

    @property
    def shown(self) -> Shown:
        """When the pictures are shown."""
        return Shown(self._ticks, self._end)

    def begin(self, facts: Placed) -> None:
        """The next segment."""
        # Where a range ends within half a tick of its last frame, the next one's first frame comes a tick later.
        self._offset, self._first = facts.start, max(facts.start, self._last + 1)
        self._last = max(facts.last, self._first)
        self._end = max(facts.end, self._last + 1)
        self._step = facts.step

    def write(self, packet: Packet[Any]) -> int:
        """Append a packet of the current segment; returns the tick at which it is decoded.

        Raises:
            EngineError: times_collide when two frames have one time, or frames are reordered further than said.
        """
        pts = max((packet.pts or 0) + self._offset, self._first)
        dts = self._decoding_time(pts, (packet.dts or 0) + self._offset)
        if not self._decoded < dts <= pts:
            raise EngineError("times_collide", "The times of the segments do not fit together.")
        self._flush()
        self._decoded = dts
        self._ticks.append(pts)
        if pts == self._last:
            packet.duration = self._end - pts
        self._origin = self._origin or (pts, dts)
        self._held = packet, pts, dts
        return dts

    def finish(self) -> None:
        """Write the last packet."""
        if self._held is None or self._origin is None:
            return
        packet, pts, dts = self._held
        shown, left = self._end - pts, (self._end - self._origin[0]) - (dts - self._origin[1])
        if pts != self._last:
            shown = min(max(left, 1), shown)
        packet.duration = shown
        self._held = packet, pts, max(self._before + 1, dts + left - shown)
        self._flush()

    def _decoding_time(self, pts: int, given: int) -> int:
        self._count += 1
        early = self._delay - self._count + 1
        if early <= 0:
            return heapq.heappushpop(self._waiting, pts)
        heapq.heappush(self._waiting, pts)
        # Before the first frame there is no rule but to rise; the encoder's own times serve unless they leave no room.
        latest = self._waiting[0] - early
        return given if given <= latest else max(self._decoded + 1, latest - early * (self._step - 1))

    def _flush(self) -> None:
        if self._held is not None:
            packet, pts, dts = self._held
            packet.pts, packet.dts = pts, dts
            self._track.write(packet)
            self._held, self._before = None, dts


class _Sound:
    """The sound tracks, copied as far as the pictures have come; `shifts` is by how many ticks each is earlier."""

    def __init__(self, container: InputContainer, writer: Mp4Writer, shifts: Sequence[int] | None) -> None:
        streams = container.streams.audio if shifts is None else timeline(container).audio
        for other in container.streams:
            other.discard = Discard.default if any(other is stream for stream in streams) else Discard.all
        self._tracks = {stream.index: writer.copy(stream) for stream in streams}
        self._shifts = dict(zip(self._tracks, shifts or [0] * len(streams), strict=True))
        self._packets = (self._moved(packet) for packet in container.demux(*streams) if packet.size)
        self._next = next(self._packets, None)

    def copy(self, until: Fraction | None) -> None:
        """Copy what is decoded up to a time of the result; None for all that is left."""
        while self._next is not None and (until is None or _decoded(self._next) <= until):
            self._tracks[self._next.stream_index].write(self._next)
            self._next = next(self._packets, None)

    def _moved(self, packet: Packet[Any]) -> Packet[Any]:
        shift = self._shifts[packet.stream_index]
        if shift and packet.pts is not None:
            packet.pts -= shift
            packet.dts = packet.pts if packet.dts is None else packet.dts - shift
        return packet


def _decoded(packet: Packet[Any]) -> Fraction:
    return (packet.dts or 0) * packet.time_base


def _settings(stream: VideoStream) -> tuple[Any, ...]:
    """What must be the same in all segments for one sample entry to serve them."""
    context = stream.codec_context
    sets: Any = context.extradata or b""
    if context.name == "hevc":
        # Encoders add remarks about themselves, which say nothing about how to decode.
        sets = [unit for unit in headers(sets)[1] if kind(unit) in PARAMETER_SETS]
    return context.name, sets, context.width, context.height, context.pix_fmt, stream.time_base


@contextmanager
def _opened(file: BinaryIO) -> Iterator[InputContainer]:
    try:
        with open_source(file, NO_LIMITS) as container:
            yield container
    except InputError as error:
        raise EngineError("segment_unreadable", f"An encoded piece cannot be read: {error.message}") from error
