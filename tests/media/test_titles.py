"""Title cards: inside the safe area at every shape, faded in, and refused rather than drawn with empty boxes."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from PIL import Image

from media import titling
from media.errors import InputError
from media.fonts import NAMES, Family
from media.lettering import Style, clean_text, set_block
from media.titling import CARD_TEMPLATES, LOWER_TEMPLATES, Look, Scene, lower_third
from media.titling.setting import SAFE

LONG = "A rather long introduction to the spectral theory of graphs and its many uses in computing"


def card(
    title: str,
    subtitle: str = "",
    size=(640, 360),
    *,
    background="#101820",
    color="#ffffff",
    duration=4,
    template="plain",
    **options,
) -> Scene:
    look = Look.of(background=background, color=color, **options)
    return titling.card(template, title, subtitle, look, size=size, duration=Fraction(duration))


def ink(title: Scene, time: Fraction) -> np.ndarray:
    """How far each pixel is from the ground, rows by columns."""
    return np.abs(np.asarray(title.at(time), int) - title.background).sum(axis=2)


LOGO = Image.new("RGBA", (60, 40), (255, 0, 0, 255))


@pytest.mark.parametrize("template", CARD_TEMPLATES)
@pytest.mark.parametrize("size", [(640, 360), (180, 320), (200, 200)])
@pytest.mark.parametrize("logo", [None, LOGO])
def test_every_template_moves_in_and_stays_in_the_safe_area(template, size, logo) -> None:
    """Text, logo and rules; panels and bands may reach the border."""
    shown = [card(text, below, size, template=template, logo=logo) for text, below in (("Hi", ""), (LONG, "And more"))]
    for scene in shown:
        seen = [int(ink(scene, Fraction(n, 8)).sum()) for n in range(12)]
        assert seen[0] == 0
        assert seen[-1] == seen[-2] > 0
        assert scene.settled <= Fraction(4, 3)
        width, height = size
        panels = {"split": scene._elements[:1], "band": scene._elements[:1]}.get(template, ())
        for element in scene._elements:
            if element in panels:
                continue
            assert element.x >= int(width * SAFE) - 1 or template == "split"
            assert element.x >= 0
            assert element.x + element.picture.width <= width - int(width * SAFE) + 1
            assert element.y >= int(height * SAFE) - 1 or template == "split"
            assert element.y >= 0
            assert element.y + element.picture.height <= height - int(height * SAFE) + 1
        if logo:
            picture = np.asarray(scene.at(Fraction(4)), int)
            assert (np.abs(picture - (255, 0, 0)).sum(axis=2) < 12).any()


@pytest.mark.parametrize("template", LOWER_TEMPLATES)
@pytest.mark.parametrize("size", [(640, 360), (180, 320)])
@pytest.mark.parametrize("side", ["left", "center", "right"])
def test_lower_thirds_stand_low_and_inside(template, size, side) -> None:
    look = Look.of(background="#101820", color="#ffffff", logo=LOGO)
    scene = lower_third(template, "Ada Lovelace", "Mathematician", look, side=side, size=size)
    left, top, right, bottom = scene.region
    settled = np.asarray(scene.layer(scene.settled))
    assert settled.shape == (bottom - top, right - left, 4)
    assert np.asarray(scene.layer(Fraction(0)))[..., 3].max() == 0
    rows, columns = np.nonzero(settled[..., 3] > 60)
    width, height = size
    assert columns.min() + left >= int(width * SAFE) - 2
    assert columns.max() + left <= width - int(width * SAFE) + 2
    assert rows.min() + top > height / 2
    assert rows.max() + top <= height - int(height * SAFE) + 2
    middle = (columns.min() + columns.max()) / 2 + left
    assert {"left": middle < width / 2, "center": abs(middle - width / 2) < 4, "right": middle > width / 2}[side]


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


@pytest.mark.parametrize("family", ["sans", "serif"])
@pytest.mark.parametrize("text", ["Åpfel, Ōgÿ (jq)", "Žluťoučký gyp\nŮpěl jq"])
def test_nothing_of_a_letter_is_outside_its_block(text: str, family: Family) -> None:
    block = set_block(text, 60, 2000, Style(family, 600))
    exact, roomy = Image.new("L", (block.width, block.height)), Image.new("L", (block.width, block.height + 80))
    block.draw(exact, 0, 0)
    block.draw(roomy, 0, 40)
    assert roomy.getbbox()[1] >= 40
    assert np.array_equal(np.asarray(exact), np.asarray(roomy)[40:-40])
    assert not np.asarray(roomy)[-40:].any()


def test_a_word_wider_than_the_card_is_cut() -> None:
    rows = ink(card("Donaudampfschifffahrtsgesellschaftskapitaensmuetze" * 2, size=(320, 180)), Fraction(4))
    assert rows[:, -int(320 * SAFE) :].max() == 0


@pytest.mark.parametrize("text", ["漢字", "かな", "한글", "smile 😀", "a\x00b", "שלום"])
def test_text_without_glyphs_is_refused_by_name(text: str) -> None:
    with pytest.raises(InputError) as raised:
        card(text)
    assert raised.value.code == "unsupported_text"
    strange = next(c for c in text if not c.isascii() or c == "\x00")
    assert f"U+{ord(strange):04X}" in raised.value.message


@pytest.mark.parametrize("family", NAMES)
@pytest.mark.parametrize(
    "text", ["Łódź – “naïve” … 50 €", "Việt Nam", "Καλημέρα, ώρα", "Привет, Їжак", "مرحبا بالعالم", "a\u0301bc"]
)
def test_scripts_that_are_written(text: str, family: Family) -> None:
    """No character is drawn as the empty box, and different letters look different."""
    words = clean_text(text, family)
    block = set_block(words, 40, 2000, Style(family))
    box = block.font.getmask("\uffff")
    seen = {character: block.font.getmask(character) for character in words if not character.isspace()}
    assert all((mask.size, bytes(mask)) != (box.size, bytes(box)) for mask in seen.values())


def test_scripts_of_two_fonts_are_refused_together() -> None:
    with pytest.raises(InputError) as raised:
        clean_text("Привет مرحبا")
    assert raised.value.code == "unsupported_text"
    assert "scripts" in raised.value.message


def test_arabic_is_joined_ordered_and_set_from_the_right() -> None:
    """Letters take their joined forms; the first word of a line stands on the right, and short lines too."""
    words = clean_text("مرحبا بالعالم")
    block = set_block(words, 40, 2000)
    assert block.font.getlength("مرحبا") < sum(block.font.getlength(letter) for letter in "مرحبا")
    first, both = (set_block(text, 40, 2000) for text in ("مرحبا", words))
    masks = []
    for one in (first, both):
        mask = Image.new("L", (both.width + 20, both.height), 0)
        one.draw(mask, 10 + both.width - one.width, 0)
        masks.append(np.asarray(mask)[:, -(first.width // 2) :])
    assert np.abs(masks[0].astype(int) - masks[1]).mean() < 2
    two_lines = set_block(f"{words}\n\u0628", 40, 2000)
    mask = Image.new("L", (two_lines.width, two_lines.height), 0)
    two_lines.draw(mask, 0, 0)
    one_line = Image.new("L", mask.size, 0)
    block.draw(one_line, 0, 0)
    second = np.nonzero(np.asarray(mask) != np.asarray(one_line))[1]
    assert len(second)
    assert second.min() > two_lines.width / 2


def test_right_to_left_is_refused_where_it_cannot_be_ordered(monkeypatch) -> None:
    monkeypatch.setattr("media.lettering.can_order", lambda: False)
    with pytest.raises(InputError, match="right to left"):
        clean_text("مرحبا")
    assert clean_text("hello") == "hello"


def test_weights_differ() -> None:
    light, heavy = (set_block("Weight", 60, 900, Style("sans", weight)) for weight in (300, 800))
    assert heavy.width > light.width


def test_white_space_is_tidied() -> None:
    assert clean_text("  two\t words \r\n next\u00a0line ") == "two words\nnext line"


@pytest.mark.parametrize(
    ("text", "code"), [("", "empty_title"), (" \n ", "empty_title"), ("word " * 400, "text_too_long")]
)
def test_text_that_makes_no_card(text: str, code: str) -> None:
    with pytest.raises(InputError) as raised:
        card(text)
    assert raised.value.code == code
