"""H.264: parameter sets and slice headers as far as a cut needs them (ITU-T H.264, 7.3 and annex E)."""

from __future__ import annotations

from dataclasses import dataclass

from media.smartcut.bits import BitReader, escape, payload_bits, ue, unescape, with_stop_bit

SLICE, IDR, SEI, SPS, PPS, AUD = 1, 5, 6, 7, 8, 9
_CHROMA_PROFILES = {100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135}
_EXTENDED_SAR = 255
_MACROBLOCK = 256
_INTRA_SLICES = {2, 7}
# A slice header begins with the slice's first macroblock and its type: 0 is “1”, 2 is “011”, 7 is “0001000”.
_FIRST_MACROBLOCK, _INTRA, _INTRA_ALL = 0x80, 0b1011_0000, 0b1000_1000


@dataclass(frozen=True, slots=True)
class Restriction:
    """How far pictures are reordered, and how many wait in the decoder (E.2.1)."""

    reorder: int
    buffering: int


@dataclass(frozen=True, slots=True)
class SequenceParameters:
    """One sequence parameter set. `pixels` are those of a coded frame. `restriction` is None where it is left to the
    level; `restriction_at` is the bit at which its flag stands, None without video usability information."""

    id: int
    profile: int
    compatibility: int
    level: int
    chroma_format: int
    luma_bits: int
    chroma_bits: int
    references: int
    frames_only: bool
    pixels: int
    restriction: Restriction | None
    restriction_at: int | None


def parse_sps(unit: bytes) -> SequenceParameters:
    """Parse a sequence parameter set (7.3.2.1).

    Raises:
        ValueError: it is cut off.
    """
    bits = BitReader(unescape(unit[1:]))
    profile, compatibility, level = bits.u(8), bits.u(8), bits.u(8)
    identifier = bits.ue()
    chroma, luma_bits, chroma_bits = _formats(bits, profile)
    bits.ue()  # log2_max_frame_num_minus4
    _skip_order_count(bits)
    references = bits.ue()
    bits.u(1)
    across, down = bits.ue() + 1, bits.ue() + 1
    frames_only = bool(bits.u(1))
    if not frames_only:
        bits.u(1)
    bits.u(1)
    if bits.u(1):
        for _ in range(4):
            bits.ue()  # cropping
    restriction, at = _usability(bits) if bits.u(1) else (None, None)
    return SequenceParameters(
        identifier,
        profile,
        compatibility,
        level,
        chroma,
        luma_bits,
        chroma_bits,
        references,
        frames_only,
        across * down * _MACROBLOCK * (1 if frames_only else 2),
        restriction,
        at,
    )


def pps_ids(unit: bytes) -> tuple[int, int]:
    """The identifiers of a picture parameter set and of the sequence parameter set it belongs to (7.3.2.2)."""
    bits = BitReader(unescape(unit[1:32]))
    return bits.ue(), bits.ue()


def is_intra_slice(unit: bytes) -> bool:
    """Whether the slice, and every other of its picture if it says so, is predicted from no other picture (7.4.3)."""
    if unit[1] & _FIRST_MACROBLOCK:
        return unit[1] & 0xF0 == _INTRA or unit[1] == _INTRA_ALL
    bits = BitReader(unescape(bytes(unit[1:16])))
    bits.ue()
    return bits.ue() in _INTRA_SLICES


def restrict_like(unit: bytes, source: SequenceParameters) -> bytes:
    """A sequence parameter set of our encoder with the reordering and buffering that the source declares.

    Decoders may drop pictures that wait for display where these values change (C.4.4).
    """
    own = parse_sps(unit)
    if own.restriction_at is None or own.restriction is None:
        return unit
    bits = payload_bits(unescape(unit[1:]))
    head, tail = bits[: own.restriction_at], bits[own.restriction_at :]
    if source.restriction is None:
        return unit[:1] + _escaped(head + "0")
    reader = BitReader(with_stop_bit(tail))
    reader.u(2)
    for _ in range(4):
        reader.ue()
    kept = tail[: reader.position]
    buffering = max(own.restriction.buffering, source.restriction.buffering)
    return unit[:1] + _escaped(head + kept + ue(source.restriction.reorder) + ue(buffering))


def _escaped(bits: str) -> bytes:
    return escape(with_stop_bit(bits))


def _formats(bits: BitReader, profile: int) -> tuple[int, int, int]:
    if profile not in _CHROMA_PROFILES:
        return 1, 8, 8
    chroma = bits.ue()
    if chroma == 3:
        bits.u(1)
    luma_bits, chroma_bits = bits.ue() + 8, bits.ue() + 8
    bits.u(1)
    if bits.u(1):
        for number in range(8 if chroma != 3 else 12):
            if bits.u(1):
                _skip_scaling_list(bits, 16 if number < 6 else 64)
    return chroma, luma_bits, chroma_bits


def _skip_scaling_list(bits: BitReader, size: int) -> None:
    last = following = 8
    for _ in range(size):
        if following:
            following = (last + bits.se()) % 256
        last = following or last


def _skip_order_count(bits: BitReader) -> None:
    kind = bits.ue()
    if kind == 0:
        bits.ue()
    elif kind == 1:
        bits.u(1)
        bits.se()
        bits.se()
        for _ in range(bits.ue()):
            bits.se()


def _usability(bits: BitReader) -> tuple[Restriction | None, int]:
    if bits.u(1) and bits.u(8) == _EXTENDED_SAR:
        bits.u(32)
    if bits.u(1):
        bits.u(1)
    if bits.u(1):
        bits.u(4)
        if bits.u(1):
            bits.u(24)
    if bits.u(1):
        bits.ue()
        bits.ue()
    if bits.u(1):
        bits.u(65)  # timing
    buffered = [_skip_buffering(bits) for _ in range(2) if bits.u(1)]
    if buffered:
        bits.u(1)
    bits.u(1)
    at = bits.position
    if not bits.u(1):
        return None, at
    bits.u(1)
    for _ in range(4):
        bits.ue()
    return Restriction(bits.ue(), bits.ue()), at


def _skip_buffering(bits: BitReader) -> bool:
    count = bits.ue() + 1
    bits.u(8)
    for _ in range(count):
        bits.ue()
        bits.ue()
        bits.u(1)
    bits.u(20)
    return True
