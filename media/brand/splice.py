"""Branding by copying: only the cards, their crossfades and the body's edges beside them are encoded.

    body               │I b b P b b P│I b b P b b P│I b b P b b P│
                        mixed                             mixed
    output    │C C C C C M M b b P P │I b b P b b P│I P P P M M M C C C C│
               drawn ────────┘ └edge─┘   copied    └edge──┘ └────── drawn

Where something is laid over the body for a while, it is encoded for that while, and copied before and after it; what is
long of that may have been encoded in segments before (`media.brand.inlay`).
Drawn, mixed and painted pictures are encoded like the edges of a smart cut (`media.smartcut`), under the same parameter
sets, in one track with what is copied. The body is read once: its pictures are divided by `RangeCut`s around what is
mixed and painted, its sound is mixed and encoded, its texts are moved. Then `media.brand.proof` measures the result.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from fractions import Fraction
from itertools import chain
from pathlib import Path
from typing import Any, BinaryIO

import av
import numpy as np
from av.error import FFmpegError
from av.packet import Packet

from media import specs
from media.brand.body import BodyPackets, BodySound
from media.brand.inlay import Inlay
from media.brand.mixing import Mixer
from media.brand.passage import Passage
from media.brand.proof import Claim, prove
from media.brand.result import BrandResult
from media.brand.spec import BrandSpec
from media.brand.stage import NO_PICTURE, Stage, sound_specs, stored_canvas
from media.brand.stretches import stretches
from media.brand.strip import Place, Strip
from media.brand.whole import EARLY, ENDS_EARLY
from media.errors import InputError
from media.loudness import Level, Levelled, Writable, levelled
from media.progress import Meter
from media.readahead import announce
from media.segments.pictures import WITHOUT_TIMES
from media.side import Side
from media.smartcut.assembly import CRF
from media.smartcut.choose import codec_of
from media.smartcut.edges import EdgeEncoder, decode
from media.smartcut.entry import MAX_REORDER
from media.smartcut.errors import NotCuttable
from media.smartcut.gops import RangeCut
from media.smartcut.index import shown_ticks
from media.smartcut.mux import Output, removed_on_error, unit_of
from media.smartcut.runup import MAX_BYTES
from media.smartcut.sync import Opened
from media.source import open_source
from media.timeline import timeline
from media.types import Limits, Notices

_HALF = Fraction(1, 2)
_REPORT_EVERY = 64


def splice(
    body: BinaryIO,
    target: Path,
    spec: BrandSpec,
    *,
    limits: Limits,
    threads: int,
    meter: Meter,
    levels: Sequence[Level] = (),
    inlay: Inlay | None = None,
) -> BrandResult:
    """Write `body` with the cards of `spec` into the MP4 `target`; errors as of `media.brand.brand`.

    `levels` are what each sound track is brought to, none to leave them; `inlay` is what of the painted stretches was
    encoded already.

    Raises:
        NotCuttable: the body cannot be copied, or the result did not pass its check; encode everything.
        NotSplittable: segments_differ, when the inlay does not fit; do without it.
    """
    with ExitStack() as stack:
        container = stack.enter_context(open_source(body, limits))
        line = timeline(container)
        limits.check_duration(line.duration)
        if line.video is None:
            raise InputError("no_video", NO_PICTURE)
        shown = shown_ticks(body, container, line.video)
        announce(body, container, line, [(Fraction(0), line.duration)])
        stack.enter_context(removed_on_error(target))
        try:
            opened = Opened(container, line, shown)
            show = _Show(opened, spec, stack, limits=limits, threads=threads, meter=meter, inlay=inlay)
            return show.run(target, levels)
        except FFmpegError as error:
            raise NotCuttable("damaged_pictures", "The video is damaged.") from error


class _Show:
    """The body, opened, and everything that goes around it.

    Times in seconds are of the output. Ticks are of the body: its pictures from `_first` to before `_end` are whole,
    those before and after, to before `_stop`, are mixed with a card.
    """

    def __init__(
        self,
        source: Opened,
        spec: BrandSpec,
        stack: ExitStack,
        *,
        limits: Limits,
        threads: int,
        meter: Meter,
        inlay: Inlay | None,
    ) -> None:
        container, line, video = source.container, source.line, source.line.video
        assert video is not None
        if container.format.name in WITHOUT_TIMES:
            raise NotCuttable("no_timestamps", "Files of this kind do not say when their pictures are shown.")
        self._source, self._video, self._threads, self._meter = source, video, threads, meter
        self._inlay, self._laid = inlay, list[tuple[int, int]]()
        self._codec = codec_of(video)
        # Decoding the first picture may change what the stream says of all.
        self._delay, self._headers = video.codec_context.reorder_depth, video.codec_context.extradata or b""
        self._notices = Notices()
        specs.note_losses(container, line, self._notices, side="kept")
        self._side = Side(container, line, self._notices)
        self._packets = BodyPackets(source, video, self._side)
        self._pictures = self._packets.pictures()
        self._unit, self._tick = video.time_base or Fraction(1, 90_000), unit_of(video)
        canvas = stored_canvas(line, self._packets.first_picture())
        self._stage = Stage(line, canvas, spec, stack, tick=self._tick, limits=limits)
        self._plan = self._stage.plan
        meter.total = self._plan.duration
        self._first, self._end, self._stop = self._borders()
        self._mixers: list[Mixer] = []
        self._mixed = 0
        self._read = array("q")
        self._interval = math.ceil(1 / line.rate / self._unit) + 1

    def _borders(self) -> tuple[int, int, int]:
        """Where pictures are whole, by `Plan.weight`, and where the body ends, in ticks."""
        plan, origin = self._plan, self._source.line.origin
        lead = (plan.intro_overlap - _HALF) * plan.frame if plan.intro_overlap else Fraction(0)
        last = plan.body - (plan.outro_overlap + _HALF) * plan.frame
        stop = math.ceil((plan.body + origin) / self._unit)
        end = math.floor((last + origin) / self._unit) + 1 if plan.outro_overlap else stop
        return math.ceil((lead + origin) / self._unit), end, stop

    def run(self, target: Path, levels: Sequence[Level]) -> BrandResult:
        """Write and prove it."""
        line, video = self._source.line, self._video
        wanted = sound_specs(line, (self._stage.intro, self._stage.outro), self._notices)
        encoder = EdgeEncoder(video, self._codec, time_base=self._tick, rate=line.rate, crf=CRF, threads=self._threads)
        headers = self._codec.extradata(encoder.headers())
        self._laid = [] if self._inlay is None else self._inlay.open(line, headers)
        with Output(target, title=self._source.container.metadata.get("title")) as output:
            pictures = output.pictures(
                video,
                tag=self._codec.tag,
                extradata=headers,
                delay=self._delay,
                rate=line.rate,
            )
            tracks = [output.encoded_sound(spec) for spec in wanted]
            self._side.open(output.container, [pictures.time_base])
            sounds = levelled(tracks, levels)
            self._mix(sounds)
            head = self._read_head()
            strip = Strip(pictures, video, self._codec, encoder, place=self._place(head), on_work=self._meter.tick)
            self._play(strip, head)
            for sound in sounds:
                if isinstance(sound, Levelled):
                    sound.flush()
            for track in tracks:
                track.finish()
        return self._result(target, strip, len(tracks))

    def _result(self, target: Path, strip: Strip, tracks: int) -> BrandResult:
        plan = self._plan
        pictures = self._mixed + strip.copies + len(strip.encoded) + strip.painted + len(strip.laid)
        read = np.array(self._read, np.int64)
        body = (self._first, self._end, self._stop)
        claim = Claim(
            plan,
            self._tick,
            strip,
            body=body,
            pictures=pictures,
            read=read,
            audio_tracks=tracks,
            painted=self._painted,
        )
        seams = prove(self._source, target, claim, threads=self._threads, on_work=self._meter.tick)
        if self._packets.reach < plan.body - EARLY:
            self._notices.add(*ENDS_EARLY)
        reencoded = min(strip.encoded_ticks * self._tick, plan.duration) if strip.copies else plan.duration
        return BrandResult(
            duration=plan.duration,
            frames=strip.frames,
            body_frames=pictures,
            audio_tracks=tracks,
            segments=plan.segments,
            copied=plan.duration - reencoded,
            reencoded=reencoded,
            seams=seams,
            warnings=tuple(self._notices),
            subtitle_tracks=self._side.subtitle_tracks,
            chapters=self._side.chapters,
            covers=self._side.covers,
        )

    def _read_head(self) -> list[Packet[Any]]:
        """The pictures up to where no more of those will come that are mixed with the intro, or shown first of all."""
        head: list[Packet[Any]] = []
        size = later = 0
        for packet in self._pictures:
            head.append(packet)
            size += packet.size
            later += (packet.pts or 0) >= self._first
            if later > MAX_REORDER:
                break
            if size > MAX_BYTES:
                raise NotCuttable("keyframes_too_far", "The pictures of the crossfade are too many to be kept.")
        if not head:
            raise NotCuttable("damaged_pictures", "The video has no picture that can be read.")
        return head

    def _place(self, head: Sequence[Packet[Any]]) -> Place:
        """The first picture of all is shown with the beginning of the body, also where it comes a little later."""
        begin, shift = min(packet.pts or 0 for packet in head), self._plan.body_start - self._source.line.origin
        return Place(self._unit, self._tick, shift, moved=begin, first=round(self._plan.body_start / self._tick))

    def _mix(self, tracks: Sequence[Writable]) -> None:
        stage, line = self._stage, self._source.line
        self._mixers = [
            Mixer(track, stage.plan, intro=None if number else stage.intro, outro=None if number else stage.outro)
            for number, track in enumerate(tracks)
        ]
        self._packets.sounds = {
            stream.index: BodySound(stream, mixer, origin=line.origin, end=stage.plan.body)
            for stream, mixer in zip(line.audio, self._mixers, strict=False)
        }

    def _play(self, strip: Strip, head: list[Packet[Any]]) -> None:
        """Everything, from the intro to the outro."""
        stage, plan = self._stage, self._plan
        if stage.intro is not None:
            for number in range(plan.intro_frames - plan.intro_overlap):
                self._draw(strip, stage.intro.picture(number * plan.frame), number * plan.frame)
        self._side.begin(Fraction(0), plan.body_start)
        self._fade_in(strip, head)
        tail = self._middle(strip, head)
        if plan.outro_overlap:
            self._fade_out(strip, tail)
        for sound in self._packets.sounds.values():
            sound.finish()
        self._side.end(plan.body_end)
        self._side.finish(plan.duration)
        if stage.outro is not None:
            for number in range(plan.outro_overlap, plan.outro_frames):
                time = number * plan.frame
                self._draw(strip, stage.outro.picture(time), plan.outro_start + time)
        for mixer in self._mixers:
            mixer.fill(plan.duration)
        strip.finish(plan.duration)

    def _fade_in(self, strip: Strip, head: Sequence[Packet[Any]]) -> None:
        """The pictures that are mixed with the intro."""
        times = sorted(packet.pts or 0 for packet in head)
        mixed = [pts for pts in times if pts < self._first]
        following = dict(zip(times, [*times[1:], self._stop], strict=True))
        frames = decode(head if mixed else [], self._video, self._threads)
        for frame in frames:
            if frame.pts not in following or frame.pts >= self._first:
                break
            self._show(strip, frame, strip.place.time(following[frame.pts]), until=self._plan.outro_start)
            self._mixed += 1
        if self._mixed != len(mixed):
            raise NotCuttable("damaged_pictures", "Pictures of the video beside a card cannot be decoded.")

    def _middle(self, strip: Strip, head: list[Packet[Any]]) -> list[Packet[Any]]:
        """The pictures that are whole, copied or painted; all packets are read, and those for the fade are returned."""
        plan = self._plan
        passage = Passage(self._noted(chain(head, self._pictures)), self._video, self._codec, threads=self._threads)
        painted = [(self._tick_of(start), self._tick_of(end)) for start, end in self._stage.paint.spans]
        ways = list(stretches((self._first, self._end), painted, self._laid))
        for number, (first, end, way) in enumerate(ways):
            strip.defers_tail = bool(plan.outro_overlap) and number == len(ways) - 1
            if way == "copied":
                passage.copy(RangeCut(self._codec, strip, first, end, headers=self._headers, interval=self._interval))
            elif way == "laid" and self._inlay is not None:
                strip.lay(self._inlay.take(passage.skip(first, end)))
            else:
                for frame in passage.frames(first, end):
                    strip.paint(self._painted(frame), frame.pts or 0)
        if not plan.outro_overlap:
            passage.drain()
            return []
        return passage.rest(self._end if strip.trailing is None else strip.trailing.first)

    def _tick_of(self, time: Fraction) -> int:
        """The first tick of the body at or after a second of it."""
        return math.ceil((time + self._source.line.origin) / self._unit)

    def _noted(self, packets: Iterable[Packet[Any]]) -> Iterator[Packet[Any]]:
        """The packets, while what goes along with them goes on."""
        for number, packet in enumerate(packets):
            self._read.append(packet.pts or 0)
            if number % _REPORT_EVERY == 0:
                self._go_on(self._plan.body_start + self._body_time(packet.pts or 0))
            yield packet

    def _body_time(self, pts: int) -> Fraction:
        """A tick of the body in seconds."""
        return pts * self._unit - self._source.line.origin

    def _painted(self, frame: av.VideoFrame) -> av.VideoFrame:
        return self._stage.paint(frame, max(self._body_time(frame.pts or 0), Fraction(0)))

    def _fade_out(self, strip: Strip, packets: Sequence[Packet[Any]]) -> None:
        """The pictures that are mixed with the outro, and those before them that could not be copied."""
        first = self._end if strip.trailing is None else strip.trailing.first
        wanted = sum(first <= (packet.pts or 0) < self._stop for packet in packets)
        shown: av.VideoFrame | None = None
        count = 0
        for frame in decode(packets, self._video, self._threads):
            if frame.pts is None or frame.pts >= self._stop:
                continue
            if shown is not None:
                self._pass(strip, shown, strip.place.time(frame.pts))
            shown = frame
            count += frame.pts >= first
        if shown is None or count != wanted:
            raise NotCuttable("damaged_pictures", "Pictures of the video beside a card cannot be decoded.")
        self._pass(strip, shown, self._plan.body_end)

    def _pass(self, strip: Strip, frame: av.VideoFrame, end: Fraction) -> None:
        """A picture near the end of the body, on show to `end`: mixed, an edge, or already copied."""
        pts, edge = frame.pts or 0, strip.trailing
        if pts >= self._end:
            self._mixed += 1
        elif edge is not None and pts >= edge.first:
            strip.body(frame, pts)
        self._show(strip, frame, end, since=Fraction(0) if pts >= self._end else self._plan.outro_start)

    def _show(
        self,
        strip: Strip,
        frame: av.VideoFrame,
        end: Fraction,
        *,
        since: Fraction = Fraction(0),
        until: Fraction | None = None,
    ) -> None:
        """Draw a body's picture, on show to `end`, as often as a crossfade wants it from `since` to before `until`."""
        times = self._plan.instants(strip.place.time(frame.pts or 0), end)
        wanted = [time for time in times if since <= time and (until is None or time < until)]
        painted = self._painted(frame) if wanted else frame
        for time in wanted:
            self._draw(strip, self._stage.blended(painted, time), time)

    def _draw(self, strip: Strip, frame: av.VideoFrame, time: Fraction) -> None:
        plan = self._plan
        strip.draw(frame, time)
        for sound in self._packets.sounds.values():
            sound.advance(time - plan.body_start)
        if time < plan.body_start or time >= plan.body_end or not self._packets.sounds:
            for mixer in self._mixers:
                mixer.fill(time)
        self._meter.report(time)

    def _go_on(self, time: Fraction) -> None:
        """The body has been read up to what is shown at a time; the sound of the outro is not wanted before its
        pictures."""
        plan = self._plan
        for sound in self._packets.sounds.values():
            sound.advance(plan.outro_start - plan.body_start if plan.outro_overlap else None)
        if not self._packets.sounds:
            for mixer in self._mixers:
                mixer.fill(min(time, plan.outro_start))
        self._side.advance(min(time, plan.body_end))
        self._meter.report(time)
