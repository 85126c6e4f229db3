"""Publish: the finished file, ready to play while it downloads."""

from __future__ import annotations

import hashlib
from contextlib import ExitStack
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, BinaryIO

from av.audio.stream import AudioStream
from av.container import InputContainer
from av.video.stream import VideoStream

from media import specs
from media.encode import Mp4Writer
from media.facts import MediaInfo
from media.probe import probe
from media.progress import Meter
from media.source import open_source
from media.timeline import timeline
from media.types import DEFAULT_LIMITS, Limits, Notice, Notices, Progress, no_progress

# Shares of the work: copying the packets, then reading the file back for its digest.
_COPYING = Fraction(3, 5)
_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class PublishResult:
    """The file that was written: bytes, SHA-256 in hexadecimal, and what `probe` finds in it."""

    size: int
    sha256: str
    media: MediaInfo
    warnings: tuple[Notice, ...]

    def to_dict(self) -> dict[str, Any]:
        """JSON-able; `media` as `MediaInfo.to_dict`."""
        return {
            "size": self.size,
            "sha256": self.sha256,
            "media": self.media.to_dict(),
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
    """Copy the main picture and every sound track, untouched, into an MP4 whose index comes first.

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
            _remux(container, target, title, meter, notices)
        digest = _digest(target, meter)
        with target.open("rb") as file:
            media = probe(file, limits)
        meter.finish()
        undo.pop_all()
    return PublishResult(target.stat().st_size, digest, media, tuple(notices))


def _remux(container: InputContainer, target: Path, title: str | None, meter: Meter, notices: Notices) -> None:
    line = timeline(container)
    specs.note_losses(container, line, notices)
    streams: list[VideoStream | AudioStream] = [*([line.video] if line.video is not None else []), *line.audio]
    with Mp4Writer(target, title=title or container.metadata.get("title")) as writer:
        tracks = {stream.index: writer.copy(stream) for stream in streams}
        for packet in container.demux(*streams):
            if packet.dts is not None:
                done = (packet.dts * packet.time_base - line.origin) / line.duration
                tracks[packet.stream_index].write(packet)
                meter.report(max(done, Fraction(0)) * _COPYING)


def _digest(target: Path, meter: Meter) -> str:
    digest, size, done = hashlib.sha256(), target.stat().st_size, 0
    with target.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
            done += len(chunk)
            meter.report(_COPYING + (1 - _COPYING) * Fraction(done, size))
    return digest.hexdigest()
