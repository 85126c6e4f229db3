"""The arithmetic of cues."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media.side.lane import ENDLESS, MAX_TOGETHER, MAX_WAITING, Lane, Stretch
from media.side.text import CODECS, MAX_BYTES, plain_text, shortened

TENTHS = st.integers(0, 600).map(lambda n: Fraction(n, 10))
CUE = st.tuples(TENTHS, st.integers(1, 120).map(lambda n: Fraction(n, 10)), st.sampled_from("abcdefgh"))


def laid(cues, start, end, at=Fraction(0), step=Fraction(7, 10), lag=Fraction(5)):
    """The stretches of one range when cues come in order and time goes on in steps."""
    lane, made = Lane(), []
    made += lane.begin(start, at)
    waiting = sorted(cues, key=lambda cue: cue[0])
    now = start
    while now < end:
        now = min(now + step, end)
        while waiting and waiting[0][0] <= now:
            lane.put(*waiting.pop(0))
        made += lane.until(at + now - start - lag)
    for cue in waiting:
        lane.put(*cue)
    return lane, made + lane.end(at + end - start)


@given(st.lists(CUE, max_size=12, unique_by=lambda cue: (cue[0], cue[2])), TENTHS, st.integers(1, 300), TENTHS)
def test_at_every_moment_the_cues_on_show_and_no_gap(cues, start, length, at):
    end = start + Fraction(length, 10)
    given_cues = [(first, first + lasting, text) for first, lasting, text in cues]
    _, made = laid(given_cues, start, end, at)
    within = made[1:] if at else made
    assert made[0].start == 0
    assert made[-1].end == at + end - start
    assert all(one.end == other.start for one, other in pairwise(made))
    for stretch in within:
        middle = (stretch.start + stretch.end) / 2 - at + start
        shown = sorted((cue for cue in given_cues if cue[0] <= middle < cue[1]), key=lambda cue: cue[0])
        assert sorted(stretch.text.split("\n") if stretch.text else []) == sorted({text for _, _, text in shown})


def test_a_range_cuts_cues_at_both_ends_and_moves_them():
    _, made = laid([(Fraction(1), Fraction(3), "a"), (Fraction(4), Fraction(9), "b")], Fraction(2), Fraction(5))
    assert made == [Stretch(0, 1, "a"), Stretch(1, 2, ""), Stretch(2, 3, "b")]


def test_long_silence_comes_in_pieces():
    _, made = laid([], Fraction(0), Fraction(60))
    assert {stretch.text for stretch in made} == {""}
    assert 5 <= max(stretch.end - stretch.start for stretch in made) < 12


def test_a_cue_without_an_end_lasts_to_the_next_or_for_a_while():
    _, made = laid([(Fraction(1), None, "a"), (Fraction(4), None, "b")], Fraction(0), Fraction(30))
    assert [stretch for stretch in made if stretch.text] == [Stretch(1, 4, "a"), Stretch(4, 4 + ENDLESS, "b")]


def test_a_silent_packet_ends_a_cue_without_an_end():
    _, made = laid([(Fraction(1), None, "a"), (Fraction(2), Fraction(3), "")], Fraction(0), Fraction(9))
    assert [stretch for stretch in made if stretch.text] == [Stretch(1, 2, "a")]


def test_what_is_read_twice_is_shown_once():
    lane = Lane()
    for _ in range(2):
        lane.put(Fraction(1), Fraction(2), "a")
    lane.begin(Fraction(0), Fraction(0))
    lane.put(Fraction(1), Fraction(2), "a")
    assert lane.end(Fraction(3))[1] == Stretch(1, 2, "a")
    assert not lane.lost


def test_a_cue_whose_time_has_passed_is_cut_and_told():
    lane = Lane()
    lane.begin(Fraction(0), Fraction(0))
    lane.until(Fraction(20))
    lane.put(Fraction(5), Fraction(30), "late")
    assert lane.end(Fraction(25)) == [Stretch(20, 25, "late")]
    assert lane.lost


@pytest.mark.parametrize("count", [MAX_TOGETHER + 1, MAX_WAITING + 1])
def test_too_many_at_once_are_bounded_and_told(count):
    cues = [(Fraction(1), Fraction(2), f"{n:05d}") for n in range(count)]
    lane, made = laid(cues, Fraction(0), Fraction(3))
    (shown,) = [stretch.text for stretch in made if stretch.text]
    assert shown.split("\n") == [f"{n:05d}" for n in range(MAX_TOGETHER)]
    assert lane.lost


def test_what_is_shown_together_fits_a_sample():
    cues = [(Fraction(1), Fraction(2), chr(0x4E00 + n) * (MAX_BYTES // 3)) for n in range(MAX_TOGETHER)]
    _, made = laid(cues, Fraction(0), Fraction(3))
    assert max(len(stretch.text.encode()) for stretch in made) <= 0xFFFF


@pytest.mark.parametrize(
    ("codec", "data", "text"),
    [
        ("mov_text", b"\x00\x05hello\x00\x00\x00\x0cstyl", "hello"),
        ("mov_text", b"\x00\x00", ""),
        ("mov_text", b"\x00", ""),
        ("mov_text", b"\xff\xffshort", "short"),
        ("mov_text", b"\x00\x06\xfe\xff\x00H\x00i", "Hi"),
        ("subrip", '<i>one</i>\r\n{\\an8}two <font color="#fff">ü</font>'.encode(), "one\ntwo ü"),
        ("subrip", b"1 < 2 > 0 & <3", "1 < 2 > 0 & <3"),
        ("webvtt", b"<v Ann>A &amp; B</v> <00:01.000><c.red>now</c>", "A & B now"),
        ("ass", b"4,0,Default,,0,0,0,,{\\b1}One{\\b0}, two\\Nthree\\hfour", "One, two\nthree four"),
        ("ass", b"4,0,Default,,0,0,0,,{\\p1}m 0 0 l 9 9{\\p0}text", "text"),
        ("ssa", b"4,0,Default", ""),
        ("text", b"\xef\xbb\xbf\n\nplain \x07 \n\n", "plain"),
        ("subrip", b"\xc3\x28\xff", "\ufffd(\ufffd"),
    ],
)
def test_plain_text(codec, data, text):
    assert plain_text(codec, data) == text


@given(st.sampled_from(sorted(CODECS)), st.binary(max_size=200))
def test_any_bytes_give_some_text(codec, data):
    text = plain_text(codec, data)
    assert text == text.strip("\n")
    assert "\0" not in text
    assert text.encode("utf-8", "replace").decode() or text == ""


@given(st.text(max_size=50), st.integers(0, 60))
def test_shortened_text_is_a_beginning_in_whole_characters(text, limit):
    made = shortened(text, limit)
    assert text.startswith(made)
    assert len(made.encode("utf-8", "replace")) <= limit
