"""Text tracks of an MP4: 3GPP timed text (tx3g), which FFmpeg calls mov_text."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from fractions import Fraction
from typing import Any

from av.container import OutputContainer
from av.packet import Packet
from av.stream import Disposition

from media.encode import engine_errors
from media.side.captions import TrackFacts
from media.side.lane import Stretch

MAX_TIMESCALE = 10_000_000
# The muxer compares ticks of different tracks to see where subtitles are silent; ours are finer than any sound's.
_FINER = 192_000
_LIKE = """[Script Info]
ScriptType: v4.00+
[V4+ Styles]
Format: Name, Fontname, Fontsize, PrimaryColour, SecondaryColour, OutlineColour, BackColour, Bold, Italic, Underline, \
StrikeOut, ScaleX, ScaleY, Spacing, Angle, BorderStyle, Outline, Shadow, Alignment, MarginL, MarginR, MarginV, Encoding
Style: Default,Arial,16,&Hffffff,&Hffffff,&H0,&H0,0,0,0,0,100,100,0,0,1,1,0,2,10,10,10,1
[Events]
Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text
"""


class TextTrack:
    """Stretches of text, one after the other; a sample is the length in two bytes, then UTF-8 (3GPP TS 26.245, 5.17).

    `units` are the ticks, in seconds, of everything whose times are to be held exactly.
    """

    def __init__(self, container: OutputContainer, facts: TrackFacts, units: Iterable[Fraction]) -> None:
        self._container = container
        self._stream = container.add_stream("mov_text")
        self._stream.codec_context.subtitle_header = _LIKE.encode()
        self.unit = _common(units)
        self._stream.time_base = self.unit
        self._stream.disposition = Disposition(facts.disposition)
        if facts.language:
            self._stream.metadata["language"] = facts.language
        if facts.title:
            self._stream.metadata.update(title=facts.title, handler_name=facts.title)

    def write(self, stretch: Stretch) -> None:
        """Append a stretch; one that is shorter than half a tick is passed over."""
        start, end = round(stretch.start / self.unit), round(stretch.end / self.unit)
        if end <= start:
            return
        text = stretch.text.encode("utf-8", "replace")
        packet: Packet[Any] = Packet(len(text).to_bytes(2, "big") + text)
        packet.stream = self._stream
        packet.pts = packet.dts = start
        packet.duration = end - start
        packet.time_base = self.unit
        packet.is_keyframe = True
        with engine_errors():
            self._container.mux_one(packet)


def _common(units: Iterable[Fraction]) -> Fraction:
    """A tick that divides all of them, if that is not too fine, and finer than what it is compared with."""
    given: Sequence[int] = sorted({unit.denominator for unit in units if unit > 0}, reverse=True)
    ticks = math.lcm(*given)
    if ticks > MAX_TIMESCALE:
        ticks = given[0]
    finest = max(_FINER, *given)
    return Fraction(1, ticks * math.ceil(finest / ticks) if ticks < finest else ticks)
