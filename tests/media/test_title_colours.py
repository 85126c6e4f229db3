"""Colours of titles: text is legible on every ground, logos are seen on theirs, and the accent stands out."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from PIL import Image, ImageDraw

from media.brand import BrandSpec, LowerThird, TitleCard, brand
from media.errors import InputError
from media.titling import CARD_TEMPLATES, LOWER_TEMPLATES, Look, card, lower_third
from media.titling.colours import accent_for, contrast, ink_for, parse_color
from media.titling.mark import lost, mounted

GROUNDS = ["#ffffff", "#f2e9d8", "#808080", "#101820", "#ffd400"]


def most_contrast(pixels: np.ndarray, ground: tuple[int, int, int]) -> float:
    """The highest contrast of a pixel with the ground."""
    packed = np.unique(pixels.reshape(-1, 3).astype(int) @ (1 << 16, 1 << 8, 1))
    return max(contrast((int(v) >> 16, int(v) >> 8 & 255, int(v) & 255), ground) for v in packed)


@pytest.mark.parametrize("template", CARD_TEMPLATES)
@pytest.mark.parametrize("background", GROUNDS)
@pytest.mark.parametrize("color", [None, "#ffffff"])
def test_titles_are_legible_on_any_background(template, background, color) -> None:
    """Without their accent: what is left must stand out of the ground, the title and the subtitle each."""
    look = Look.of(background=background, color=color, accent=background)
    scene = card(template, "I", "Subtitle", look, size=(480, 270), duration=Fraction(4))
    shown = np.asarray(scene.at(scene.settled))
    written = np.nonzero(np.abs(shown.astype(int) - look.background).sum(axis=(1, 2)))[0]
    for rows in (shown[written[0] : written[0] + 12], shown[written[-1] - 12 : written[-1] + 1]):
        assert most_contrast(rows, look.background) >= 4.4


@pytest.mark.parametrize("template", LOWER_TEMPLATES)
@pytest.mark.parametrize("background", GROUNDS)
def test_lower_thirds_are_legible(template, background) -> None:
    """On their plates, and on a picture by a shadow of the other kind."""
    look = Look.of(background=background, accent=background)
    scene = lower_third(template, "Ada", "Ada", look, side="left", size=(480, 270))
    layer = np.asarray(scene.layer(scene.settled))
    solid = layer[layer[..., 3] > 100][:, :3]
    bright, dark = solid[solid.sum(axis=1).argmax()], solid[solid.sum(axis=1).argmin()]
    assert contrast(tuple(int(v) for v in bright), tuple(int(v) for v in dark)) >= 4.4


def test_a_colour_that_cannot_be_read_is_told(clip, tmp_path) -> None:
    def codes(**spec) -> list[str]:
        with clip.open("rb") as body:
            return [notice.code for notice in brand(body, tmp_path / "out.mp4", BrandSpec(**spec)).warnings]

    pale = {"background": "#ffffff", "color": "#eeeeee"}
    short = Fraction(1, 2)
    assert "illegible_color" in codes(intro=TitleCard(title="Hi", duration=short, **pale))
    assert "illegible_color" not in codes(intro=TitleCard(title="Hi", duration=short, background="#ffffff"))
    third = {"title": "Hi", "start": Fraction(0), "end": Fraction(1)}
    assert "illegible_color" in codes(lower_thirds=(LowerThird(**third, **pale),))
    assert "illegible_color" not in codes(lower_thirds=(LowerThird(**third, **pale, template="line"),))


def mark(colour: tuple[int, int, int]) -> Image.Image:
    """A disc on nothing."""
    logo = Image.new("RGBA", (120, 80), (0, 0, 0, 0))
    ImageDraw.Draw(logo).ellipse((20, 0, 99, 79), fill=(*colour, 255))
    return logo


def test_a_logo_in_the_colour_of_its_panel_gets_a_plate() -> None:
    accent = (240, 152, 64)
    look = Look.of(background="#101820", accent="#f09840", logo=mark(accent))
    scene = card("split", "Title", "", look, size=(640, 360), duration=Fraction(4))
    panel = np.asarray(scene.at(Fraction(4)))[:, : 640 * 34 // 100]
    assert (panel == look.background).all(axis=2).sum() > 500
    plain = mounted(mark((255, 255, 255)), (16, 24, 32), width=90, height=60)
    assert plain.getpixel((0, 0))[3] == 0


def test_logos_are_seen_on_any_ground() -> None:
    for colour in ((255, 255, 255), (16, 16, 16), (128, 128, 128), (240, 120, 60)):
        for ground in map(parse_color, GROUNDS):
            shown = mounted(mark(colour), ground, (16, 24, 32), width=90, height=60)
            assert shown.width <= 90
            assert shown.height <= 60
            under = Image.new("RGBA", shown.size, (*ground, 255))
            under.alpha_composite(shown)
            centre = under.getpixel((shown.width // 2, shown.height // 2))[:3]
            beside = under.getpixel((shown.width // 2, 0))[:3] if shown.getpixel((0, 0))[3] else ground
            assert contrast(centre, beside) >= 2


def test_a_logo_with_a_ground_of_its_own_keeps_it() -> None:
    """White paper on a white page, with something drawn on it."""
    paper = Image.new("RGBA", (120, 80), (255, 255, 255, 255))
    assert mounted(paper, (255, 255, 255), width=120, height=80).getpixel((0, 0))[:3] != (255, 255, 255)
    ImageDraw.Draw(paper).rectangle((40, 20, 80, 60), fill=(20, 60, 160, 255))
    assert lost(paper, (255, 255, 255)) > 0.5
    assert mounted(paper, (255, 255, 255), width=120, height=80).getpixel((0, 0))[:3] == (255, 255, 255)


def test_text_is_legible_on_the_accent() -> None:
    for accent in ("#ffee00", "#102030", "#d03030", "#777777"):
        ground = parse_color(accent)
        assert contrast(ink_for(ground, (16, 24, 32), (255, 255, 255)), ground) >= 4.4


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
