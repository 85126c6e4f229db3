"""Write a picture, or the frames of an animation, as JPEG, PNG, WebP, AVIF or GIF."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import accumulate
from pathlib import Path
from typing import Any, Literal

from PIL import Image
from PIL.ExifTags import IFD, Base

from media.errors import InputError
from media.image.decode import Frame
from media.image.operations.pad import flatten

Format = Literal["jpeg", "png", "webp", "avif", "gif"]
Metadata = Literal["strip", "keep", "keep-gps"]

QUALITY: dict[str, int] = {"jpeg": 82, "webp": 80, "avif": 60}
"""Of the lossy formats, where nothing else is said; the scales are their encoders' own."""

EXTENSIONS: dict[str, str] = {"jpeg": "jpg", "png": "png", "webp": "webp", "avif": "avif", "gif": "gif"}
_FINE = 90
"""From this quality on colours are as finely resolved as light."""

ANIMATES = ("webp", "gif", "avif")
"""What an animation stays one in; the others take its first frame."""

_LONGEST = {"jpeg": 65_500, "webp": 16_383, "avif": 65_535, "gif": 65_535, "png": 1_000_000}
"""Pixels of a side that a format can hold (as its library says)."""

_OPAQUE = 128
"""GIF knows no half transparency: from this alpha on a pixel is there."""

_GIF_MS, _GIF_LEAST = 10, 2
"""Milliseconds that GIF counts in, and how many of them viewers take as they are."""

