"""The parts of a cut put together: ranges in order, pictures and sound side by side, and the check at the end."""

from __future__ import annotations

import math
from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from av.packet import Packet
from av.stream import Discard
from av.video.stream import VideoStream

from media import specs
from media.errors import InputError
from media.progress import Meter
from media.ranges import FARTHEST, Cuts, most_edges
from media.side import Side
from media.smartcut.audio import RUN_UP, CopiedSound, Room, Track, can_copy
from media.smartcut.bulk.carry import Carrier
from media.smartcut.certificate import Claim, certify
from media.smartcut.choose import codec_of
from media.smartcut.edges import EdgeEncoder
from media.smartcut.entry import entry_before, packets_from
from media.smartcut.errors import NotCuttable
from media.smartcut.gops import End, RangeCut
from media.smartcut.mux import Output, PictureTrack, track_id, unit_of
from media.smartcut.nal import LENGTH_SIZE
from media.smartcut.pictures import Pictures, Span
from media.smartcut.resound import EncodedSound
from media.smartcut.result import SmartCutResult
from media.smartcut.sync import Opened
from media.smartcut.witness import Witness
from media.types import Notices, Range, seconds
from media.watchdog import TIMES_LEAP, Watchdog

CRF = 14
# Streams interleave loosely; sound that is this far behind the picture will not come.
_INTERLEAVE = Fraction(10)
# How much later than asked a range may end: a frame, or a group of reordered frames.
_SLACK: dict[End, Fraction] = {"exact": Fraction(0), "border": Fraction(1)}
# Text is at most this far behind, in a file that is in order.
_TEXTS_BEHIND = Fraction(1)
_REPORT_EVERY = 64
_HDR = (
    "The frames that are encoded at the cuts keep the colour tags, but no HDR mastering data (HDR10, HDR10+, Dolby "
    "Vision); those that are copied keep it."
)
_EMPTY = "The ranges that are kept hold no sound of these sound tracks, which are left out: {}."


