"""Titles while they move, and turned round for what is read from right to left."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from PIL import Image

from media.titling import CARD_TEMPLATES, LOWER_TEMPLATES, Look, Scene, card, lower_third
from media.titling.setting import SAFE, fit_pair

SIZE = (640, 360)
TIMES = [Fraction(n, 20) for n in range(1, 25)]
# Told apart by channels: text has red, the accent green alone, logos red alone.
LOGO = Image.new("RGBA", (90, 30), (255, 0, 0, 255))
GREEN = {"background": "#000000", "color": "#ffffff", "accent": "#00ff00"}
LONG = "A rather long introduction to the spectral theory of graphs and its many uses in computing"
ARABIC = "مرحبا بالعالم", "أهلا وسهلا"


def lower(template, words=("Ada Lovelace", "Mathematician"), *, side="left", **look) -> Scene:
    return lower_third(template, *words, Look.of(**GREEN | look), side=side, size=SIZE)


def title(template, words=("Lecture", "Seventh"), **look) -> Scene:
    return card(template, *words, Look.of(**GREEN | look), size=SIZE, duration=Fraction(4))


def rows_of(channel: np.ndarray) -> tuple[int, int]:
    found = np.nonzero(channel.any(axis=1))[0]
    return int(found[0]), int(found[-1]) + 1


def columns_of(channel: np.ndarray) -> tuple[int, int]:
    return rows_of(channel.T)


def accent(picture: np.ndarray) -> np.ndarray:
    return (picture[..., 1] > 200) & (picture[..., 0] < 60)


def reddish(picture: np.ndarray) -> np.ndarray:
    return (picture[..., 0] > 200) & (picture[..., 1] < 60)


@pytest.mark.parametrize("template", ["bar", "box"])
@pytest.mark.parametrize("words", [("Ada Lovelace", "Mathematician"), ("Ada", LONG), ARABIC])
def test_nothing_is_outside_the_plate_while_it_opens(template, words) -> None:
    """What stood beside it, faded or with smooth edges, would be seen through more than the plate is."""
    scene = lower(template, words, logo=LOGO)
    for time in [*TIMES, scene.settled]:
        alpha = np.asarray(scene.layer(time))[..., 3]
        assert alpha[alpha > 0].min(initial=255) >= 215, time


def test_text_does_not_run_over_the_logo() -> None:
    scene = lower("bar", (LONG, "Mathematician"), logo=LOGO)
    (top, bottom), (left, right) = (
        side(reddish(np.asarray(scene.layer(scene.settled)))) for side in (rows_of, columns_of)
    )
    for time in TIMES:
        assert np.asarray(scene.layer(time))[top:bottom, left:right, 1].max() < 20, time


@pytest.mark.parametrize("words", [("Ada gjpq", "Mathematician"), ARABIC])
def test_the_line_is_not_struck_through(words) -> None:
    scene = lower("line", words)
    first, last = rows_of(accent(np.asarray(scene.layer(scene.settled))))
    for time in TIMES:
        layer = np.asarray(scene.layer(time))
        assert layer[first:last, :, 0].max() == 0, time
        if time <= Fraction(45, 100):  # the title comes from behind the line, not from below it
            assert layer[last:, :, 3].max() == 0


@pytest.mark.parametrize("template", ["bar", "center", "plain"])
def test_titles_keep_clear_of_bar_and_rule(template) -> None:
    scene = title(template, (f"{LONG} gjpqy", "Seventh"))
    settled = accent(np.asarray(scene.at(scene.settled)))
    part = slice(*columns_of(settled)) if template == "bar" else slice(*rows_of(settled))
    for time in TIMES:
        shown = np.asarray(scene.at(time))
        strip = shown[:, : part.stop] if template == "bar" else shown[part]
        assert strip[..., 0].max() < 20, time


@pytest.mark.parametrize("words", [("Hilbert", "Hilbert"), ("مرحبا", "مرحبا")])
def test_name_and_subtitle_stand_in_one_column(words) -> None:
    layer = np.asarray(lower("line", words, logo=LOGO).layer(Fraction(3)))
    line = rows_of(accent(layer))
    text = (layer[..., :3].min(axis=2) > 200) & (layer[..., 3] > 200)
    upper, below = columns_of(text[: line[0]]), columns_of(text[line[1] :])
    side = 1 if words[0] == ARABIC[0][:5] else 0
    assert abs(upper[side] - below[side]) <= 3
    assert abs(columns_of(accent(layer))[side] - upper[side]) <= 4


@pytest.mark.parametrize("template", ["plain", "bar", "split", "band"])
def test_what_is_read_from_the_right_stands_there(template) -> None:
    """Text, logo, and what is in the accent colour; a subtitle in Latin letters too."""
    margin = round(SIZE[0] * SAFE)
    for words in (ARABIC, (ARABIC[0], "Lecture seven"), (f"{ARABIC[0]} Graphs", "")):
        shown, other = (
            np.asarray(title(template, text, logo=LOGO).at(Fraction(4))) for text in (words, ("Graphs", "Lecture"))
        )
        for part in (reddish, accent):
            left, right = columns_of(part(shown))
            assert (SIZE[0] - right, SIZE[0] - left) == pytest.approx(columns_of(part(other)), abs=60)
        text = shown.min(axis=2) > 150
        if template in {"plain", "bar"}:
            edge = columns_of(text)[1]
            assert SIZE[0] - margin - 45 < edge <= SIZE[0] - margin
    # A word within a sentence turns nothing round.
    mixed = np.asarray(title(template, (f"Graphs {ARABIC[0]}", ""), logo=LOGO).at(Fraction(4)))
    assert columns_of(reddish(mixed))[0] < SIZE[0] / 2


@pytest.mark.parametrize("template", LOWER_TEMPLATES)
@pytest.mark.parametrize("side", ["left", "right"])
def test_lower_thirds_are_turned_round(template, side) -> None:
    """The logo and the stripe on the right of the text, on whichever side of the picture it stands."""
    scene = lower(template, ARABIC, side=side, logo=LOGO)
    left, _, right, _ = scene.region
    assert (left < SIZE[0] / 4) if side == "left" else (right > SIZE[0] * 3 / 4)
    layer = np.asarray(scene.layer(scene.settled))
    logo = columns_of(reddish(layer))
    assert sum(logo) / 2 > layer.shape[1] / 2
    if template == "bar":
        assert columns_of(accent(layer))[0] > logo[1]


@pytest.mark.parametrize("room", [(1075, 605), (641, 605), (955, 400), (600, 240)])
def test_subtitles_stay_legible(room) -> None:
    """Three hundredths of the shorter side, under the longest titles; lines are broken first."""
    for heading in ("Hi", LONG, f"{LONG} {LONG}"):
        upper, below = fit_pair(heading, LONG, room=room, short=720, family="sans")
        assert below.size >= 22
        assert upper.size >= below.size
    assert len(fit_pair("Hi", LONG, room=(641, 605), short=720, family="sans")[1].lines) > 1


@pytest.mark.parametrize("size", [(1280, 720), (1080, 1920)])
def test_the_longest_texts_still_fit(size) -> None:
    words = ("word " * 35).strip()
    look = Look.of(background="#000000", logo=LOGO)
    for template in LOWER_TEMPLATES:
        lower_third(template, words, words, look, side="left", size=size)
    for template in CARD_TEMPLATES:
        card(template, words, words, look, size=size, duration=Fraction(4))
