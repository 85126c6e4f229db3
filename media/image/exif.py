"""What EXIF says of a picture's making: camera, time, place (CIPA DC-008)."""

from __future__ import annotations

import re
from decimal import Decimal
from fractions import Fraction
from typing import Any

from PIL import Image
from PIL.ExifTags import GPS, IFD, Base

from media.facts import Location

_TIME = re.compile(r"(\d{4}):(\d\d):(\d\d) (\d\d):(\d\d):(\d\d)")
_ZONE = re.compile(r"[+-]\d\d:\d\d")
_MOST_TEXT = 100


def text(tags: Any, tag: int) -> str | None:
    """A tag's text without control characters; None when it is empty or no text."""
    value = tags.get(tag)
    if not isinstance(value, str):
        return None
    clean = "".join(character for character in value if character.isprintable()).strip()
    return clean[:_MOST_TEXT] or None


def taken_at(exif: Image.Exif) -> str | None:
    """When the picture was taken, in ISO 8601; with the zone where the camera knew it."""
    tags = exif.get_ifd(IFD.Exif)
    match = _TIME.fullmatch(text(tags, Base.DateTimeOriginal) or "")
    if match is None:
        return None
    year, month, day, hour, minute, second = match.groups()
    if not (
        1 <= int(month) <= 12 and 1 <= int(day) <= 31 and int(hour) < 24 and int(minute) < 60 and int(second) <= 60
    ):
        return None
    zone = text(tags, Base.OffsetTimeOriginal) or ""
    return f"{year}-{month}-{day}T{hour}:{minute}:{second}{zone if _ZONE.fullmatch(zone) else ''}"


def location(exif: Image.Exif) -> Location | None:
    """Where the picture was taken; None where that is not said or makes no sense."""
    tags = exif.get_ifd(IFD.GPSInfo)
    latitude = _degrees(tags, GPS.GPSLatitude, GPS.GPSLatitudeRef, "S", 90)
    longitude = _degrees(tags, GPS.GPSLongitude, GPS.GPSLongitudeRef, "W", 180)
    return Location(latitude, longitude) if latitude is not None and longitude is not None else None


def _degrees(tags: Any, tag: int, side: int, negative: str, most: int) -> str | None:
    try:
        degrees, minutes, seconds = (Fraction(part.numerator, part.denominator) for part in tags[tag])
    except (KeyError, TypeError, ValueError, AttributeError, ZeroDivisionError):
        return None
    found = degrees + minutes / 60 + seconds / 3600
    if not 0 <= found <= most:
        return None
    signed = -found if tags.get(side) == negative else found
    return str(round(Decimal(signed.numerator) / Decimal(signed.denominator), 6))
