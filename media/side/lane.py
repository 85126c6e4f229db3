"""Cues of a source in, stretches of the output without a gap and without an overlap out. Pure arithmetic.

MP4 shows one sample of a text track after the other, so where cues overlap a stretch has the text of all of them, and
where there is none a stretch is empty.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

from media.side.text import MAX_BYTES, shortened

ENDLESS = Fraction(10)
"""Seconds that a cue without an end is shown at most; the next one ends it before."""
MAX_TOGETHER = 16
"""Cues on show at the same time."""
MAX_WAITING = 4096
"""Cues read and not yet passed."""

# An empty stretch is given out once it is this long, so that a muxer does not wait for the next cue.
_PIECE = Fraction(5)
_MAX_KNOWN = 50_000


@dataclass(frozen=True, slots=True)
class Stretch:
    """`text` is shown over `[start, end)` seconds of the output; it may be empty."""

    start: Fraction
    end: Fraction
    text: str


@dataclass(slots=True)
class _Cue:
    start: Fraction
    end: Fraction
    text: str
    endless: bool


class Lane:
    """One text track: `put` what is read, `begin` and `end` each range, `until` for what is certain by now.

    `lost` is set when cues had to be left out or cut: too many at once, or so late in the file that their time was
    passed.
    """

    def __init__(self) -> None:
        self._cues: list[_Cue] = []
        self._known: set[tuple[Fraction, int]] = set()
        self._begun: Fraction | None = None
        self._shift = self._reached = Fraction(0)
        self.lost = False

    def put(self, start: Fraction, end: Fraction | None, text: str) -> None:
        """A cue of the source, in its seconds, roughly in order; None is a cue without an end. An empty text shows
        nothing, but ends what has no end. What was put before in the same range is not taken again."""
        key = (start, hash(text))
        if key in self._known:
            return
        if len(self._known) >= _MAX_KNOWN:
            self._known.clear()
        self._known.add(key)
        for cue in self._cues:
            if cue.endless and cue.start < start < cue.end:
                cue.end = start
        stop = start + ENDLESS if end is None else end
        if not text or stop <= start:
            return
        if self._begun is not None and start < self._reached:
            if stop <= self._reached:
                self.lost = self.lost or stop > self._begun
                return
            self.lost = self.lost or self._reached > max(self._begun, start)
        if len(self._cues) >= MAX_WAITING:
            self.lost = True
            return
        self._cues.append(_Cue(start, stop, text, endless=end is None))

    def begin(self, start: Fraction, at: Fraction) -> list[Stretch]:
        """A range of the source begins at its second `start`, shown from second `at` of the output; what lies between
        the range before and this one is empty."""
        before = self._reached + self._shift
        self._shift = at - start
        self._begun = self._reached = start
        return [Stretch(before, at, "")] if at > before else []

    def until(self, time: Fraction) -> list[Stretch]:
        """What is certain up to `time` of the output, when all cues that begin before it have been put."""
        return list(self._sweep(time - self._shift, is_end=False)) if self._begun is not None else []

    def end(self, at: Fraction) -> list[Stretch]:
        """The range ends at second `at` of the output; all that is left of it."""
        if self._begun is None:
            self._cues.clear()
            self._known.clear()
            return []
        made = list(self._sweep(at - self._shift, is_end=True))
        self._cues.clear()
        self._known.clear()
        self._begun = None
        return made

    def _sweep(self, stop: Fraction, *, is_end: bool) -> Iterator[Stretch]:
        """Walk over the moments at which something changes; what is not over at `stop` waits."""
        waiting = sorted((cue for cue in self._cues if cue.start < stop), key=lambda cue: cue.start)
        moments = {moment for cue in waiting for moment in (cue.start, cue.end) if self._reached < moment < stop}
        if is_end:
            moments.add(stop)
        shown: list[_Cue] = []
        place = 0
        for moment in sorted(moments):
            while place < len(waiting) and waiting[place].start <= self._reached:
                shown.append(waiting[place])
                place += 1
            shown = [cue for cue in shown if cue.end > self._reached]
            if len(shown) > MAX_TOGETHER:
                self.lost = True
                del shown[MAX_TOGETHER:]
            yield from self._to(moment, _joined(shown))
        idle = not any(cue.start <= self._reached < cue.end for cue in waiting)
        if idle and stop - self._reached >= _PIECE:
            yield from self._to(stop, "")
        self._cues = [cue for cue in self._cues if cue.end > self._reached]

    def _to(self, moment: Fraction, text: str) -> Iterator[Stretch]:
        if moment > self._reached:
            yield Stretch(self._reached + self._shift, moment + self._shift, text)
            self._reached = moment


def _joined(cues: Sequence[_Cue]) -> str:
    """The texts of cues on show together, each once (styled subtitles lay the same text over itself)."""
    return shortened("\n".join(dict.fromkeys(cue.text for cue in cues)), MAX_BYTES * MAX_TOGETHER - 1)
