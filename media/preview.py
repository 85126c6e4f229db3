"""Preview: a small seekable proxy, a poster, a sprite sheet and its thumbnails track, from one pass over the source.

The proxy is H.264 (8 bits, 4:2:0, BT.709) and stereo AAC in an MP4, upright and in square pixels, with a keyframe at
least every two seconds. Frames keep their times, also when the rate is variable. Its index is at its end: to play it
while it arrives, `media.faststart` arranges it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, BinaryIO

import av

from media.decode import Picture, Reader, Sound
from media.encode import AudioSpec, AudioTrack, Mp4Writer, VideoSpec, timescale
from media.errors import InputError
from media.frames import BT709, Canvas, Placer, colour_of, is_hdr, sane_aspect
from media.orientation import Orientation
from media.poster import Poster, Waveform
from media.probe import display_matrix
from media.progress import Meter
from media.resample import Resampler
from media.sprites import Sheet, Sprites
from media.timeline import Timeline, layout_name
from media.types import DEFAULT_LIMITS, Limits, Notice, Notices, Progress, Samples, no_progress, seconds

NAMES = {
    "preview": "proxy.mp4",
    "poster": "poster.jpg",
    "sprite": "sprite.jpg",
    "thumbnails": "thumbnails.vtt",
}
CRF = 26
MAX_GOP = Fraction(2)
"""Seconds between keyframes at most, unless frames are further apart than that."""
SOUND = (48_000, "stereo")
SOUND_BIT_RATE = 128_000


@dataclass(frozen=True, slots=True)
class PreviewResult:
    """What was made. `files` maps output names (keys of `NAMES`) to paths; sound alone has no sprite sheet.

    `size` is the proxy's width and height in pixels (None for sound alone), `duration` in seconds.
    """

    files: Mapping[str, Path]
    duration: Fraction
    size: tuple[int, int] | None
    frames: int
    has_sound: bool
    poster_size: tuple[int, int]
    sheet: Sheet | None
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
            "warnings": [warning.to_dict() for warning in self.warnings],
        }


def render(
    source: BinaryIO,
    folder: Path,
    *,
    height: int = 360,
    limits: Limits = DEFAULT_LIMITS,
    threads: int = 0,
    on_progress: Progress = no_progress,
) -> PreviewResult:
    """Write the preview files of `source` into `folder`, which exists.

    `height` is that of a landscape proxy; of a portrait one it is the width, as “360p” is commonly meant. The picture
    is never enlarged. HDR is tone-mapped to SDR (notice `hdr_tonemapped`). Sound alone gives a proxy without picture
    and a drawn waveform as the poster (notice `no_video`). On any error none of the files is left.

    Raises:
        InputError: as `open_source`, and unsupported_codec, damaged_file (nothing decodes).
        EngineError: the encoder failed.
        ValueError: `height` is less than 2.
    """
    if height < 2:
        raise ValueError("a proxy is at least two pixels high")
    files = {name: folder / file for name, file in NAMES.items()}
    meter = Meter(on_progress)
    opened = Reader(source, limits=limits, threads=threads, sound="main", on_packet=meter.tick)
    with _all_or_none(files.values()), opened as reader:
        # A single frame may have no length of its own.
        meter.total = max(reader.timeline.duration, 1 / reader.timeline.rate)
        frame = reader.first_picture()
        if frame is None:
            result = _sound_only(reader, files, meter)
        else:
            with Mp4Writer(files["preview"], index="end", threads=threads) as writer:
                pictures = _Pictures(reader.timeline, frame, writer, height)
                sound = _Sound(reader.timeline, writer)
                result = _with_picture(reader, pictures, sound, files, meter)
        meter.finish()
    return result


def proxy_size(shown: tuple[Fraction, Fraction], height: int) -> tuple[int, int]:
    """Even proxy size for a picture of that size in square pixels; its shorter side is `height` at most."""
    scale = min(height / min(shown), Fraction(1))
    width, tall = (max(2, int(side * scale) // 2 * 2) for side in shown)
    return width, tall


def _with_picture(
    reader: Reader, pictures: _Pictures, sound: _Sound, files: Mapping[str, Path], meter: Meter
) -> PreviewResult:
    for item in reader.read(Fraction(0), meter.total):
        match item:
            case Picture(picture, time):
                pictures.take(picture, time)
                meter.report(time)
            case Sound(_, samples):
                sound.take(samples)
    sound.finish()
    pictures.finish(meter.total)
    notices = Notices()
    if pictures.is_hdr:
        notices.add("hdr_tonemapped", "The preview shows the HDR picture in SDR.")
    if reader.damaged:
        notices.add("damaged_frames", "Parts of the source are damaged; what could be decoded is shown.")
    sheet = pictures.sprites.save(files["sprite"])
    files["thumbnails"].write_text(sheet.vtt(files["sprite"].name, meter.total), encoding="utf-8")
    return PreviewResult(
        files=files,
        duration=meter.total,
        size=pictures.size,
        frames=pictures.track.frames,
        has_sound=sound.track is not None,
        poster_size=pictures.poster.save(files["poster"]),
        sheet=sheet,
        warnings=tuple(notices),
    )


def _sound_only(reader: Reader, files: Mapping[str, Path], meter: Meter) -> PreviewResult:
    waveform = Waveform(reader.timeline.audio[0].rate)
    with Mp4Writer(files["preview"], index="end") as writer:
        sound = _Sound(reader.timeline, writer)
        for item in reader.read(Fraction(0), meter.total):
            if isinstance(item, Sound):
                waveform.add(item.samples)
                sound.take(item.samples)
                meter.report(sound.end)
        sound.finish()
        if not sound.end:
            raise InputError("damaged_file", "The file is damaged: none of its sound can be decoded.")
    notices = Notices()
    notices.add("no_video", "The file has no moving picture: the preview is sound, the poster its waveform.")
    return PreviewResult(
        files={name: files[name] for name in ("preview", "poster")},
        duration=sound.end,
        size=None,
        frames=0,
        has_sound=True,
        poster_size=waveform.save(files["poster"]),
        sheet=None,
        warnings=tuple(notices),
    )


class _Pictures:
    """Places frames, writes them to the proxy and shows them to the poster and the sprite sheet."""

    def __init__(self, line: Timeline, frame: av.VideoFrame, writer: Mp4Writer, height: int) -> None:
        video = line.video
        aspect = sane_aspect(None if video is None else video.sample_aspect_ratio)
        turned = Orientation.of(display_matrix(frame)).swaps_sides
        wide, high = frame.width * aspect, Fraction(frame.height)
        shown = (high, wide) if turned else (wide, high)
        self.size = proxy_size(shown, height)
        self.is_hdr = is_hdr(colour_of(frame))
        base = None if video is None else video.time_base
        spec = VideoSpec(
            width=self.size[0],
            height=self.size[1],
            time_base=timescale(base or Fraction(1, 90_000)),
            rate=line.rate,
            colour=BT709,
            crf=CRF,
        )
        self.track = writer.video(spec)
        self.poster = Poster((round(shown[0]), round(shown[1])), aspect, line.duration)
        self.sprites = Sprites(self.size, line.duration)
        self._placer = Placer(Canvas(width=self.size[0], height=self.size[1]), sample_aspect=aspect)
        self._held: tuple[av.VideoFrame, Fraction] | None = None
        self._key: Fraction | None = None

    def take(self, frame: av.VideoFrame, time: Fraction) -> None:
        """The next frame, on show from `time`; the first one is shown from the start."""
        small = self._placer(frame)
        self.poster.look(frame, small, time)
        if self._held is None:
            time = Fraction(0)
        self._flush(time)
        self._held = (small, time)

    def finish(self, end: Fraction) -> None:
        """The last frame is shown until `end`."""
        if self._held is None:
            raise InputError("damaged_file", "The file is damaged: none of its frames can be decoded.")
        self._flush(max(end, self._held[1] + self.track.base), last=True)

    def _flush(self, until: Fraction, *, last: bool = False) -> None:
        if self._held is None:
            return
        frame, time = self._held
        begins = self._key is None or until - self._key > MAX_GOP
        if begins:
            self._key = time
        self.track.write(frame, time, until - time if last else None, kind="key" if begins else "any")
        self.sprites.add(frame, until)


class _Sound:
    """The main track in stereo, if there is one."""

    def __init__(self, line: Timeline, writer: Mp4Writer) -> None:
        self.track: AudioTrack | None = None
        if line.audio:
            main = line.audio[0]
            self.track = writer.audio(AudioSpec(rate=SOUND[0], layout=SOUND[1], bit_rate=SOUND_BIT_RATE))
            self._resampler = Resampler((main.rate, layout_name(main)), SOUND)

    @property
    def end(self) -> Fraction:
        """Seconds written."""
        return Fraction(0) if self.track is None else Fraction(self.track.samples, self.track.rate)

    def take(self, samples: Samples) -> None:
        if self.track is not None:
            self.track.write(self._resampler(samples))

    def finish(self) -> None:
        if self.track is not None:
            self.track.write(self._resampler.rest())


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
