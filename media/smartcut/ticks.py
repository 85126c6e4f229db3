"""Exact conversion of timestamps between units, in whole numbers."""

from __future__ import annotations

from fractions import Fraction


class Ticks:
    """Callable: ticks of `unit` seconds, moved by `shift` seconds, as the nearest tick of `to` seconds."""

    def __init__(self, unit: Fraction, to: Fraction, shift: Fraction) -> None:
        factor, offset = unit / to, shift / to
        self._divisor = 2 * factor.denominator * offset.denominator
        self._factor = 2 * factor.numerator * offset.denominator
        self._offset = 2 * offset.numerator * factor.denominator + self._divisor // 2

    def __call__(self, ticks: int) -> int:
        return (ticks * self._factor + self._offset) // self._divisor

    @property
    def distance(self) -> int | None:
        """By how many ticks all are moved; None where the units differ."""
        return self(0) if self._factor == self._divisor else None

    def earliest(self, place: int) -> int:
        """The first tick that becomes `place` or a later one."""
        return -((self._offset - place * self._divisor) // self._factor)
