"""Title cards: inside the safe area at every shape, faded in, and refused rather than drawn with empty boxes."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from media.errors import InputError
from media.lettering import clean_text, set_block
from media.titles import SAFE, Title, accent_for, contrast, make_title, parse_color

LONG = "A rather long introduction to the spectral theory of graphs and its many uses in computing"


def card(
    title: str, subtitle: str = "", size=(640, 360), *, background="#101820", color="#ffffff", duration=4
) -> Title:
    return make_title(title, subtitle, size=size, duration=Fraction(duration), background=background, color=color)


def ink(title: Title, time: Fraction) -> np.ndarray:
    """How far each pixel is from the ground, rows by columns."""
    return np.abs(np.asarray(title.at(time), int) - title.background).sum(axis=2)


@pytest.mark.parametrize("size", [(1920, 1080), (320, 180), (1080, 1920), (96, 96)])
@pytest.mark.parametrize("text", ["Hi", "Lecture three", LONG])
def test_everything_stays_in_the_safe_area(size: tuple[int, int], text: str) -> None:
    picture = card(text, "with a subtitle" if size != (96, 96) else "", size=size)
    rows, columns = np.nonzero(ink(picture, Fraction(4)) > 30)
    width, height = size
    assert picture.at(Fraction(4)).size == size
    assert columns.min() >= int(width * SAFE) - 2
    assert columns.max() <= width - int(width * SAFE) + 2
    assert rows.min() >= int(height * SAFE)
    assert rows.max() <= height - int(height * SAFE)
    assert abs((rows.min() + rows.max()) / 2 - height / 2) < height / 10  # set in the middle


def test_fades_in_and_settles() -> None:
    title = card("Fade", "in")
    seen = [int(ink(title, Fraction(n, 10)).sum()) for n in range(0, 12)]
    assert seen[0] == 0
    assert seen == sorted(seen)
    assert title.settled == 1
    assert np.array_equal(ink(title, title.settled), ink(title, Fraction(4)))
    assert seen[5] < seen[10]


def test_a_short_card_fades_faster() -> None:
    assert card("Quick", duration=Fraction(3, 2)).settled == Fraction(1, 2)


def test_final_colours_are_those_asked_for() -> None:
    picture = np.asarray(card("IIII", background="#204060", color="#ffeedd").at(Fraction(4)))
    colours = {tuple(int(v) for v in pixel) for pixel in picture.reshape(-1, 3)}
    assert {(0x20, 0x40, 0x60), (0xFF, 0xEE, 0xDD)} <= colours


def test_words_are_not_cut_and_lines_are_even() -> None:
    block = set_block("Introduction to Spectral Graph Theory", 40, 600)
    assert " ".join(block.lines) == "Introduction to Spectral Graph Theory"
    assert len(block.lines) == 2
    assert block.width < 500  # a greedy break would leave "Theory" alone under a full line


def test_a_word_wider_than_the_card_is_cut() -> None:
    rows = ink(card("Donaudampfschifffahrtsgesellschaftskapitaensmuetze" * 2, size=(320, 180)), Fraction(4))
    assert rows[:, -int(320 * SAFE) :].max() == 0


@pytest.mark.parametrize("text", ["漢字", "Ünal", "smile 😀", "a\x00b", "zero\u200bwidth", "שלום"])
def test_text_without_glyphs_is_refused_by_name(text: str) -> None:
    with pytest.raises(InputError) as raised:
        card(text)
    assert raised.value.code == "unsupported_text"
    strange = next(c for c in text if not c.isascii() or c == "\x00")
    assert f"U+{ord(strange):04X}" in raised.value.message


def test_white_space_is_tidied() -> None:
    assert clean_text("  two\t words \r\n next\u00a0line ") == "two words\nnext line"


@pytest.mark.parametrize(
    ("text", "code"), [("", "empty_title"), (" \n ", "empty_title"), ("word " * 400, "text_too_long")]
)
def test_text_that_makes_no_card(text: str, code: str) -> None:
    with pytest.raises(InputError) as raised:
        card(text)
    assert raised.value.code == code


@pytest.mark.parametrize("colour", ["red", "#12345", "#gggggg", "rgb(1,2,3)", "", "#1234567"])
def test_colours_have_one_notation(colour: str) -> None:
    with pytest.raises(InputError) as raised:
        parse_color(colour)
    assert raised.value.code == "invalid_color"


def test_short_colours() -> None:
    assert parse_color("#0f8") == (0, 255, 136)


@pytest.mark.parametrize("ground", ["#101820", "#ffffff", "#000000", "#808080", "#5b1a3a", "#00ff00"])
def test_the_accent_stands_out(ground: str) -> None:
    background = parse_color(ground)
    ink_colour = (255, 255, 255) if contrast((255, 255, 255), background) > 4 else (0, 0, 0)
    assert contrast(accent_for(background, ink_colour), background) >= 3


def test_contrast_is_that_of_wcag() -> None:
    assert contrast((255, 255, 255), (0, 0, 0)) == pytest.approx(21)
    assert contrast((119, 119, 119), (255, 255, 255)) == pytest.approx(4.48, abs=0.01)
