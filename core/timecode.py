"""Times at the edge: `HH:MM:SS.mmm`, decimal strings or numbers in; `Fraction` inside; decimal strings out."""

from __future__ import annotations

import re
from decimal import Decimal
from fractions import Fraction

from core.errors import InputError

_DECIMAL = re.compile(r"\d{1,9}(\.\d{1,9})?", re.ASCII)
_CLOCK = re.compile(r"(?:(\d{1,3}):)?([0-5]?\d):([0-5]?\d(?:\.\d{1,9})?)", re.ASCII)


def parse_time(value: str | int | float | Decimal) -> Fraction:
    """Return seconds, exactly as written (`0.1` is 1/10); raises InputError `invalid_time`."""
    text = _text(value)
    if _DECIMAL.fullmatch(text):
        return Fraction(text)
    clock = _CLOCK.fullmatch(text)
    if clock:
        hours, minutes, seconds = clock.groups()
        return int(hours or 0) * 3600 + int(minutes) * 60 + Fraction(seconds)
    raise InputError("invalid_time", f"{value!r} is not a time: write seconds (90.5) or HH:MM:SS.mmm (00:01:30.500).")


def _text(value: str | int | float | Decimal) -> str:
    """Write a number without an exponent, which `str` gives to small ones; a text stays what it is."""
    if isinstance(value, bool):
        return ""
    if isinstance(value, (float, Decimal)):
        return f"{Decimal(str(value)):f}"
    return str(value).strip()


def format_time(seconds: Fraction, places: int = 6) -> str:
    """Return a decimal string of at most `places` decimals, without trailing zeros, rounded to even."""
    scaled = round(seconds * 10**places)
    return f"{Decimal(scaled).scaleb(-places).normalize():f}"
