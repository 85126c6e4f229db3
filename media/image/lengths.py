"""Lengths of a request: pixels, or a share of the side that they are measured against."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from media.errors import InputError

Gravity = Literal[
    "center", "top", "bottom", "left", "right", "top-left", "top-right", "bottom-left", "bottom-right", "smart", "face",
]  # fmt: skip
"""Which part of a picture matters: what a crop keeps, or where something is put. “smart” and “face” look at it."""

LOOKING: tuple[Gravity, ...] = ("smart", "face")
"""Those that look at the picture."""


@dataclass(frozen=True, slots=True)
class Length:
    """`amount` pixels, or with `relative` that share of a side."""

    amount: Fraction
    relative: bool = False

    @classmethod
    def of(cls, text: int | str) -> Length:
        """Read `120`, `"120"` or `"12.5%"`; raises InputError `invalid_length`."""
        plain = str(text).strip()
        try:
            if plain.endswith("%"):
                return cls(Fraction(plain[:-1]) / 100, relative=True)
            return cls(Fraction(plain))
        except (ValueError, ZeroDivisionError):
            raise InputError(
                "invalid_length", f"{plain!r} is no length: write pixels (120) or a share (12.5%)."
            ) from None

    def pixels(self, side: int) -> int:
        """The length in whole pixels, of a side of `side` pixels."""
        exact = self.amount * side if self.relative else self.amount
        return int(exact + Fraction(1, 2))


ZERO = Length(Fraction(0))
TWENTIETH = Length(Fraction(1, 20), relative=True)
QUARTER = Length(Fraction(1, 4), relative=True)


def place(inner: tuple[int, int], outer: tuple[int, int], gravity: Gravity) -> tuple[int, int]:
    """Where the top left corner of `inner` (width, height) goes in `outer`; “smart” and “face” count as the centre."""
    across, down = place_exactly(inner, outer, gravity)
    return int(across // 1), int(down // 1)


def place_exactly(
    inner: tuple[Fraction | int, Fraction | int], outer: tuple[int, int], gravity: Gravity
) -> tuple[Fraction, Fraction]:
    """The same, not rounded to pixels."""
    sides = gravity.split("-")
    across = _share(sides, "left", "right") * (outer[0] - inner[0])
    return across, _share(sides, "top", "bottom") * (outer[1] - inner[1])


def _share(sides: list[str], first: str, last: str) -> Fraction:
    return Fraction(0 if first in sides else 2 if last in sides else 1, 2)
