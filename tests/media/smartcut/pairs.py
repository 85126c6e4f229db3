"""The matrix of sources and ranges: what can stand together, and rows in which every pair of it stands at least once.

A whole product would be some five thousand cuts. What breaks a cut is nearly always one thing or two that meet, so
each two values that are legal beside each other meet in a row of `ROWS`; a test fails where two do not.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations, product
from typing import NamedTuple

X264 = ["closed", "open", "no_b", "intra", "interlaced"]
"""H.264: with a pyramid of B-frames in closed groups, open groups, no B-frames, keyframes alone, coded as fields."""
X265 = ["hevc", "hevc10"]
"""HEVC in open groups, of 8 and 10 bits."""
PICTURES = [*X264, *X265, "vp9", "av1", "mpeg2", "prores"]
SOUNDS = ["aac", "opus", "mp3", "pcm", "none"]
CLOCKS = ["steady", "vfr", "edited", "negative"]
"""Frames at equal and at unequal distances; an edit list that begins within a group; a first decoding time below 0."""
RANGES = ["on", "before", "after", "one", "end", "three", "inside"]
"""From a keyframe on, from the frame before and after it; one frame; to the end; three ranges, the last one of which
goes back; two ranges inside one group of pictures."""

HOLDS = {
    "mp4": [*X264, *X265, "vp9", "av1", "mpeg2"],
    "mov": [*X264, *X265, "mpeg2", "prores"],
    "mkv": PICTURES,
    "webm": ["vp9", "av1"],
    "ts": [*X264, *X265, "mpeg2"],
}
SPEAKS = {
    "mp4": SOUNDS,
    "mov": ["aac", "mp3", "pcm", "none"],
    "mkv": SOUNDS,
    "webm": ["opus", "none"],
    "ts": ["aac", "opus", "mp3", "none"],
}
RUNS = {
    "mp4": CLOCKS,
    "mov": CLOCKS,
    "mkv": ["steady", "vfr"],
    "webm": ["steady", "vfr"],
    "ts": ["steady", "vfr"],
}
"""Only MP4 and MOV have edit lists. MKV and WebM hold no decoding times, and the clock of TS has no sign."""
REORDERED = ["closed", "open", "interlaced", *X265, "mpeg2"]
"""Where every picture is shown as soon as it is decoded, there is nothing to be decoded before 0."""
WHOLE = {
    "interlaced": "interlaced",
    "vp9": "codec_not_supported",
    "av1": "codec_not_supported",
    "mpeg2": "codec_not_supported",
    "prores": "codec_not_supported",
}
"""What is encoded whole, and why."""


class Row(NamedTuple):
    """A source, and ranges that are cut out of it."""

    picture: str
    container: str
    sound: str
    clock: str
    ranges: tuple[str, ...]

    def pairs(self) -> Iterator[frozenset[str]]:
        """Every two values that meet in this row."""
        for name in self.ranges:
            yield from map(frozenset, combinations([*self[:4], name], 2))


_TABLE = """
closed     mp4   mp3   edited    after
closed     mov   aac   negative  before end
closed     mov   none  negative  after
closed     mkv   pcm   steady    on one
closed     ts    opus  vfr       three inside
open       mp4   opus  negative  after
open       mp4   pcm   edited    end inside
open       mov   mp3   negative  one
open       mkv   none  steady    before three
open       ts    aac   vfr       on after
no_b       mp4   aac   edited    on inside
no_b       mp4   opus  edited    before
no_b       mov   none  vfr       before after
no_b       mkv   pcm   vfr       three
no_b       ts    mp3   steady    one end
intra      mp4   opus  edited    one end
intra      mov   none  vfr       on after
intra      mkv   aac   steady    three inside
intra      mkv   pcm   vfr       inside
intra      ts    mp3   steady    before
interlaced mp4   opus  negative  on one
interlaced mp4   pcm   steady    inside
interlaced mov   mp3   edited    after three
interlaced mkv   aac   vfr       end
interlaced ts    none  vfr       before end
hevc       mp4   aac   edited    end
hevc       mp4   mp3   negative  end inside
hevc       mov   none  steady    on one
hevc       mkv   pcm   vfr       before after
hevc       ts    opus  steady    three
hevc10     mp4   aac   vfr       on one
hevc10     mov   pcm   negative  three inside
hevc10     mov   none  edited    before
hevc10     mkv   mp3   steady    before
hevc10     ts    opus  steady    after end
vp9        mp4   pcm   edited    one three
vp9        mkv   aac   vfr       on
vp9        mkv   mp3   vfr       end inside
vp9        webm  opus  steady    before after
vp9        webm  none  steady    on
av1        mp4   aac   edited    after
av1        mp4   mp3   edited    on before
av1        mkv   pcm   steady    after
av1        webm  opus  steady    one end
av1        webm  none  vfr       three inside
mpeg2      mp4   opus  edited    after
mpeg2      mp4   none  negative  after three
mpeg2      mov   mp3   vfr       on one
mpeg2      mkv   pcm   vfr       end
mpeg2      ts    aac   steady    before inside
prores     mov   mp3   vfr       after end
prores     mov   pcm   edited    after
prores     mov   none  edited    before three
prores     mkv   aac   steady    one
prores     mkv   opus  steady    on inside
"""
ROWS = [Row(*words[:4], ranges=tuple(words[4:])) for words in map(str.split, _TABLE.strip().splitlines())]


def is_legal(picture: str, container: str, sound: str, clock: str) -> bool:
    """Whether there is such a file."""
    return (
        picture in HOLDS[container]
        and sound in SPEAKS[container]
        and clock in RUNS[container]
        and (clock != "negative" or picture in REORDERED)
    )


def legal_pairs() -> set[frozenset[str]]:
    """Every two values that meet in some file that there is."""
    sources = [source for source in product(PICTURES, HOLDS, SOUNDS, CLOCKS) if is_legal(*source)]
    return {pair for source in sources for pair in Row(*source, tuple(RANGES)).pairs()}
