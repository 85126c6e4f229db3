"""How a stored picture is turned and mirrored to be shown: the display matrix of ISO/IEC 14496-12, 8.3.2.

The upper left of the matrix maps a stored point (x, y), y downwards, to (a·x + c·y, b·x + d·y). Players only honour
the eight right-angled cases, so a matrix counts as the nearest of them.
"""

from __future__ import annotations

from dataclasses import dataclass

Matrix = tuple[int, ...]

_FILTERS: dict[tuple[int, int, int, int], tuple[tuple[str, str], ...]] = {
    (1, 0, 0, 1): (),
    (-1, 0, 0, 1): (("hflip", ""),),
    (1, 0, 0, -1): (("vflip", ""),),
    (-1, 0, 0, -1): (("hflip", ""), ("vflip", "")),
    (0, 1, -1, 0): (("transpose", "clock"),),
    (0, -1, 1, 0): (("transpose", "cclock"),),
    (0, 1, 1, 0): (("transpose", "cclock_flip"),),
    (0, -1, -1, 0): (("transpose", "clock_flip"),),
}


@dataclass(frozen=True, slots=True)
class Orientation:
    """One of the eight right-angled ways from the stored to the shown picture."""

    a: int = 1
    b: int = 0
    c: int = 0
    d: int = 1

    @classmethod
    def of(cls, matrix: Matrix | None) -> Orientation:
        """The nearest to a nine-integer display matrix in row order; upright for None."""
        if matrix is None:
            return cls()
        a, b, c, d = matrix[0], matrix[1], matrix[3], matrix[4]
        return max((cls(*key) for key in _FILTERS), key=lambda o: o.a * a + o.b * b + o.c * c + o.d * d)

    @property
    def swaps_sides(self) -> bool:
        """Whether width and height change places."""
        return self.a == 0

    @property
    def inverse(self) -> Orientation:
        """From the shown picture back to the stored one."""
        return Orientation(self.a, self.c, self.b, self.d)

    @property
    def filters(self) -> tuple[tuple[str, str], ...]:
        """FFmpeg filters (name, arguments) that turn a stored picture into the shown one."""
        return _FILTERS[self.a, self.b, self.c, self.d]

    def size(self, width: int, height: int) -> tuple[int, int]:
        """Width and height of the shown picture, of those stored."""
        return (height, width) if self.swaps_sides else (width, height)
