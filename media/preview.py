"""Preview: a small seekable film of an edit, and what stands beside it: poster, sprite sheet, teaser, waveform.

The film is cut from the proxy of the source (`media.proxy`): its groups of pictures are copied, and only the pictures
beside the cuts are encoded, so that it costs seconds whatever its length. Its index is at its end: to play it while it
arrives, `media.faststart` arranges it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, BinaryIO

from media.beside import NO_SOUND, Wanted, listen, look
from media.decode import Picture, Reader, Sound
from media.encode import AudioSpec, Mp4Writer
from media.errors import InputError
from media.frames import sane_aspect
from media.glimpses import Glimpses
from media.grid import on_frames
from media.poster import save_still, save_waveform
from media.progress import Meter
from media.proxy.sound import BIT_RATE, LAYOUT, RATE
from media.ranges import resolve
from media.smartcut import NotCuttable, SmartCutResult, smart_cut
from media.source import open_source
from media.sprites import Sheet
from media.teaser import Teaser
from media.timeline import timeline
from media.trim import TrimResult, trim
from media.types import DEFAULT_LIMITS, NO_LIMITS, Limits, Notice, Progress, Range, no_progress, seconds
from media.waveform import Peaks

NAMES = {
    "preview": "proxy.mp4",
    "poster": "poster.jpg",
    "sprite": "sprite.jpg",
    "thumbnails": "thumbnails.vtt",
    "teaser": "teaser.webp",
    "waveform": "waveform.json",
    "waveform_image": "waveform.png",
}
# Of the work, that which is done when the film is cut, and when it was looked at.
_CUT_SHARE, _SEEN_SHARE = Fraction(1, 2), Fraction(4, 5)
DEFAULT = Wanted()
_NO_VIDEO = Notice("no_video", "The file has no moving picture: the preview is sound, the poster its waveform.")


@dataclass(frozen=True, slots=True)
class PreviewResult:
    """What was made. `files` maps output names (keys of `NAMES`) to the paths of those that were made: sound alone has
    neither sprite sheet nor teaser, and a film without sound no waveform.

    `size` is the film's width and height in pixels (None for sound alone), `duration` in seconds.
    """

    files: Mapping[str, Path]
    duration: Fraction
    size: tuple[int, int] | None
    frames: int
    has_sound: bool
    poster_size: tuple[int, int]
    sheet: Sheet | None
    teaser: Teaser | None
    peaks: Peaks | None
    warnings: tuple[Notice, ...]

    def to_dict(self) -> dict[str, Any]:
        """JSON: times as decimal strings, sizes as `[width, height]`, without the paths."""
        sheet = None
        if self.sheet is not None:
            tile = [self.sheet.width, self.sheet.height]
            sheet = {
                "tiles": self.sheet.tiles,
                "columns": self.sheet.columns,
                "tile_size": tile,
                "interval": seconds(self.sheet.interval),
            }
        return {
            "duration": seconds(self.duration),
            "size": None if self.size is None else list(self.size),
            "frames": self.frames,
            "has_sound": self.has_sound,
            "poster_size": list(self.poster_size),
            "sprite": sheet,
            "teaser": None if self.teaser is None else self.teaser.to_dict(),
            "waveform": None if self.peaks is None else self.peaks.facts(),
            "warnings": [warning.to_dict() for warning in self.warnings],
        }


def cut_ranges(source: BinaryIO, keep: Sequence[Range], limits: Limits = DEFAULT_LIMITS) -> list[Range]:
    """The ranges of a source as `media.trim.trim` and smart cuts cut them, open ends closed, without cutting.

    Raises:
        InputError: as `open_source`, and too_long, invalid_range, range_past_end.
    """
    with open_source(source, limits) as container:
        line = timeline(container)
        limits.check_duration(line.duration)
        asked = resolve(keep, line.duration, 1 / line.rate)
        return [Range(*cut) for cut in on_frames(source, container, line, asked)]


def render(
    proxy: BinaryIO,
    source: BinaryIO,
    folder: Path,
    ranges: Sequence[Range],
    *,
    wanted: Wanted = DEFAULT,
    limits: Limits = DEFAULT_LIMITS,
    threads: int = 0,
    on_progress: Progress = no_progress,
) -> PreviewResult:
    """Write the preview files of `ranges` (with ends) of a source into `folder`, which exists.

    Cuts are at those very times, so that the film is as long as the ranges are: the first picture of the proxy in each
    is shown from its start on. The poster is decoded from the source itself. Sound alone gives a film without picture
    and a drawn waveform as the poster (notice `no_video`); where a waveform is wanted and there is no sound, a notice
    says so (`no_sound`). On any error none of the files is left.

    Raises:
        InputError: as `open_source`, and invalid_range, damaged_file, invalid_color.
        EngineError: the encoder or the muxer failed.
    """
    files = {name: folder / file for name, file in NAMES.items()}
    meter = Meter(on_progress)
    with _all_or_none(files.values()):
        unit, end = _clock(proxy)
        proxy.seek(0)
        if unit is None:
            result = _sound_only(proxy, _on_ticks(ranges, Fraction(1, RATE), end), files, wanted, meter)
        else:
            ranges = _on_ticks(ranges, unit, end)
            made = _cut(proxy, files["preview"], ranges, threads, lambda done: meter.report(done * _CUT_SHARE))
            result = _seen(made, files, wanted, meter, lambda at: _save_poster(at, files, source, ranges, limits))
        meter.finish()
    return result


def _clock(proxy: BinaryIO) -> tuple[Fraction | None, Fraction]:
    """The unit in which pictures of a proxy are shown, None without picture, and when it ends."""
    with open_source(proxy, NO_LIMITS) as container:
        line = timeline(container)
        return None if line.video is None else line.video.time_base, line.duration


def _on_ticks(ranges: Sequence[Range], unit: Fraction, end: Fraction) -> list[Range]:
    """The ranges rounded as the times of pictures are; what was cut off from the source is not in its proxy."""
    cut = [
        Range(round(item.start / unit) * unit, min(round((end if item.end is None else item.end) / unit) * unit, end))
        for item in ranges
    ]
    return [item for item in cut if item.end is not None and item.start < item.end]


def _cut(
    proxy: BinaryIO, target: Path, ranges: Sequence[Range], threads: int, on_progress: Progress
) -> SmartCutResult | TrimResult:
    try:
        return smart_cut(
            proxy, target, ranges, cuts="times", limits=NO_LIMITS, threads=threads, on_progress=on_progress
        )
    except NotCuttable:
        # So many cuts that little would be copied: in small, to encode all of it is cheap too.
        proxy.seek(0)
        return trim(proxy, target, ranges, cuts="times", limits=NO_LIMITS, threads=threads, on_progress=on_progress)


def _seen(
    made: SmartCutResult | TrimResult,
    files: Mapping[str, Path],
    wanted: Wanted,
    meter: Meter,
    save_poster: Callable[[Fraction], tuple[int, int]],
) -> PreviewResult:
    """Make what goes with a film."""
    film, rest = files["preview"], 1 - _SEEN_SHARE
    span = _SEEN_SHARE - _CUT_SHARE
    seen = look(film, files, wanted, lambda done: meter.report(_CUT_SHARE + done * span))
    peaks = None
    if wanted.waveform:
        peaks = listen(film, files, wanted, lambda done: meter.report(_SEEN_SHARE + done * rest))
    with film.open("rb") as file, open_source(file, NO_LIMITS) as container:
        context = container.streams.video[0].codec_context
        size = (context.width, context.height)
    return PreviewResult(
        poster_size=save_poster(seen.poster),
        files=_there(files),
        duration=made.duration,
        size=size,
        frames=made.frames,
        has_sound=bool(made.audio_tracks),
        sheet=seen.sheet,
        teaser=seen.teaser,
        peaks=peaks,
        warnings=(NO_SOUND,) if wanted.waveform and peaks is None else (),
    )


def _there(files: Mapping[str, Path]) -> dict[str, Path]:
    return {name: path for name, path in files.items() if path.exists()}


def _save_poster(
    at: Fraction, files: Mapping[str, Path], source: BinaryIO, ranges: Sequence[Range], limits: Limits
) -> tuple[int, int]:
    """Save the picture on show at a time of the film as the source has it; where that does not decode, as the film."""
    source.seek(0)
    try:
        with Reader(source, limits=limits, threads=1, sound="none") as reader:
            time = max(_place(ranges, at), Fraction(0))
            for item in reader.read(time, time + 1, never_empty=True):
                if isinstance(item, Picture) and reader.video is not None:
                    return save_still(item.frame, sane_aspect(reader.video.sample_aspect_ratio), files["poster"])
    except InputError as error:
        if error.code != "damaged_file":
            raise
    with files["preview"].open("rb") as film, Glimpses(film, limits=NO_LIMITS) as glimpses:
        small = glimpses.near(at, None)
        if small is None:
            raise InputError("damaged_file", "The file is damaged: none of its frames can be decoded.")
        return save_still(small.frame, Fraction(1), files["poster"])


def _place(ranges: Sequence[Range], at: Fraction) -> Fraction:
    """The time of the source that a film of its ranges shows `at` seconds."""
    begin = Fraction(0)
    for item in ranges:
        length = (item.end or item.start) - item.start
        if at < begin + length:
            return item.start + at - begin
        begin += length
    return ranges[-1].start


def _sound_only(
    proxy: BinaryIO, ranges: Sequence[Range], files: Mapping[str, Path], wanted: Wanted, meter: Meter
) -> PreviewResult:
    total = sum(((item.end or item.start) - item.start for item in ranges), Fraction(0))
    with (
        Reader(proxy, limits=NO_LIMITS, on_packet=meter.tick) as reader,
        Mp4Writer(files["preview"], index="end") as writer,
    ):
        track = writer.audio(AudioSpec(rate=RATE, layout=LAYOUT, bit_rate=BIT_RATE))
        for piece in ranges:
            for item in reader.read(piece.start, piece.end or piece.start):
                if isinstance(item, Sound):
                    track.write(item.samples)
                    meter.report(Fraction(track.samples, RATE) / total * _SEEN_SHARE)
        if not track.samples:
            raise InputError("damaged_file", "The file is damaged: none of its sound can be decoded.")
    rest = 1 - _SEEN_SHARE
    peaks = listen(files["preview"], files, wanted, lambda done: meter.report(_SEEN_SHARE + done * rest))
    assert peaks is not None
    return PreviewResult(
        poster_size=save_waveform(peaks, files["poster"]),
        files=_there(files),
        duration=Fraction(track.samples, RATE),
        size=None,
        frames=0,
        has_sound=True,
        sheet=None,
        teaser=None,
        peaks=peaks if wanted.waveform else None,
        warnings=(_NO_VIDEO,),
    )


@contextmanager
def _all_or_none(paths: Iterable[Path]) -> Iterator[None]:
    finished = False
    try:
        yield
        finished = True
    finally:
        if not finished:
            for path in paths:
                path.unlink(missing_ok=True)
