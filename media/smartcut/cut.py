"""Smart cut: keep ranges of a source to the frame, and encode only the frames at their edges.

    result = smart_cut(file, Path("out.mp4"), [Range(Fraction(900), Fraction(2700))])

Kept are exactly the frames whose time t, counted from the presentation start, satisfies start ≤ t < end. Where frames
follow each other without a pause, a range is taken from its first frame to the frame after its last one, so that frames
keep their distance over every joint; sound is cut at the same instants (see `media.smartcut.audio`).
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import BinaryIO

from av.container import InputContainer
from av.error import FFmpegError
from av.video.stream import VideoStream

from media.progress import Meter
from media.ranges import Cuts, resolve
from media.readahead import announce
from media.smartcut.assembly import Assembly
from media.smartcut.errors import CoarseEdges, NotCuttable
from media.smartcut.gops import End
from media.smartcut.index import picture_table
from media.smartcut.mux import removed_on_error
from media.smartcut.result import SmartCutResult
from media.smartcut.sync import Opened
from media.source import open_source
from media.timeline import timeline
from media.types import DEFAULT_LIMITS, Limits, Progress, Range, no_progress
from media.undated import is_reordered, is_undated

# By how much edges are encoded finer where they were too coarse: grain wants it, and is cheaper so than encoded whole.
_FINER = (0, 6, 12)


def smart_cut(
    source: BinaryIO,
    target: Path,
    keep: Sequence[Range],
    *,
    cuts: Cuts = "frames",
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
    return _run(source, target, keep, "exact", cuts=cuts, limits=limits, threads=threads, on_progress=on_progress)


def keyframe_cut(
    source: BinaryIO,
    target: Path,
    keep: Sequence[Range],
    *,
    limits: Limits = DEFAULT_LIMITS,
    threads: int = 0,
    on_progress: Progress = no_progress,
) -> SmartCutResult:
    """Like `smart_cut`, but encode no picture: each range begins at the last keyframe at or before its start, and ends
    with the first complete group of reordered frames at or after its end. The result's `ranges` and its warning
    `snapped_to_keyframes` tell what was cut.

    Raises:
        NotCuttable: as `smart_cut`.
        InputError: as `smart_cut`.
        EngineError: the muxer failed.
    """
    return _run(source, target, keep, "border", limits=limits, threads=threads, on_progress=on_progress)


def _run(
    source: BinaryIO,
    target: Path,
    keep: Sequence[Range],
    until: End,
    *,
    cuts: Cuts = "frames",
    limits: Limits,
    threads: int,
    on_progress: Progress,
) -> SmartCutResult:
    with open_source(source, limits) as container:
        line = timeline(container)
        limits.check_duration(line.duration)
        ranges = resolve(keep, line.duration, 1 / line.rate)
        announce(source, container, line, ranges)
        if line.video is not None:
            _require_times(source, container, line.video)
        meter = Meter(on_progress, sum((end - start for start, end in ranges), Fraction(0)))
        table = None if line.video is None else picture_table(source, container, line.video)
        with removed_on_error(target):
            opened = Opened(container, line, None if table is None else table.shown, source, table)
            for finer in _FINER:
                try:
                    result = _assemble(Assembly(opened, target, threads, meter, finer=finer, cuts=cuts), ranges, until)
                    break
                except CoarseEdges:
                    if finer == _FINER[-1]:
                        raise
            meter.finish()
        return result


def _require_times(source: BinaryIO, container: InputContainer, video: VideoStream) -> None:
    """Check that the source tells when its pictures are shown, where they are reordered."""
    if container.format.name == "avi":
        raise NotCuttable("no_timestamps", "Files of this kind do not say when their pictures are shown.")
    if is_undated(source, container, video) and is_reordered(container, video):
        raise NotCuttable("no_timestamps", "The source reorders its pictures, but does not say when they are shown.")


def _assemble(assembly: Assembly, ranges: Sequence[tuple[Fraction, Fraction]], until: End) -> SmartCutResult:
    try:
        return assembly.run(ranges, until)
    except FFmpegError as error:
        raise NotCuttable("damaged_pictures", "The source is damaged within or near a range.") from error
