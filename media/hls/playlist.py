"""Playlists of RFC 8216, version 7: fragmented MP4 addressed by byte ranges.

media playlist          one rendition: which bytes, in which order, for how long
multivariant playlist   the renditions of one film, with what each needs of network and decoder
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from media.hls.index import Rendition, Segment, Span

CONTENT_TYPE = "application/vnd.apple.mpegurl"
_VERSION = 7


@dataclass(frozen=True, slots=True)
class Stretch:
    """Segments of one file, at `uri`, that play one after the other on one clock."""

    uri: str
    init: Span
    segments: Sequence[Segment]


@dataclass(frozen=True, slots=True)
class Variant:
    """One rendition of a film, whose media playlist is at `uri`."""

    uri: str
    rendition: Rendition


def media_playlist(
    stretches: Iterable[Stretch], *, longest: Fraction, kind: Literal["VOD", "EVENT"] = "VOD", whole: bool = True
) -> str:
    """Return a media playlist; every stretch after the first begins with a discontinuity.

    `longest` is what no segment is longer than, in seconds: it must not change while a playlist grows. One that is not
    `whole` has no end yet, and players come back for more.
    """
    lines = [
        "#EXTM3U",
        f"#EXT-X-VERSION:{_VERSION}",
        f"#EXT-X-TARGETDURATION:{max(math.floor(longest + Fraction(1, 2)), 1)}",
        "#EXT-X-MEDIA-SEQUENCE:0",
        f"#EXT-X-PLAYLIST-TYPE:{kind}",
        "#EXT-X-INDEPENDENT-SEGMENTS",
        # Players take what has no end yet for a broadcast, and would begin near its last segment.
        *(["#EXT-X-START:TIME-OFFSET=0"] if kind == "EVENT" else []),
        *_body(stretches),
    ]
    return "\n".join([*lines, *(["#EXT-X-ENDLIST"] if whole else [])]) + "\n"


def multivariant_playlist(variants: Sequence[Variant]) -> str:
    """Return a multivariant playlist, in the order given: players begin with the first that suits them."""
    lines = ["#EXTM3U", f"#EXT-X-VERSION:{_VERSION}", "#EXT-X-INDEPENDENT-SEGMENTS"]
    for variant in variants:
        lines += [f"#EXT-X-STREAM-INF:{','.join(_attributes(variant.rendition))}", variant.uri]
    return "\n".join(lines) + "\n"


def longest(renditions: Iterable[Rendition]) -> Fraction:
    """The longest segment, in seconds."""
    return max((segment.duration for rendition in renditions for segment in rendition.segments), default=Fraction(1))


def peak_bits(segments: Sequence[Segment]) -> int:
    """Bits a second at most, over any run of segments that plays for half to one and a half of the longest (4.4.6.2 of
    draft-pantos-hls-rfc8216bis)."""
    target = max((segment.duration for segment in segments), default=Fraction(1))
    most = Fraction(0)
    for first in range(len(segments)):
        size, duration = 0, Fraction(0)
        for segment in segments[first:]:
            size, duration = size + segment.size, duration + segment.duration
            if duration > target * 3 / 2:
                break
            if duration >= target / 2:
                most = max(most, size * 8 / duration)
    return math.ceil(most)


def average_bits(segments: Sequence[Segment]) -> int:
    """Bits a second over all of them."""
    duration = sum((segment.duration for segment in segments), Fraction(0))
    return math.ceil(sum(segment.size for segment in segments) * 8 / duration) if duration else 0


def _body(stretches: Iterable[Stretch]) -> Iterator[str]:
    opened: tuple[str, Span] | None = None
    for stretch in stretches:
        if opened is not None:
            yield "#EXT-X-DISCONTINUITY"
        # It holds until another one comes, also over discontinuities; FFmpeg stumbles over one that comes again.
        if opened != (stretch.uri, stretch.init):
            opened = stretch.uri, stretch.init
            yield f'#EXT-X-MAP:URI="{stretch.uri}",BYTERANGE="{stretch.init.size}@{stretch.init.offset}"'
        for segment in stretch.segments:
            yield f"#EXTINF:{_decimal(segment.duration)},"
            yield f"#EXT-X-BYTERANGE:{segment.size}@{segment.offset}"
            yield stretch.uri


def _attributes(rendition: Rendition) -> Iterator[str]:
    yield f"BANDWIDTH={peak_bits(rendition.segments)}"
    yield f"AVERAGE-BANDWIDTH={average_bits(rendition.segments)}"
    yield f'CODECS="{rendition.codecs}"'
    if rendition.size is not None:
        yield f"RESOLUTION={rendition.size[0]}x{rendition.size[1]}"
    if rendition.rate is not None:
        yield f"FRAME-RATE={float(rendition.rate):.3f}"


def _decimal(time: Fraction) -> str:
    return f"{float(time):.6f}"
