"""Whether samples may be copied as they lie in the source, looked at a few hundred at a time."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from media.tables import Flags, Ints

# No picture that anything makes has more slices and messages; without a bound, tiny units could cost hours.
_MOST_UNITS = 600
_LENGTH_SIZE = 4


@dataclass(frozen=True, slots=True)
class Units:
    """What the first byte of a NAL unit says: whether a track keeps such a unit, and whether it is part of a picture.
    Both have 256 places."""

    kept: Flags
    slices: Flags

    @classmethod
    def told_by(cls, number: Callable[[int], int], *, kept: Collection[int], slices: Collection[int]) -> Units:
        """Of the types of units that are kept, and are slices; `number` tells the type by the first byte."""
        types = [number(first) for first in range(256)]
        return cls(np.array([found in kept for found in types]), np.array([found in slices for found in types]))


def are_plain(data: npt.NDArray[np.uint8], starts: Ints, sizes: Ints, units: Units) -> bool:
    """Whether each sample of `data` is made of NAL units behind four-byte lengths (ISO/IEC 14496-15, 4.3.3), all of
    which the track keeps, and one of which is a slice; a sample that is not has to be taken apart."""
    at, ends = starts.copy(), starts + sizes
    pictures = np.zeros(len(starts), np.bool_)
    left = np.arange(len(starts))
    for _ in range(_MOST_UNITS):
        if not len(left):
            return bool(pictures.all())
        here = at[left]
        if (here + _LENGTH_SIZE >= ends[left]).any():
            return False
        lengths = np.zeros(len(left), np.int64)
        for place in range(_LENGTH_SIZE):
            lengths = lengths << 8 | data[here + place]
        first = data[here + _LENGTH_SIZE]
        after = here + _LENGTH_SIZE + lengths
        if (lengths == 0).any() or (after > ends[left]).any() or not units.kept[first].all():
            return False
        pictures[left] |= units.slices[first]
        at[left] = after
        left = left[after < ends[left]]
    return False
