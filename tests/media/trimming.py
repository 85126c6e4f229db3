"""Trims for tests: by numbers or text, as files."""

from fractions import Fraction

import pytest

from media.errors import InputError
from media.trim import trim
from media.types import Range


def cut(source, target, *keep, **options):
    ranges = [Range(Fraction(start), None if end is None else Fraction(end)) for start, end in keep]
    with source.open("rb") as file:
        return trim(file, target, ranges, **options)


def refusal(source, target, *keep):
    with pytest.raises(InputError) as caught:
        cut(source, target, *keep)
    assert not target.exists()
    return caught.value.code
