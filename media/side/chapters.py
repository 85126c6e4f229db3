"""Chapters, moved to the time of the output."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import TYPE_CHECKING

from av.container import InputContainer, OutputContainer

from media.side.text import shortened
from media.types import Notices

if TYPE_CHECKING:
    # Known to type checkers alone.
    from av.container.core import Chapter as Entry

MAX_CHAPTERS = 1000
"""That are read and written; a file may name any number."""

MAX_TITLE = 255
"""Bytes of UTF-8: one of the two places that MP4 has for them counts in eight bits."""

_UNIT = Fraction(1, 90_000)
# MP4 begins to count with the first chapter, and passes over one that has no title at all.
_NO_TITLE = " "


@dataclass(frozen=True, slots=True)
class Chapter:
    """`[start, end)` in seconds."""

    start: Fraction
    end: Fraction
    title: str


@dataclass(frozen=True, slots=True)
class Span:
    """`[start, end)` seconds of the source, shown from second `at` of the output."""

    start: Fraction
    end: Fraction
    at: Fraction


def read_chapters(container: InputContainer, origin: Fraction, duration: Fraction, notices: Notices) -> list[Chapter]:
    """The chapters of a file in order, in seconds from `origin`; one that does not say where it ends goes on to the
    next one, one without a title is named by its number."""
    entries = [entry for entry in container.chapters() if entry["time_base"]]
    if len(entries) > MAX_CHAPTERS:
        notices.add("chapters_dropped", f"The file has more than {MAX_CHAPTERS} chapters; the first ones are kept.")
        del entries[MAX_CHAPTERS:]
    named = (_chapter(entry, origin, number) for number, entry in enumerate(entries, 1))
    found = sorted((chapter for chapter in named if chapter.title != _NO_TITLE), key=lambda chapter: chapter.start)
    following = [*(chapter.start for chapter in found[1:]), duration]
    return [
        chapter if chapter.end > chapter.start else Chapter(chapter.start, following[place], chapter.title)
        for place, chapter in enumerate(found)
    ]


def move_chapters(chapters: Sequence[Chapter], spans: Sequence[Span], notices: Notices) -> list[Chapter]:
    """What of the chapters is in the spans, in order, none over another; pieces of one that adjoin are one again."""
    pieces: list[tuple[int, Chapter]] = []
    for span in spans:
        for number, chapter in enumerate(chapters):
            start, end = max(chapter.start, span.start), min(chapter.end, span.end)
            if end > start:
                _add(pieces, number, Chapter(start - span.start + span.at, end - span.start + span.at, chapter.title))
        if len(pieces) > MAX_CHAPTERS:
            notices.add("chapters_dropped", f"The cut has more than {MAX_CHAPTERS} chapters; the first ones are kept.")
            del pieces[MAX_CHAPTERS:]
            break
    moved = sorted((chapter for _, chapter in pieces), key=lambda chapter: chapter.start)
    ends = [min(one.end, other.start) for one, other in pairwise(moved)] + [one.end for one in moved[-1:]]
    clipped = (Chapter(one.start, end, one.title) for one, end in zip(moved, ends, strict=True))
    return [chapter for chapter in clipped if round(chapter.end / _UNIT) > round(chapter.start / _UNIT)]


def write_chapters(container: OutputContainer, chapters: Sequence[Chapter]) -> None:
    """Give them to an MP4 that is not closed yet, to the nearest 1/90000 s. What lies before the first one becomes a
    chapter with a blank title; what lies between two of them is the earlier one's, because MP4 knows no gap."""
    before = [Chapter(Fraction(0), chapters[0].start, _NO_TITLE)] if chapters and chapters[0].start >= _UNIT else []
    entries: list[Entry] = [
        {
            "id": number,
            "start": round(chapter.start / _UNIT),
            "end": round(chapter.end / _UNIT),
            "time_base": _UNIT,
            "metadata": {"title": chapter.title},
        }
        for number, chapter in enumerate([*before, *chapters])
    ]
    container.set_chapters(entries)


def _add(pieces: list[tuple[int, Chapter]], number: int, piece: Chapter) -> None:
    for place in range(len(pieces) - 1, -1, -1):
        other, before = pieces[place]
        if other == number and before.end == piece.start:
            pieces[place] = number, Chapter(before.start, piece.end, piece.title)
            return
        if before.end < piece.start:
            break
    pieces.append((number, piece))


def _chapter(entry: Entry, origin: Fraction, number: int) -> Chapter:
    unit = entry["time_base"] or Fraction(0)
    title = shortened(entry["metadata"].get("title", "").replace("\0", ""), MAX_TITLE)
    return Chapter(entry["start"] * unit - origin, entry["end"] * unit - origin, title or f"Chapter {number}")
