from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli.times import clock, decimal, parse_range, parse_time


@pytest.mark.parametrize(
    ("text", "start", "end"),
    [
        ("15:00-45:00", "900", "2700"),
        ("900-", "900", None),
        ("-30", "0", "30"),
        ("1:02:03.5-1:10:00", "3723.5", "4200"),
        (" 0.1 - 0.3 ", "0.1", "0.3"),
        ("90:00-91:00", "5400", "5460"),
    ],
)
def test_ranges(text, start, end):
    assert parse_range(text) == {"start": start} | ({"end": end} if end else {})


@pytest.mark.parametrize(
    "text", ["", "-", "15:00", "45:00-15:00", "5-5", "1:60-2:00", "1:60:00-", "a-b", "1e3-", "--5"]
)
def test_what_is_no_range_is_refused(text):
    with pytest.raises(ValueError, match=r"not a range|not a time|keeps nothing"):
        parse_range(text)


@given(st.integers(0, 10**14))
def test_decimals_are_exact(nanoseconds):
    seconds = Fraction(nanoseconds, 10**9)
    assert parse_time(decimal(seconds)) == seconds


@given(st.integers(0, 10**9))
def test_clocks_read_back(milliseconds):
    seconds = Fraction(milliseconds, 1000)
    assert parse_time(clock(seconds)) == seconds


def test_decimals_round_down():
    assert decimal(Fraction(2, 3), digits=3) == "0.666"
