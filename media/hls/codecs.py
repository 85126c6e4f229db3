"""What players ask before they fetch: codecs by name (RFC 6381), and the size of the picture as it is shown."""

from __future__ import annotations

import io
import struct
from fractions import Fraction

from media import boxes
from media.errors import EngineError

# Bytes of a sample entry before the boxes in it (ISO/IEC 14496-12, 12.1.3 and 12.2.3), its own header included.
_VISUAL, _AUDIO = 86, 36
_SIDES = 32
_DECODER, _SPECIFIC = 4, 5
_AAC = 0x40
_ESCAPE = 31


def codec_of(entry: bytes) -> str:
    """Return the name of the codec of a sample entry: `avc1.64001f`, `hvc1.2.4.L93.B0`, `mp4a.40.2`.

    Raises:
        EngineError: `bad_layout` for any other codec.
    """
    kind = entry[4:8]
    match kind:
        case b"avc1" | b"avc3":
            # ISO/IEC 14496-15, 5.3.3.1: version, then profile, constraints and level as the sequence set has them.
            return f"{kind.decode()}.{_box(entry, _VISUAL, b'avcC')[1:4].hex()}"
        case b"hvc1" | b"hev1":
            return f"{kind.decode()}.{_hevc(_box(entry, _VISUAL, b'hvcC'))}"
        case b"mp4a":
            return f"mp4a.40.{_object_type(setup_of(entry))}"
        case _:
            raise EngineError("bad_layout", f"Segments cannot hold the codec {kind.decode('latin-1')}.")


def setup_of(entry: bytes) -> bytes:
    """Return what a decoder is set up with by a sample entry: films of one setup can follow each other.

    Raises:
        EngineError: `bad_layout`.
    """
    match entry[4:8]:
        case b"avc1" | b"avc3":
            return _box(entry, _VISUAL, b"avcC")
        case b"hvc1" | b"hev1":
            return _box(entry, _VISUAL, b"hvcC")
        case _:
            return _specific(_box(entry, _AUDIO, b"esds")[4:])


def shown_size(trak: bytes, entry: bytes) -> tuple[int, int]:
    """Return (width, height) of the picture of a `trak` as it is shown: in square pixels, turned."""
    width, height = struct.unpack_from(">HH", entry, _SIDES)
    for box in boxes.walk(io.BytesIO(entry), _VISUAL, len(entry)):
        if box.kind == b"pasp":
            wide, high = struct.unpack_from(">II", entry, box.content)
            width = round(Fraction(width * wide, high)) if wide and high else width
    tkhd = next(box for box in boxes.walk(io.BytesIO(trak), 8, len(trak)) if box.kind == b"tkhd")
    matrix = struct.unpack_from(">9i", trak, tkhd.end - 44)
    return (height, width) if matrix[0] == 0 and matrix[1] else (width, height)


def _hevc(record: bytes) -> str:
    """ISO/IEC 14496-15, E.3: profile, its compatibility bits reversed, tier and level, constraints without their
    trailing zeros."""
    profile, compatible = record[1], int.from_bytes(record[2:6], "big")
    space = ("", "A", "B", "C")[profile >> 6]
    tier = "H" if profile >> 5 & 1 else "L"
    reversed_bits = int(f"{compatible:032b}"[::-1], 2)
    constraints = "".join(f".{byte:X}" for byte in record[6:12].rstrip(b"\0"))
    return f"{space}{profile & 31}.{reversed_bits:X}.{tier}{record[12]}{constraints}"


def _object_type(specific: bytes) -> int:
    """The audio object type (ISO/IEC 14496-3, 1.6.2.1)."""
    kind = specific[0] >> 3
    return kind if kind != _ESCAPE else 32 + ((specific[0] & 7) << 3 | specific[1] >> 5)


def _specific(descriptor: bytes) -> bytes:
    """What an AAC decoder is set up with, out of an elementary stream descriptor."""
    _, content = _descriptor(descriptor)
    # An id and flags come before the inner descriptors; our writers set no flags.
    tag, content = _descriptor(content[3:])
    if tag != _DECODER or content[0] != _AAC:
        raise EngineError("bad_layout", "The sound is not AAC.")
    tag, specific = _descriptor(content[13:])
    if tag != _SPECIFIC:
        raise EngineError("bad_layout", "The sound does not say which AAC it is.")
    return specific


def _descriptor(data: bytes) -> tuple[int, bytes]:
    """Tag and content of a descriptor (ISO/IEC 14496-1, 8.3.3): its length is told seven bits at a time."""
    length, at = 0, 1
    while True:
        length = length << 7 | data[at] & 0x7F
        at += 1
        if not data[at - 1] & 0x80:
            return data[0], data[at : at + length]


def _box(entry: bytes, start: int, kind: bytes) -> bytes:
    for box in boxes.walk(io.BytesIO(entry), start, len(entry)):
        if box.kind == kind:
            return entry[box.content : box.end]
    raise EngineError("bad_layout", f"The sample entry has no {kind.decode()}.")
