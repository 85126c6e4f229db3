"""Points in time and the ranges to keep, as people type them; exact, never a float.

A time is seconds (`90`, `90.5`) or a clock (`15:00`, `1:02:03.5`). A range is `START-END`, half-open; `START-` reaches
to the end of the video and `-END` starts at its beginning.
"""

from __future__ import annotations

import re
from fractions import Fraction

TIME = re.compile(r"(?:(?:(?P<hours>\d+):)?(?P<minutes>\d+):)?(?P<seconds>\d+(?:\.\d+)?)")


def parse_time(text: str) -> Fraction:
    """Return the seconds that `text` means.

    Raises ValueError, with a message for the user, when it is no time or a clock's part is 60 or more.
    """
    match = TIME.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"{text!r} is not a time: write seconds (90, 90.5) or a clock (15:00, 1:02:03.5)")
    hours, minutes, seconds = (Fraction(match[part] or 0) for part in ("hours", "minutes", "seconds"))
    if (match["minutes"] and seconds >= 60) or (match["hours"] and minutes >= 60):
        raise ValueError(f"{text!r} is not a time: minutes and seconds of a clock stay below 60")
    return hours * 3600 + minutes * 60 + seconds


def parse_range(text: str) -> dict[str, str]:
    """Return `{"start": seconds, "end": seconds}` of a range as decimal strings; no `end` means to the end.

    Raises ValueError, with a message for the user, when it is no range or nothing lies between its ends.
    """
    start_text, dash, end_text = text.strip().partition("-")
    if not dash or not (start_text or end_text):
        raise ValueError(f"{text!r} is not a range: write START-END, for instance 15:00-45:00 or 900-")
    start = parse_time(start_text) if start_text.strip() else Fraction(0)
    if not end_text.strip():
        return {"start": decimal(start)}
    end = parse_time(end_text)
    if end <= start:
        raise ValueError(f"{text!r} keeps nothing: its end must be later than its start")
    return {"start": decimal(start), "end": decimal(end)}


def decimal(seconds: Fraction, digits: int = 9) -> str:
    """Write seconds as a decimal string, rounded down to `digits` places, without trailing zeros."""
    scaled = seconds.numerator * 10**digits // seconds.denominator
    whole, rest = divmod(scaled, 10**digits)
    return f"{whole}.{rest:0{digits}d}".rstrip("0").rstrip(".")


def clock(seconds: Fraction) -> str:
    """Write seconds as `M:SS` or `H:MM:SS`, with milliseconds where there are any."""
    milliseconds = round(seconds * 1000)
    minutes, rest = divmod(milliseconds, 60_000)
    hours, minutes = divmod(minutes, 60)
    tail = f"{rest / 1000:06.3f}".rstrip("0").rstrip(".")
    return f"{hours}:{minutes:02d}:{tail}" if hours else f"{minutes}:{tail}"
