"""Publish: the finished file, with its title, and the facts about it."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any, BinaryIO

from av.audio.stream import AudioStream
from av.container import InputContainer
from av.video.stream import VideoStream

from media import specs
from media.encode import Mp4Writer
from media.facts import MediaInfo
from media.faststart import arrange
from media.probe import probe
from media.progress import Meter
from media.side import Side
from media.source import open_source
from media.timeline import timeline
from media.types import DEFAULT_LIMITS, Limits, Notice, Notices, Progress, no_progress


@dataclass(frozen=True, slots=True)
class PublishResult:
    """What `probe` finds in the file that was written; its size is that of the file arranged (`media.faststart`)."""

    media: MediaInfo
    warnings: tuple[Notice, ...]
    subtitle_tracks: int = 0
    chapters: int = 0
    covers: int = 0

    def to_dict(self) -> dict[str, Any]:
        """JSON-able; `media` as `MediaInfo.to_dict`."""
        return {
            "media": self.media.to_dict(),
            "subtitle_tracks": self.subtitle_tracks,
            "chapters": self.chapters,
            "covers": self.covers,
            "warnings": [warning.to_dict() for warning in self.warnings],
        }


def publish(
    source: BinaryIO,
    target: Path,
    *,
    title: str | None = None,
    limits: Limits = DEFAULT_LIMITS,
    on_progress: Progress = no_progress,
) -> PublishResult:
    """Copy the main picture and every sound track, untouched, into an MP4 whose index is at its end, with the
    text subtitles, chapters and attached pictures.

    `title` replaces the title in the file's metadata; None keeps the source's. On any error `target` does not exist
    afterwards.

    Raises:
        InputError: as `open_source`, and unsupported_codec (MP4 cannot hold the stream).
        EngineError: the file could not be written.
    """
    meter, notices = Meter(on_progress), Notices()
    with ExitStack() as undo:
        undo.callback(target.unlink, missing_ok=True)
        with open_source(source, limits) as container:
            side = _remux(container, target, title, meter, notices)
        with target.open("rb") as file:
            media = replace(probe(file, limits), size=arrange(file).size)
        meter.finish()
        undo.pop_all()
    return PublishResult(media, tuple(notices), side.subtitle_tracks, side.chapters, side.covers)


def _remux(container: InputContainer, target: Path, title: str | None, meter: Meter, notices: Notices) -> Side:
    line = timeline(container)
    specs.note_losses(container, line, notices, side="kept")
    side = Side(container, line, notices)
    streams: list[VideoStream | AudioStream] = [*([line.video] if line.video is not None else []), *line.audio]
    with Mp4Writer(target, index="end", title=title or container.metadata.get("title")) as writer:
        tracks = {stream.index: writer.copy(stream) for stream in streams}
        side.open(writer.container, [stream.time_base or Fraction(1) for stream in streams])
        # Packets keep the times that they have.
        side.begin(Fraction(0), line.origin)
        for packet in container.demux(*streams, *side.streams(container)):
            if packet.stream_index in side.indexes:
                side.take(packet)
            elif packet.dts is not None:
                time = packet.dts * packet.time_base
                tracks[packet.stream_index].write(packet)
                side.advance(time)
                meter.report(max((time - line.origin) / line.duration, Fraction(0)))
        side.end(line.origin + line.duration)
        side.finish()
    return side