_TAGS = {
    *(Base.ImageDescription, Base.Make, Base.Model, Base.Software, Base.DateTime, Base.Artist, Base.HostComputer),
    *(Base.Copyright, Base.XResolution, Base.YResolution, Base.ResolutionUnit, Base.Rating, Base.RatingPercent),
    *(Base.XPTitle, Base.XPComment, Base.XPAuthor, Base.XPKeywords, Base.XPSubject),
}
_SHOT_TAGS = {
    *(Base.ExposureTime, Base.FNumber, Base.ExposureProgram, Base.SpectralSensitivity, Base.ISOSpeedRatings, Base.OECF),
    *(Base.SensitivityType, Base.StandardOutputSensitivity, Base.RecommendedExposureIndex, Base.ISOSpeed),
    *(Base.ISOSpeedLatitudeyyy, Base.ISOSpeedLatitudezzz, Base.ExifVersion, Base.DateTimeOriginal),
    *(Base.DateTimeDigitized, Base.OffsetTime, Base.OffsetTimeOriginal, Base.OffsetTimeDigitized),
    *(Base.ShutterSpeedValue, Base.ApertureValue, Base.BrightnessValue, Base.ExposureBiasValue, Base.MaxApertureValue),
    *(Base.SubjectDistance, Base.MeteringMode, Base.LightSource, Base.Flash, Base.FocalLength),
    *(Base.UserComment, Base.SubsecTime, Base.SubsecTimeOriginal, Base.SubsecTimeDigitized, Base.FlashEnergy),
    *(Base.FocalPlaneXResolution, Base.FocalPlaneYResolution, Base.FocalPlaneResolutionUnit, Base.SubjectLocation),
    *(Base.ExposureIndex, Base.SensingMethod, Base.FileSource, Base.SceneType, Base.CFAPattern, Base.CustomRendered),
    *(Base.ExposureMode, Base.WhiteBalance, Base.DigitalZoomRatio, Base.FocalLengthIn35mmFilm, Base.SceneCaptureType),
    *(Base.GainControl, Base.Contrast, Base.Saturation, Base.Sharpness, Base.SubjectDistanceRange),
    *(Base.ImageUniqueID, Base.CameraOwnerName, Base.BodySerialNumber, Base.LensSpecification, Base.LensMake),
    *(Base.LensModel, Base.LensSerialNumber),
}
"""Of a file's own tags and of those of the shot (CIPA DC-008, 4.6), what is still true of another file. A list of what
is kept: a TIFF can tell the place in tags of its own (GeoTIFF, IPTC, Photoshop), and others may come."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoding:
    """How to write: `quality` 1 … 100 (None: the format's in `QUALITY`), `background` where a format has no alpha."""

    format: Format = "webp"
    quality: int | None = None
    lossless: bool = False
    background: str = "#ffffff"


def write(path: Path, frames: Sequence[Frame], how: Encoding, *, exif: Image.Exif | None, loop: int) -> None:
    """Write one frame, or an animation of several of one size that plays `loop` times (0: for ever).

    Raises InputError `too_large_for_format`.
    """
    first, longest = frames[0].image, _LONGEST[how.format]
    if max(first.size) > longest:
        raise InputError("too_large_for_format", f"A side of {max(first.size)} pixels is too long for {how.format}.")
    if how.format == "gif":
        frames = _in_hundredths(frames)
    options: dict[str, Any] = {**_options(how), "icc_profile": frames[0].icc}
    if exif and how.format != "gif":
        options["exif"] = exif
    pictures = [_fitted(frame.image, how) for frame in frames]
    if len(pictures) > 1:
        options |= {
            "save_all": True,
            "append_images": pictures[1:],
            "duration": [frame.duration for frame in frames],
            **({"loop": loop} if how.format == "webp" or loop != 1 else {}),
        }
    if how.format == "gif":
        options["disposal"] = 2 if any(picture.mode == "RGBA" for picture in pictures) else 1
    pictures[0].save(path, how.format.upper(), **options)


def _in_hundredths(frames: Sequence[Frame]) -> Sequence[Frame]:
    """Frames as GIF can time them: in hundredths of a second, two at least, since viewers take less for a tenth.

    Each begins at the hundredth next to its time, so that the whole lasts as long; one that would begin too soon after
    another is left out. What is in whole hundredths stays as it is.
    """
    if all(frame.duration % _GIF_MS == 0 for frame in frames):
        return frames
    starts = [0, *accumulate(frame.duration for frame in frames)]
    chosen: list[tuple[int, Frame]] = []
    for start, frame in zip(starts, frames, strict=False):
        at = round(start / _GIF_MS)
        if not chosen or at - chosen[-1][0] >= _GIF_LEAST:
            chosen.append((at, frame))
    end = round(starts[-1] / _GIF_MS)
    if len(chosen) > 1 and end - chosen[-1][0] < _GIF_LEAST:
        chosen.pop()
    ends = [*(at for at, _ in chosen[1:]), max(end, _GIF_LEAST)]
    return [replace(frame, duration=(until - at) * _GIF_MS) for (at, frame), until in zip(chosen, ends, strict=True)]


def kept(exif: Image.Exif, wish: Metadata) -> Image.Exif | None:
    """The tags to write again: none, or those that are known and still true; the place only where that was asked for.

    A maker's own notes are left out: nobody can say what is in them, and moving them breaks them.
    """
    if wish == "strip" or not exif:
        return None
    made = Image.Exif()
    made.update({tag: value for tag, value in exif.items() if tag in _TAGS})
    for directory, known in ((IFD.Exif, _SHOT_TAGS), (IFD.GPSInfo, None)):
        if known is None and wish != "keep-gps":
            continue
        tags = {tag: value for tag, value in exif.get_ifd(directory).items() if known is None or tag in known}
        if tags:
            made.get_ifd(directory).update(tags)
    return made


def _options(how: Encoding) -> dict[str, Any]:
    quality = how.quality or QUALITY.get(how.format, 0)
    chroma = {"subsampling": "4:4:4" if quality >= _FINE or how.lossless else "4:2:0"}
    match how.format:
        case "jpeg":
            return {"quality": quality, "optimize": True, "progressive": True} | chroma
        case "webp":
            return {"lossless": True, "quality": 75} if how.lossless else {"quality": quality, "method": 4}
        case "avif":
            return {"quality": 100 if how.lossless else quality} | chroma
        case _:
            return {}


def _fitted(image: Image.Image, how: Encoding) -> Image.Image:
    """The picture without what the format cannot hold."""
    if how.format == "jpeg":
        return flatten(image, how.background)
    if how.format == "gif" and image.mode == "RGBA":
        hard = image.getchannel("A").point([255 * (value >= _OPAQUE) for value in range(256)])
        image = image.copy()
        image.putalpha(hard)
    return image
