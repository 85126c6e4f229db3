"""A frame's number, drawn into its luma plane as a strip of black and white cells and read back by measurement.

The strip runs across the whole width at a quarter of the height, clear of the corners and the middle where watermarks
and titles go. Its cells, left to right: white, black, 24 bits of the number, 8 bits of CRC (polynomial 0x07), black,
white. The two white and two black cells give the threshold, so a reader needs no knowledge of range or bit depth.
"""

from __future__ import annotations

from typing import Any

import av
import numpy as np
import numpy.typing as npt

NUMBER_BITS = 24
_CRC_BITS = 8
_CELLS = 2 + NUMBER_BITS + _CRC_BITS + 2
_TOP = 0.25
_BOTTOM = 0.3125

Luma = npt.NDArray[Any]


class BarcodeError(ValueError):
    """No barcode here, or one too damaged to trust."""


def draw(luma: Luma, number: int, *, black: int = 16, white: int = 235) -> None:
    """Draw `number` (0 … 2²⁴-1) into a luma plane of shape (height, width), in place."""
    if not 0 <= number < 1 << NUMBER_BITS:
        raise ValueError(f"{number} does not fit {NUMBER_BITS} bits")
    height, width = luma.shape
    payload = number << _CRC_BITS | _crc(number)
    bits = [(payload >> shift) & 1 for shift in reversed(range(NUMBER_BITS + _CRC_BITS))]
    cells = np.array([1, 0, *bits, 0, 1], dtype=bool)
    columns = np.arange(width) * _CELLS // width
    luma[int(height * _TOP) : round(height * _BOTTOM)] = np.where(cells[columns], white, black)


def read(luma: Luma) -> int:
    """Read the number from a luma plane of shape (height, width) and any unsigned integer type.

    Raises:
        BarcodeError: no strip is found, or its checksum does not match.
    """
    height, width = luma.shape
    top, bottom = height * _TOP, height * _BOTTOM
    middle = (bottom - top) / 4
    rows = luma[int(top + middle) : max(int(bottom - middle), int(top + middle) + 1)].mean(axis=0)
    cell = width / _CELLS
    levels = [
        rows[
            int(index * cell + cell / 4) : max(int((index + 1) * cell - cell / 4), int(index * cell + cell / 4) + 1)
        ].mean()
        for index in range(_CELLS)
    ]
    white, black = (levels[0] + levels[-1]) / 2, (levels[1] + levels[-2]) / 2
    if white - black < np.ptp(luma) / 4 or white <= black:
        raise BarcodeError("no barcode in this frame")
    payload = 0
    for level in levels[2:-2]:
        payload = payload << 1 | int(level > (white + black) / 2)
    number = payload >> _CRC_BITS
    if payload & 0xFF != _crc(number):
        raise BarcodeError("the barcode is damaged")
    return number


def read_frame(frame: av.VideoFrame) -> int:
    """Read the number from a planar YUV or grey frame of 8 to 16 bits.

    Raises:
        BarcodeError: see `read`.
    """
    return read(luma_plane(frame))


def luma_plane(frame: av.VideoFrame) -> Luma:
    """The luma plane of a planar YUV or grey frame as an array of shape (height, width), sharing its memory."""
    plane = frame.planes[0]
    kind = np.dtype(np.uint8 if frame.format.components[0].bits <= 8 else np.uint16)
    rows: Luma = np.frombuffer(memoryview(plane), dtype=kind).reshape(-1, plane.line_size // kind.itemsize)
    return rows[: frame.height, : frame.width]


def _crc(number: int) -> int:
    crc = 0
    for byte in number.to_bytes(NUMBER_BITS // 8, "big"):
        crc ^= byte
        for _ in range(8):
            crc = (crc << 1 ^ 0x07) & 0xFF if crc & 0x80 else crc << 1
    return crc
