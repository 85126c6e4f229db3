"""Plain text out of the packets of text subtitles, whatever they are; no byte of a packet is trusted."""

from __future__ import annotations

import html
import re

MAX_BYTES = 4096
"""Of one cue in UTF-8; MP4 counts the bytes of a sample in 16 bits."""

# What is looked at of one packet.
_MAX_INPUT = 64 * 1024
_SUBRIP_TAG = re.compile(r"</?(?:b|i|u|s|font|c|v|lang|ruby|rt|span|br)(?:[\s.=/][^<>]*)?>", re.IGNORECASE)
_WEBVTT_TAG = re.compile(r"</?[^<>\s][^<>]*>|</?>")
_OVERRIDE = re.compile(r"\{\\[^{}]*\}")
_ASS_BLOCK = re.compile(r"\{([^{}]*)\}")
_DRAWING = re.compile(r"\\p(\d+)")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
_ASS_FIELDS = 8
"""Before the text in Matroska: ReadOrder, Layer, Style, Name, MarginL, MarginR, MarginV, Effect."""

CODECS = frozenset({"mov_text", "subrip", "srt", "text", "ass", "ssa", "webvtt"})
"""By FFmpeg's names, what `plain_text` reads."""


def plain_text(codec: str, data: bytes) -> str:
    """The text that a packet shows, its lines parted by `\\n`, without any styling; empty where it shows nothing.

    Bytes that are not UTF-8 become U+FFFD. Formats: 3GPP TS 26.245 (tx3g), Matroska's “Subtitles” for the others.
    """
    data = data[:_MAX_INPUT]
    match codec:
        case "mov_text":
            text = _timed_text(data)
        case "ass" | "ssa":
            text = _ass(_decoded(data))
        case "webvtt":
            text = html.unescape(_WEBVTT_TAG.sub("", _decoded(data)))
        case _:
            text = _OVERRIDE.sub("", _SUBRIP_TAG.sub("", _decoded(data)))
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    return "\n".join(line.rstrip() for line in _CONTROL.sub("", text).split("\n")).strip("\n")


def shortened(text: str, limit: int = MAX_BYTES) -> str:
    """As many whole characters of a text as go into `limit` bytes of UTF-8."""
    data = text.encode("utf-8", "replace")
    return text if len(data) <= limit else data[:limit].decode("utf-8", "ignore")


def _timed_text(data: bytes) -> str:
    body = data[2 : 2 + int.from_bytes(data[:2], "big")]
    if body[:2] in {b"\xfe\xff", b"\xff\xfe"}:
        return body.decode("utf-16", "replace")
    return _decoded(body)


def _ass(event: str) -> str:
    """The text of a dialogue line; what is drawn with it (`\\p1` … `\\p0`) is no text."""
    fields = event.split(",", _ASS_FIELDS)
    if len(fields) <= _ASS_FIELDS:
        return ""
    drawing, kept = False, []
    for place, part in enumerate(_ASS_BLOCK.split(fields[_ASS_FIELDS])):
        if place % 2:
            modes = _DRAWING.findall(part)
            drawing = modes[-1].strip("0") != "" if modes else drawing
        elif not drawing:
            kept.append(part)
    return "".join(kept).replace("\\N", "\n").replace("\\n", " ").replace("\\h", " ")


def _decoded(data: bytes) -> str:
    return data.decode("utf-8", "replace").lstrip("\ufeff")
