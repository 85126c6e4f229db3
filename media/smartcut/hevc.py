"""HEVC: parameter sets as far as a cut needs them, and their renumbering (ITU-T H.265, 7.3).

Our encoder numbers its parameter sets 0, as most sources do. A slice names its picture parameter set in its header,
before entropy-coded data that must stay aligned to bytes. Identifier 0 takes one bit and 15 to 30 take nine, so that
renaming it to one of these moves the rest of the slice by exactly one byte.
"""

from __future__ import annotations

from dataclasses import dataclass

from media.smartcut.bits import BitReader, escape, from_bits, payload_bits, to_bits, ue, unescape, with_stop_bit

LAST_SLICE, VPS, SPS, PPS, AUD, SEI = 31, 32, 33, 34, 35, 39
LEADING = range(6, 10)
ENTRIES = range(16, 22)
BLA_N_LP, IDR_W_RADL, IDR_N_LP, CRA = 18, 19, 20, 21
PPS_IDS = range(15, 31)
_HEADER = 2
_PROFILE_BITS = 88


@dataclass(frozen=True, slots=True)
class SequenceParameters:
    """One sequence parameter set: its profile, tier and level as twelve bytes, and at which bits its identifier and
    its ordering information lie; `ordering` is buffering, reordering and latency of the highest layer (7.4.3.2)."""

    id: int
    profile: bytes
    layers: int
    nested: int
    chroma_format: int
    luma_bits: int
    chroma_bits: int
    pixels: int
    id_bits: tuple[int, int]
    ordering_bits: tuple[int, int]
    ordering: tuple[int, int, int]


def kind(unit: bytes) -> int:
    """The type of a NAL unit (7.3.1.2)."""
    return unit[0] >> 1 & 63


def with_kind(unit: bytes, number: int) -> bytes:
    """The unit under another type."""
    return bytes([unit[0] & 0x81 | number << 1]) + unit[1:]


def vps_id(unit: bytes) -> int:
    """The identifier of a video parameter set (7.3.2.1)."""
    return unit[_HEADER] >> 4


def pps_ids(unit: bytes) -> tuple[int, int]:
    """The identifiers of a picture parameter set and of the sequence parameter set it belongs to (7.3.2.3.1)."""
    bits = BitReader(unescape(unit[_HEADER:32]))
    return bits.ue(), bits.ue()


def parse_sps(unit: bytes) -> SequenceParameters:
    """Parse a sequence parameter set (7.3.2.2.1) up to its ordering information.

    Raises:
        ValueError: it is cut off.
    """
    bits = BitReader(unescape(unit[_HEADER:]))
    bits.u(4)
    layers, nested = bits.u(3), bits.u(1)
    profile = bits.u(_PROFILE_BITS + 8).to_bytes(12, "big")
    _skip_layers(bits, layers)
    start = bits.position
    identifier = bits.ue()
    id_bits = (start, bits.position)
    chroma = bits.ue()
    if chroma == 3:
        bits.u(1)
    pixels = bits.ue() * bits.ue()
    if bits.u(1):
        for _ in range(4):
            bits.ue()  # conformance window
    luma_bits, chroma_bits = bits.ue() + 8, bits.ue() + 8
    bits.ue()
    every = bits.u(1)
    start = bits.position
    ordering = (0, 0, 0)
    for _ in range(layers + 1 if every else 1):
        ordering = (bits.ue(), bits.ue(), bits.ue())
    return SequenceParameters(
        identifier,
        profile,
        layers + 1,
        nested,
        chroma,
        luma_bits,
        chroma_bits,
        pixels,
        id_bits,
        (start, bits.position),
        ordering,
    )


def renumbered_vps(unit: bytes, number: int) -> bytes:
    """A video parameter set under another identifier."""
    return unit[:_HEADER] + bytes([unit[_HEADER] & 0x0F | number << 4]) + unit[_HEADER + 1 :]


def renumbered_sps(unit: bytes, own: SequenceParameters, source: SequenceParameters, number: int, vps: int) -> bytes:
    """A sequence parameter set of our encoder under other identifiers, and with no less buffering and reordering than
    the source declares: decoders may drop waiting pictures where these change (C.5.2.2)."""
    bits = payload_bits(unescape(unit[_HEADER:]))
    ordering = bits[slice(*own.ordering_bits)]
    if own.layers == 1:
        buffering, reorder = max(own.ordering[0], source.ordering[0]), source.ordering[1]
        ordering = ue(buffering) + ue(reorder) + ue(source.ordering[2])
    head = f"{vps:04b}" + bits[4 : own.id_bits[0]] + ue(number) + bits[own.id_bits[1] : own.ordering_bits[0]]
    return unit[:_HEADER] + escape(with_stop_bit(head + ordering + bits[own.ordering_bits[1] :]))


def renumbered_pps(unit: bytes, number: int, sps: int) -> bytes:
    """A picture parameter set numbered 0, and belonging to 0, under other identifiers."""
    bits = payload_bits(unescape(unit[_HEADER:]))
    return unit[:_HEADER] + escape(with_stop_bit(ue(number) + ue(sps) + bits[2:]))


def renumbered_slice(unit: bytes, number: int) -> bytes:
    """A slice of picture parameter set 0 under one of `PPS_IDS`.

    Raises:
        ValueError: it belongs to another parameter set.
    """
    data = unescape(unit[_HEADER:])
    at = 2 if kind(unit) in range(16, 24) else 1
    head = to_bits(data[:1])
    if head[at] != "1":
        raise ValueError("the slice does not belong to parameter set 0")
    return unit[:_HEADER] + escape(from_bits(head[:at] + ue(number) + head[at + 1 :]) + data[1:])


def _skip_layers(bits: BitReader, layers: int) -> None:
    present = [(bits.u(1), bits.u(1)) for _ in range(layers)]
    if layers:
        bits.u(2 * (8 - layers))
    for profile, level in present:
        bits.u(_PROFILE_BITS * profile + 8 * level)