class Assembly:
    """Cuts an opened source; `finer` is by how much the quality of the edges (CRF) is better than usual.

    Raises:
        NotCuttable: no_video, no_timestamps, and as `codec_of`.
    """

    def __init__(
        self, source: Opened, target: Path, threads: int, meter: Meter, *, finer: int = 0, cuts: Cuts = "frames"
    ) -> None:
        container, line = source.container, source.line
        if line.video is None:
            raise NotCuttable("no_video", "The file has no moving picture.")
        self._source, self._target, self._meter = source, target, meter
        self._container, self._line = container, line
        self._video = line.video
        self._unit = line.video.time_base or Fraction(1, 90_000)
        self._interval = math.ceil(1 / line.rate / self._unit) + 1 if cuts == "frames" else 0
        self._notices = Notices()
        self._at = self._begin = Fraction(0)
        self._announced = False
        self._ids: list[int] = []
        self._carrier: Carrier | None = None
        self._codec = codec_of(line.video)
        self._threads, self._finer = threads, finer
        self._seen: list[dict[int, array[int]]] = []
        specs.note_losses(container, line, self._notices, side="kept")
        self._side = Side(container, line, self._notices)
        used = {line.video.index, *(stream.index for stream in line.audio), *self._side.indexes}
        for stream in container.streams:
            stream.discard = Discard.default if stream.index in used else Discard.all

    def run(self, ranges: Sequence[tuple[Fraction, Fraction]], until: End) -> SmartCutResult:
        """Write the ranges of seconds one after the other, and check what was written.

        Raises:
            NotCuttable, InputError, EngineError: as `media.smartcut.smart_cut`.
        """
        encoder = EdgeEncoder(
            self._video,
            self._codec,
            time_base=unit_of(self._video),
            rate=self._line.rate,
            crf=CRF - self._finer,
            threads=self._threads,
        )
        with Output(
            self._target, title=self._container.metadata.get("title"), bulk=self._source.table is not None
        ) as output:
            headers = self._codec.extradata(encoder.headers() if until == "exact" else b"")
            track = output.pictures(
                self._video,
                tag=self._codec.tag,
                extradata=headers,
                delay=self._video.codec_context.reorder_depth,
                rate=self._line.rate,
            )
            tick = self._meter.tick
            witness = Witness(self._video, headers, unit=track.time_base, threads=self._threads, on_work=tick)
            most = most_edges(ranges, self._line.rate)
            pictures = Pictures(track, self._video, self._codec, encoder, witness=witness, most=most, on_work=tick)
            tracks = self._tracks(output)
            self._ids = [track_id(stream) for stream in output.container.streams.audio]
            self._carrier = self._carrier_of(output, pictures, tracks)
            self._side.open(output.container, [track.time_base])
            for start, end in ranges:
                self._range(pictures, tracks, start, end, until)
            self._side.finish()
            pictures.finish()
            for sound in tracks:
                sound.finish()
        return self._result(pictures, track, tracks, witness)

    def _result(
        self, pictures: Pictures, track: PictureTrack, tracks: Sequence[Track], witness: Witness
    ) -> SmartCutResult:
        heard = {number: sound for number, sound in enumerate(tracks) if not sound.empty}
        empty = [str(number + 1) for number in range(len(tracks)) if number not in heard]
        if empty:
            self._notices.add("audio_track_empty", _EMPTY.format(", ".join(empty)))
        claim = Claim(
            spans=pictures.spans,
            seams=pictures.seams,
            frames=track.frames,
            duration=self._at,
            unit=track.time_base,
            sound={number: self._ids[number] for number in heard},
            copied_sound={
                number: sound.packet for number, sound in enumerate(tracks) if isinstance(sound, CopiedSound)
            },
            read=[np.array(seen[self._video.index], np.int64) for seen in self._seen],
            heard=[
                {number: np.array(seen[sound.stream.index], np.int64) for number, sound in enumerate(tracks)}
                for seen in self._seen
            ],
            marks=pictures.marks,
            witness=witness,
            carried=() if self._carrier is None else self._carrier.done,
        )
        if pictures.hdr:
            self._notices.add("hdr_metadata_dropped_at_cuts", _HDR)
        seams = certify(self._source, self._target, claim, threads=self._threads, on_work=self._meter.tick)
        reencoded = pictures.encoded_ticks * track.time_base
        return SmartCutResult(
            duration=self._at,
            frames=track.frames,
            audio_tracks=len(heard),
            ranges=tuple(self._shown(span) for span in pictures.spans),
            copied=self._at - reencoded,
            reencoded=reencoded,
            seams=seams,
            warnings=tuple(self._notices),
            subtitle_tracks=self._side.subtitle_tracks,
            chapters=self._side.chapters,
            covers=self._side.covers,
        )

    def _tracks(self, output: Output) -> list[Track]:
        origin, room = self._line.origin, Room()
        tracks: list[Track] = []
        for stream in self._line.audio:
            if can_copy(stream):
                tracks.append(CopiedSound(stream, output.sound(stream), origin, room))
            else:
                spec = specs.audio_spec(stream, self._notices)
                tracks.append(EncodedSound(stream, output.encoded_sound(spec), origin, room, self._meter.tick))
        return tracks

    def _carrier_of(self, output: Output, pictures: Pictures, tracks: Sequence[Track]) -> Carrier | None:
        """What copies runs of samples as bytes; None where packets are needed: other sound, texts, no index."""
        source, codec = self._source, self._codec
        sounds = [sound for sound in tracks if isinstance(sound, CopiedSound)]
        if source.file is None or source.table is None or codec.length_size != LENGTH_SIZE:
            return None
        if len(sounds) < len(tracks) or self._side.indexes:
            return None
        return Carrier(
            source.file,
            self._video,
            source.table,
            codec=codec,
            output=output,
            pictures=pictures,
            sounds=sounds,
            on_tick=self._carried_to,
        )

    def _range(self, pictures: Pictures, tracks: Sequence[Track], start: Fraction, end: Fraction, until: End) -> None:
        first, last = self._tick(start), self._tick(end)
        if until == "border":
            first = entry_before(
                self._container, self._video, self._codec, first, self._line.origin, on_work=self._meter.tick
            )
            if first >= last:
                raise NotCuttable("no_entry_point", "No keyframe stands in or before a range to begin copying at.")
        cut = RangeCut(
            self._codec,
            pictures,
            first,
            last,
            headers=self._video.codec_context.extradata or b"",
            interval=self._interval,
            until=until,
        )
        pictures.begin(cut, self._at)
        self._begin = cut.start * self._unit
        if self._carrier is not None:
            self._carrier.begin()
        for sound in tracks:
            sound.open(cut.start * self._unit - self._line.origin, end, _SLACK[until])
        self._side.look_back(self._container, cut.start * self._unit - self._line.origin)
        self._feed(cut, pictures, tracks)
        span = pictures.end(cut.stop)
        if span is None:
            raise InputError("invalid_range", f"No picture is on show in the range from {seconds(start)} s.")
        if until == "exact":
            _require_close(self._shown(span), start, end)
        self._at += (span.stop - span.first) * self._unit
        for sound in tracks:
            sound.close(self._at)
        self._side.end(self._at)
        if until == "border":
            shown = self._shown(span)
            self._notices.add(
                "snapped_to_keyframes",
                "Nothing was encoded: cuts were moved to keyframes; the first range runs from "
                f"{seconds(shown.start)} s to {seconds(shown.end or end)} s.",
            )
        self._meter.report(self._at)

    def _feed(self, cut: RangeCut, pictures: Pictures, tracks: Sequence[Track]) -> None:
        by_index: dict[int, Callable[[Packet[Any]], None]] = {sound.stream.index: sound.feed for sound in tracks}
        by_index |= dict.fromkeys(self._side.indexes, self._side.take)
        streams: list[Any] = [self._video, *(sound.stream for sound in tracks), *self._side.streams(self._container)]
        lead = RUN_UP if tracks else Fraction(0)
        self._announced = False
        # Noted apart from what is made of the packets, for the check at the end.
        seen = {stream.index: array("q") for stream in (self._video, *(sound.stream for sound in tracks))}
        self._seen.append(seen)
        watchdog = Watchdog()
        packets = packets_from(self._container, streams, cut.start, lead, self._line.origin, watchdog=watchdog)
        leap = self._read(packets, cut, pictures, tracks, by_index)
        while leap is not None:
            packets = packets_from(self._container, streams, leap, Fraction(0), self._line.origin, watchdog=watchdog)
            leap = self._read(_since(packets, self._video, leap), cut, pictures, tracks, by_index)
        cut.finish()
        if watchdog.leaped:
            self._notices.add(*TIMES_LEAP)
        if not self._announced:
            self._announce(pictures, tracks)

    def _read(
        self,
        packets: Iterable[Packet[Any]],
        cut: RangeCut,
        pictures: Pictures,
        tracks: Sequence[Track],
        by_index: Mapping[int, Callable[[Packet[Any]], None]],
    ) -> int | None:
        """Hand out the packets of a range, until all have come; a tick where samples were copied up to there, so that
        packets are wanted from there on."""
        end = cut.end * self._unit
        picture, seen = self._video.index, self._seen[-1]
        latest: dict[int, tuple[int, int]] = {}
        for number, packet in enumerate(packets):
            if number % _REPORT_EVERY == 0:
                self._report(packet, cut, announced=self._announced)
            if packet.pts is not None and packet.stream_index in seen:
                seen[packet.stream_index].append(packet.pts)
                latest[packet.stream_index] = (packet.pos or 0, packet.pts)
            if packet.stream_index != picture:
                by_index[packet.stream_index](packet)
            elif not cut.done:
                cut.feed(packet)
                pictures.require_few(cut.waiting)
                self._announced = self._announced or self._announce(pictures, tracks)
                leap = None if self._carrier is None else self._carrier.carry(cut, latest, seen)
                if leap is not None:
                    return leap
            if cut.done and self._has_all(tracks, _decoded(packet) - end):
                break
        return None

    def _has_all(self, tracks: Sequence[Track], past: Fraction) -> bool:
        """Whether sound and text of a range have come, when the file has been read `past` seconds beyond its end."""
        complete = all(sound.full for sound in tracks) and (past > _TEXTS_BEHIND or not self._side.indexes)
        return complete or past > _INTERLEAVE

    def _report(self, packet: Packet[Any], cut: RangeCut, *, announced: bool) -> None:
        """Tell how far the range has come, by what is read of it."""
        begin, end = cut.start * self._unit, cut.end * self._unit
        time = Fraction(0) if packet.pts is None else packet.pts * packet.time_base
        done = self._at + min(max(time, begin), end) - begin
        self._meter.report(done)
        if announced:
            self._side.advance(done)

    def _carried_to(self, tick: int) -> None:
        """Tell how far runs of samples have come."""
        self._meter.report(self._at + tick * self._unit - self._begin)

    def _announce(self, pictures: Pictures, tracks: Sequence[Track]) -> bool:
        """Tell the sound where the range begins, as soon as that is known."""
        if pictures.start is None:
            return False
        for sound in tracks:
            sound.begin(pictures.start * self._unit - self._line.origin, self._at)
        self._side.begin(pictures.start * self._unit - self._line.origin, self._at)
        return True

    def _tick(self, time: Fraction) -> int:
        """The first tick of the picture at or after a time."""
        return math.ceil((time + self._line.origin) / self._unit)

    def _shown(self, span: Span) -> Range:
        origin = self._line.origin
        return Range(span.first * self._unit - origin, span.stop * self._unit - origin)


def _require_close(cut: Range, start: Fraction, end: Fraction) -> None:
    """A range goes from frame to frame; where frames are far apart (slides) that would cut away what was asked."""
    if abs(cut.start - start) > FARTHEST or abs((cut.end or end) - end) > FARTHEST:
        raise NotCuttable("sparse_pictures", "At a cut the pictures of the source are too far apart.")


def _since(packets: Iterable[Packet[Any]], video: VideoStream, tick: int) -> Iterator[Packet[Any]]:
    """Packets without the pictures that come before the one shown at a tick."""
    there = False
    for packet in packets:
        there = there or (packet.stream_index == video.index and packet.pts == tick)
        if there or packet.stream_index != video.index:
            yield packet


def _decoded(packet: Packet[Any]) -> Fraction:
    """When a packet is decoded, in seconds of the container's own time."""
    return (packet.dts or 0) * packet.time_base
