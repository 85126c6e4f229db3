"""Bit strings of H.264 and HEVC headers: Exp-Golomb numbers and emulation prevention (ITU-T H.264, 7.2 to 7.4, 9.1)."""

from __future__ import annotations


class BitReader:
    """Reads a header from its first bit; `position` counts bits.

    Raises:
        ValueError: the header ends too early.
    """

    def __init__(self, data: bytes) -> None:
        self._value = int.from_bytes(data, "big")
        self._length = len(data) * 8
        self.position = 0

    def u(self, count: int) -> int:
        """An unsigned number of `count` bits."""
        left = self._length - self.position - count
        if left < 0:
            raise ValueError("the header is cut off")
        self.position += count
        return self._value >> left & (1 << count) - 1

    def ue(self) -> int:
        """An unsigned Exp-Golomb number."""
        zeros = 0
        while not self.u(1):
            zeros += 1
            if zeros > 32:
                raise ValueError("not an Exp-Golomb number")
        return (1 << zeros) - 1 + self.u(zeros)

    def se(self) -> int:
        """A signed Exp-Golomb number."""
        value = self.ue()
        return (value + 1) // 2 if value % 2 else -(value // 2)


def ue(value: int) -> str:
    """An unsigned Exp-Golomb number as a string of 0 and 1."""
    digits = f"{value + 1:b}"
    return "0" * (len(digits) - 1) + digits


def to_bits(data: bytes) -> str:
    """All bits of `data` as a string of 0 and 1."""
    return f"{int.from_bytes(data, 'big'):0{len(data) * 8}b}" if data else ""


def from_bits(bits: str) -> bytes:
    """Bits as bytes, padded with zeros at the end."""
    bits += "0" * (-len(bits) % 8)
    return int(bits, 2).to_bytes(len(bits) // 8, "big")


def payload_bits(data: bytes) -> str:
    """The bits of a raw byte sequence without its trailing stop bit."""
    return to_bits(data).rstrip("0")[:-1]


def with_stop_bit(bits: str) -> bytes:
    """The raw byte sequence of these bits: a stop bit and zeros up to the next byte are added."""
    return from_bits(bits + "1")


def unescape(data: bytes) -> bytes:
    """Remove the emulation prevention bytes of a NAL unit."""
    if b"\0\0\3" not in data:
        return data
    pieces = bytearray()
    start = 0
    while (at := data.find(b"\0\0\3", start)) >= 0:
        pieces += data[start : at + 2]
        start = at + 3
    return bytes(pieces + data[start:])


def escape(data: bytes) -> bytes:
    """Insert emulation prevention bytes, so that no three bytes look like a start code."""
    out = bytearray()
    zeros = 0
    for byte in data:
        if zeros >= 2 and byte <= 3:
            out.append(3)
            zeros = 0
        out.append(byte)
        zeros = zeros + 1 if byte == 0 else 0
    return bytes(out)
