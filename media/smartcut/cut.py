"""Smart cut: keep ranges of a source to the frame, and encode only the frames at their edges.

    result = smart_cut(file, Path("out.mp4"), [Range(Fraction(900), Fraction(2700))])

Kept are exactly the frames whose time t, counted from the presentation start, satisfies start ≤ t < end. Where frames
follow each other without a pause, a range is taken from its first frame to the frame after its last one, so that frames
keep their distance over every joint; sound is cut at the same instants (see `media.smartcut.audio`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import BinaryIO

from av.audio.stream import AudioStream
from av.container import InputContainer
from av.stream import Discard
from av.video.stream import VideoStream

from media import specs
from media.errors import InputError
from media.progress import Meter
from media.ranges import resolve
from media.smartcut.audio import RUN_UP, CopiedSound, Track, can_copy
from media.smartcut.avc import Avc
from media.smartcut.certificate import Claim, certify
from media.smartcut.codec import Codec
from media.smartcut.edges import EdgeEncoder
from media.smartcut.entry import packets_from
from media.smartcut.errors import NotCuttable
from media.smartcut.gops import End, RangeCut
from media.smartcut.hvc import Hvc
from media.smartcut.mux import Output, removed_on_error, unit_of
from media.smartcut.pictures import Pictures, Span
from media.smartcut.resound import EncodedSound
from media.smartcut.result import SmartCutResult
from media.source import open_source
from media.timeline import Timeline, timeline
from media.types import DEFAULT_LIMITS, Limits, Notices, Progress, Range, no_progress

_INTERLACED = {2, 3, 4, 5}
# Streams interleave loosely; sound that is this far behind the picture will not come.
_INTERLEAVE = Fraction(10)
_WITHOUT_TIMES = {"avi"}
CRF = 14
_CODECS: dict[str, type[Avc] | type[Hvc]] = {"h264": Avc, "hevc": Hvc}


def smart_cut(
    source: BinaryIO,
    target: Path,
    keep: Sequence[Range],
    *,
    limits: Limits = DEFAULT_LIMITS,
    threads: int = 0,
    on_progress: Progress = no_progress,
) -> SmartCutResult:
    """Write the ranges of `source`, in the order given, one after the other into the MP4 `target`.

    Sound tracks in AAC are copied, others become AAC. `threads` 0 means one per core. On any error `target` does not
    exist afterwards.

    Raises:
        NotCuttable: the source or its ranges cannot be cut like this; re-encode, and give its message as the reason.
        InputError: as `open_source`, and invalid_range, range_past_end.
        EngineError: the encoder or the muxer failed.
    """
    with open_source(source, limits) as container:
        line = timeline(container)
        limits.check_duration(line.duration)
        ranges = resolve(keep, line.duration, 1 / line.rate)
        meter = Meter(on_progress, sum((end - start for start, end in ranges), Fraction(0)))
        with removed_on_error(target):
            result = _Cut(container, line, target, threads, meter).run(ranges, "exact")
            meter.finish()
        return result


def codec_of(stream: VideoStream) -> Codec:
    """The codec of a stream that can be cut.

    Raises:
        NotCuttable: codec_not_supported, interlaced, missing_headers, too_many_headers, profile_not_supported.
    """
    context = stream.codec_context
    codec = _CODECS.get(context.name)
    if codec is None:
        raise NotCuttable("codec_not_supported", f"Pictures in {context.name} cannot be copied into a cut.")
    if context.field_order in _INTERLACED:
        raise NotCuttable("interlaced", "The source is interlaced.")
    try:
        return codec(context.extradata or b"")
    except (ValueError, IndexError) as error:
        raise NotCuttable("missing_headers", "The parameter sets of the source cannot be read.") from error


class _Cut:
    """One run over an opened source."""

    def __init__(self, container: InputContainer, line: Timeline, target: Path, threads: int, meter: Meter) -> None:
        if line.video is None:
            raise NotCuttable("no_video", "The file has no moving picture.")
        self._container, self._line, self._target, self._meter = container, line, target, meter
        if container.format.name in _WITHOUT_TIMES:
            raise NotCuttable("no_timestamps", "Files of this kind do not say when their pictures are shown.")
        self._video = line.video
        self._unit = line.video.time_base or Fraction(1, 90_000)
        self._interval = math.ceil(1 / line.rate / self._unit) + 1
        self._notices = Notices()
        self._at = Fraction(0)
        self._codec = codec_of(line.video)
        self._threads = threads
        specs.note_losses(container, line, self._notices)
        used = {line.video.index, *(stream.index for stream in line.audio)}
        for stream in container.streams:
            if stream.index not in used:
                stream.discard = Discard.all

    def run(self, ranges: Sequence[tuple[Fraction, Fraction]], until: End) -> SmartCutResult:
        line, video = self._line, self._video
        with Output(self._target, title=self._container.metadata.get("title")) as output:
            encoder = EdgeEncoder(
                video, self._codec, time_base=unit_of(video), rate=line.rate, crf=CRF, threads=self._threads
            )
            track = output.pictures(
                video,
                tag=self._codec.tag,
                extradata=self._codec.extradata(encoder.headers),
                delay=video.codec_context.reorder_depth,
                rate=line.rate,
            )
            pictures = Pictures(track, video, self._codec, encoder, self._meter.tick)
            tracks = self._tracks(output)
            for start, end in ranges:
                self._range(pictures, tracks, start, end, until)
            pictures.finish()
            for sound in tracks:
                sound.finish()
        reencoded = pictures.encoded_ticks * track.time_base
        claim = Claim(
            spans=pictures.spans,
            seams=pictures.seams,
            frames=pictures.copied + pictures.encoded,
            duration=self._at,
            unit=track.time_base,
            copied_sound={
                number: sound.packet for number, sound in enumerate(tracks) if isinstance(sound, CopiedSound)
            },
        )
        with removed_on_error(self._target):
            seams = certify(self._container, line, self._target, claim, threads=self._threads, on_work=self._meter.tick)
        return SmartCutResult(
            duration=self._at,
            frames=pictures.copied + pictures.encoded,
            audio_tracks=len(tracks),
            ranges=tuple(self._shown(span) for span in pictures.spans),
            copied=self._at - reencoded,
            reencoded=reencoded,
            seams=seams,
            warnings=tuple(self._notices),
        )

    def _tracks(self, output: Output) -> list[Track]:
        origin = self._line.origin
        tracks: list[Track] = []
        for stream in self._line.audio:
            if can_copy(stream):
                tracks.append(CopiedSound(stream, output.sound(stream), origin))
            else:
                spec = specs.audio_spec(stream, self._notices)
                tracks.append(EncodedSound(stream, output.encoded_sound(spec), origin))
        return tracks

    def _range(self, pictures: Pictures, tracks: Sequence[Track], start: Fraction, end: Fraction, until: End) -> None:
        origin, unit = self._line.origin, self._unit
        first, last = math.ceil((start + origin) / unit), math.ceil((end + origin) / unit)
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
        for sound in tracks:
            sound.open(end)
        self._feed(cut, pictures, tracks, first, end)
        cut.finish()
        self._announce(pictures, tracks)
        try:
            span = pictures.end(cut.stop)
        except NotCuttable as error:
            raise InputError(
                "invalid_range", f"A range at {float(start):.3f} s is too short: no frame begins in it."
            ) from error
        at = self._at + (span.stop - span.first) * unit
        for sound in tracks:
            sound.close(at)
        self._at = at
        self._meter.report(at)

    def _feed(self, cut: RangeCut, pictures: Pictures, tracks: Sequence[Track], first: int, end: Fraction) -> None:
        by_index = {sound.stream.index: sound for sound in tracks}
        streams: list[VideoStream | AudioStream] = [self._video, *(sound.stream for sound in tracks)]
        lead = RUN_UP if tracks else Fraction(0)
        announced = False
        for packet in packets_from(self._container, streams, first, lead, self._line.origin):
            if packet.stream_index == self._video.index:
                if not cut.done:
                    cut.feed(packet)
                    if cut.ready and not announced:
                        announced = self._announce(pictures, tracks)
                stamp = packet.pts
                if stamp is not None and stamp * self._unit - self._line.origin > end + _INTERLEAVE:
                    return
            else:
                by_index[packet.stream_index].feed(packet)
            self._meter.tick()
            if cut.done and all(sound.full for sound in tracks):
                return

    def _announce(self, pictures: Pictures, tracks: Sequence[Track]) -> bool:
        """Tell the sound where the range begins."""
        if pictures.start is not None:
            for sound in tracks:
                sound.begin(pictures.start * self._unit - self._line.origin, self._at)
        return True

    def _shown(self, span: Span) -> Range:
        origin = self._line.origin
        return Range(span.first * self._unit - origin, span.stop * self._unit - origin)
