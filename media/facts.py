"""What is known about a file: the typed answer of `media.probe`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from fractions import Fraction
from typing import Any, Literal

from media.types import seconds

Hdr = Literal["HLG", "PQ"]

# Names of H.273 code points, as FFmpeg spells them.
PRIMARIES = {
    1: "bt709", 4: "bt470m", 5: "bt470bg", 6: "smpte170m", 7: "smpte240m", 8: "film", 9: "bt2020", 10: "smpte428",
    11: "smpte431", 12: "smpte432", 22: "ebu3213",
}  # fmt: skip
TRANSFERS = {
    1: "bt709", 4: "gamma22", 5: "gamma28", 6: "smpte170m", 7: "smpte240m", 8: "linear", 9: "log", 10: "log-sqrt",
    11: "iec61966-2-4", 12: "bt1361e", 13: "iec61966-2-1", 14: "bt2020-10", 15: "bt2020-12", 16: "smpte2084",
    17: "smpte428", 18: "arib-std-b67",
}  # fmt: skip
MATRICES = {
    0: "gbr", 1: "bt709", 4: "fcc", 5: "bt470bg", 6: "smpte170m", 7: "smpte240m", 8: "ycgco", 9: "bt2020nc",
    10: "bt2020c", 14: "ictcp",
}  # fmt: skip
RANGES = {1: "tv", 2: "pc"}
_FRACTIONS = {"duration", "start_time", "sample_aspect", "frame_rate", "nominal_rate"}


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamFacts:
    """What every stream has; `duration` and `start_time` in seconds of the container's own time."""

    index: int
    type: str
    codec: str | None
    profile: str | None = None
    language: str | None = None
    title: str | None = None
    default: bool = False
    start_time: Fraction | None = None
    duration: Fraction | None = None
    bit_rate: int | None = None

    def to_dict(self) -> dict[str, Any]:
        """JSON-able; times are decimal strings, rates and ratios are fractions such as `"30000/1001"`."""
        return {name: _plain(name, getattr(self, name)) for name in _names(self)}


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoFacts(StreamFacts):
    """A moving picture, or an attached one.

    `width` × `height` are pixels as stored; `display_width` × `display_height` after sample aspect and rotation.
    `rotation` is how far clockwise the stored picture is turned for display: 0, 90, 180 or 270; `mirrored` pictures are
    flipped as well. `variable` says whether frames come at uneven distances (null: unknown without reading the file).
    """

    width: int
    height: int
    display_width: int
    display_height: int
    rotation: int = 0
    mirrored: bool = False
    sample_aspect: Fraction = Fraction(1)
    frame_rate: Fraction | None = None
    nominal_rate: Fraction | None = None
    variable: bool | None = None
    frames: int | None = None
    pixel_format: str | None = None
    bit_depth: int | None = None
    colour_primaries: str | None = None
    colour_transfer: str | None = None
    colour_matrix: str | None = None
    colour_range: str | None = None
    hdr: Hdr | None = None
    interlaced: bool = False
    attached_picture: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class AudioFacts(StreamFacts):
    """One sound track."""

    sample_rate: int
    channels: int
    layout: str


@dataclass(frozen=True, slots=True)
class Location:
    """Where a picture was taken: degrees north and east as decimal strings, south and west below 0."""

    latitude: str
    longitude: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageFacts:
    """What is known of an image alone.

    `frames` of an animation, 1 of a still; `transparent` says whether anything shows through. `dominant_colour` is
    `#rrggbb` (null: nothing is opaque), `thumbhash` base64 (https://evanw.github.io/thumbhash/). The two hashes are 64
    bits in hex: of pictures that look alike few differ. The rest is as the camera wrote it: `taken_at` in ISO 8601,
    its zone left out where it is not known.
    """

    frames: int
    transparent: bool
    dominant_colour: str | None
    thumbhash: str
    perceptual_hash: str
    difference_hash: str
    camera_make: str | None = None
    camera_model: str | None = None
    lens: str | None = None
    taken_at: str | None = None
    location: Location | None = None

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> ImageFacts:
        """Read what `dataclasses.asdict` wrote, and pass over what others added."""
        known = {name: value for name, value in document.items() if name in cls.__dataclass_fields__}
        place = known.get("location")
        return cls(**known | {"location": Location(**place) if place else None})


@dataclass(frozen=True, slots=True, kw_only=True)
class MediaInfo:
    """A whole file. `video` and `audio` are the indexes of the main streams; `duration` is what can be cut, in seconds
    from the presentation start. Images have neither duration nor container time; nothing else has `image`."""

    kind: Literal["video", "audio", "image"]
    container: str
    size: int
    duration: Fraction | None = None
    start_time: Fraction | None = None
    bit_rate: int | None = None
    title: str | None = None
    video: int | None = None
    audio: int | None = None
    streams: tuple[StreamFacts, ...] = ()
    image: ImageFacts | None = None

    @property
    def main_video(self) -> VideoFacts | None:
        """The moving picture that is cut and shown; of an image, the picture."""
        return next((s for s in self.streams if s.index == self.video and isinstance(s, VideoFacts)), None)

    @property
    def main_audio(self) -> AudioFacts | None:
        """The sound track that plays by default."""
        return next((s for s in self.streams if s.index == self.audio and isinstance(s, AudioFacts)), None)

    def to_dict(self) -> dict[str, Any]:
        """JSON-able, in the spelling of `StreamFacts.to_dict`."""
        plain = {name: _plain(name, getattr(self, name)) for name in _names(self) if name not in {"streams", "image"}}
        streams = [stream.to_dict() for stream in self.streams]
        return {**plain, "streams": streams, "image": asdict(self.image) if self.image else None}

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> MediaInfo:
        """Read what `to_dict` wrote, times to the microsecond, and pass over what others added."""
        known = {name: value for name, value in document.items() if name in cls.__dataclass_fields__}
        streams = tuple(_stream(stream) for stream in document["streams"])
        image = document.get("image")
        facts = ImageFacts.from_dict(image) if image else None
        return cls(**_exact({**known, "streams": streams, "image": facts}))


def _stream(document: Mapping[str, Any]) -> StreamFacts:
    kind = VideoFacts if "width" in document else AudioFacts if "sample_rate" in document else StreamFacts
    return kind(**_exact(document))


def _exact(document: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: Fraction(value) if name in _FRACTIONS and value is not None else value for name, value in document.items()
    }


def _names(value: StreamFacts | MediaInfo) -> list[str]:
    return list(value.__dataclass_fields__)


def _plain(name: str, value: Any) -> Any:
    if isinstance(value, Fraction):
        return seconds(value) if name in {"duration", "start_time"} else str(value)
    return value
