"""The ranged file, against the same bytes in memory."""

import io
import random
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import TransientError
from core.storage.ranged import ATTEMPTS, FIRST_WINDOW, KEPT_BYTES, LARGEST_WINDOW, RangedFile

BODY = random.Random(5).randbytes(3 * 2**20)
SEEK = st.tuples(st.just("seek"), st.integers(0, len(BODY) + 100))
READ = st.tuples(st.just("read"), st.integers(0, 900_000))


class Store:
    """Bytes that are asked for by range; remembers what was asked, and fails as often as told."""

    def __init__(self, body, failures=0):
        self.body = body
        self.asked = []
        self.failures = failures

    def __call__(self, start, end):
        self.asked.append((start, end))
        if self.failures:
            self.failures -= 1
            raise TransientError("storage_unavailable", "away")
        return self.body[start:end]


def opened(store):
    return RangedFile(store, len(store.body), pause_s=0.0001)


@settings(max_examples=60, deadline=None)
@given(st.lists(SEEK | READ, max_size=20))
def test_it_reads_as_a_file_does(steps):
    mine, real = opened(Store(BODY)), io.BytesIO(BODY)
    for what, number in steps:
        assert getattr(mine, what)(number) == getattr(real, what)(number)
        assert mine.tell() == real.tell()


def test_windows_grow_while_reading_goes_on():
    store = Store(bytes(40 * 2**20))
    with opened(store) as file:
        while file.read(100_000):
            pass
    sizes = [end - start for start, end in store.asked]
    assert sizes[:6] == [FIRST_WINDOW * 2**n for n in range(6)]
    assert max(sizes) == LARGEST_WINDOW
    assert sum(sizes) == len(store.body)


def test_a_jump_costs_one_small_window():
    store = Store(BODY)
    with opened(store) as file:
        file.read(10)
        file.seek(2**21)
        file.read(10)
        assert store.asked == [(0, FIRST_WINDOW), (2**21, 2**21 + FIRST_WINDOW)]
        assert file.bytes_read == 2 * FIRST_WINDOW
        assert file.requests == 2


def test_going_back_and_forth_costs_no_more_than_in_order():
    half = 8 * 2**20
    store = Store(bytes(2 * half))
    with opened(store) as file:
        for at in range(0, half, 10_000):
            for base in (0, half):
                file.seek(base + at)
                file.read(min(10_000, half - at))
        assert file.bytes_read <= 2 * half + 2 * LARGEST_WINDOW
    assert len(store.asked) < 16


def test_memory_is_bounded():
    store = Store(bytes(200 * 2**20))
    with opened(store) as file:
        while file.read(2**20):
            kept = [len(window.data) for window in file.raw._windows]
            assert sum(kept) <= KEPT_BYTES
    assert len(kept) >= KEPT_BYTES // LARGEST_WINDOW


@settings(max_examples=60, deadline=None)
@given(
    st.lists(SEEK | READ, max_size=20), st.lists(st.tuples(st.integers(0, len(BODY)), st.integers(0, 2 * len(BODY))))
)
def test_no_byte_is_fetched_twice(steps, expected):
    store = Store(BODY)
    with opened(store) as file:
        file.expect(expected)
        for what, number in steps:
            getattr(file, what)(number)
        assert file.bytes_read == sum(end - start for start, end in store.asked)
    stretches = sorted(store.asked)
    assert all(before[1] <= after[0] for before, after in pairwise(stretches))


def test_what_has_come_is_expected_no_more():
    store = Store(bytes(80 * 2**20))
    with opened(store) as file:
        file.expect([(0, len(store.body))])
        while file.read(2**20):
            pass
        file.seek(5)
        file.read(1)
    assert store.asked[-1] == (5, 5 + FIRST_WINDOW)


def test_what_is_expected_is_read_and_no_more():
    store = Store(bytes(40 * 2**20))
    start, end = 2**20 + 5, 21 * 2**20 + 7
    with opened(store) as file:
        file.expect([(start, end)])
        file.seek(start)
        while file.tell() < end:
            file.read(min(100_000, end - file.tell()))
        assert file.bytes_read == end - start
        assert len(store.asked) == 3
        file.read(1)
        assert store.asked[-1] == (end, end + FIRST_WINDOW)


def test_a_fetch_that_fails_is_made_again():
    store = Store(BODY, failures=ATTEMPTS - 1)
    with opened(store) as file:
        assert file.read(100) == BODY[:100]
        assert file.requests == ATTEMPTS
        assert file.bytes_read == FIRST_WINDOW


def test_a_store_that_stays_away():
    with opened(Store(BODY, failures=ATTEMPTS)) as file, pytest.raises(TransientError):
        file.read(1)


def test_too_few_bytes_are_an_error_not_an_end():
    store = Store(BODY)
    with RangedFile(store, len(BODY) + 1, pause_s=0.0001) as file:
        file.seek(len(BODY) - 5)
        with pytest.raises(TransientError):
            file.read()


def test_a_closed_file():
    file = opened(Store(BODY))
    file.close()
    with pytest.raises(ValueError, match="closed"):
        file.read(1)
