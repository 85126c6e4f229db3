"""What becomes of each stretch of a body's pictures."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal

Way = Literal["copied", "painted", "laid"]
"""Copied as it is, painted and encoded here, or laid in as others have painted and encoded it."""
Ticks = tuple[int, int]
"""From … to before, in ticks of the body."""


def stretches(whole: Ticks, painted: Sequence[Ticks], laid: Sequence[Ticks]) -> Iterator[tuple[int, int, Way]]:
    """All of `whole` in order, of which parts are `painted`, and of those again some are `laid`; both are in order, and
    what of `laid` is not inside is left out."""
    at, last = whole
    for begin, stop in painted:
        start, end = max(begin, whole[0]), min(stop, last)
        if start >= end:
            continue
        if at < start:
            yield at, start, "copied"
        at = start
        for first, until in laid:
            if at <= first and until <= end:
                if at < first:
                    yield at, first, "painted"
                yield first, until, "laid"
                at = until
        if at < end:
            yield at, end, "painted"
        at = end
    if at < last:
        yield at, last, "copied"
