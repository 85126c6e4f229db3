from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import InputError
from core.timecode import format_time, parse_time


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("15:00", 900),
        ("1:02:03.5", Fraction(7447, 2)),
        ("00:00:00.001", Fraction(1, 1000)),
        ("90.5", Fraction(181, 2)),
        (0.1, Fraction(1, 10)),
        (0.00001, Fraction(1, 10**5)),
        (1.5e-7, Fraction(15, 10**8)),
        (Decimal("1E-9"), Fraction(1, 10**9)),
        (1e8, 10**8),
        (7, 7),
        (" 12 ", 12),
        ("100:00:00", 360000),
    ],
)
def test_every_way_to_write_a_time(text, seconds):
    assert parse_time(text) == seconds


@pytest.mark.parametrize(
    "text",
    [
        "",
        "-1",
        "1:60",
        "1:2:3:4",
        "nan",
        "1e3",
        "ten",
        "1,5",
        True,
        float("inf"),
        1e-10,
        1e16,
        "1e-5",
        "٣",
        "60:00.0.0",
    ],
)
def test_what_is_no_time_is_refused(text):
    with pytest.raises(InputError) as caught:
        parse_time(text)
    assert caught.value.code == "invalid_time"


@given(st.integers(0, 10**15))
def test_a_written_time_reads_back_exactly(nanoseconds):
    seconds = Fraction(nanoseconds, 10**9)
    assert parse_time(format_time(seconds, places=9)) == seconds


def test_formatting_has_no_exponent_and_no_trailing_zero():
    assert [format_time(Fraction(value)) for value in (0, 100, "0.5", "1/3")] == ["0", "100", "0.5", "0.333333"]
