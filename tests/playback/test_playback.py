"""Finished files in a real browser: every seam is sought to the frame, and played over in step with its sound."""

from __future__ import annotations

import math

import numpy as np
import pytest

from media.barcode import read
from tests.playback.films import RATE

FILMS = ["smart", "open_groups", "variable_rate", "silent", "exact", "branded", "preview"]
FRAME = float(1 / RATE)
AAC_FRAME = 1024 / 48_000
# Correlation with FFmpeg's picture of the same frame: 0.987 and more, as the browser shows it by way of RGB; the frames
# beside it have less than 0.9, but in crossfades.
ALIKE = 0.98


@pytest.fixture(scope="module", params=FILMS)
def watched(request, studio, watch):
    """Each kind of finished file, and a browser that has loaded it."""
    film = getattr(studio, request.param)()
    with watch(film) as player:
        yield film, player


def test_every_seam_is_sought_to_the_frame(watched):
    film, player = watched
    frames = film.frames()
    assert len(frames) == len(film.numbers)
    assert player.duration == pytest.approx(float(film.duration), abs=FRAME)
    around = {seam + step for seam in film.seams for step in (-2, -1, 0, 1)} | {0, len(frames) - 1}
    for index in forth_and_back(sorted(around)):
        start, end, luma = frames[index]
        shown = player.seek(float((start + end) / 2))
        assert shown.time == pytest.approx(float(start), abs=0.001), f"frame {index}"
        if film.numbers[index] is not None:
            assert read(shown.luma) == film.numbers[index], f"frame {index}"
        assert alike(shown.luma, luma), f"frame {index}"


def test_every_seam_is_played_over_in_step_with_the_sound(watched):
    film, player = watched
    frames = film.frames()
    times = [start for start, _, _ in frames]
    index = {round(float(time), 3): number for number, time in enumerate(times)}
    flashes = [
        time for time, number in zip(times, film.numbers, strict=True) if number is not None and number % 30 == 0
    ]
    assert flashes

    def judge(played):
        assert played.troubles == []
        assert played.end == pytest.approx(float(film.duration), abs=FRAME)
        seen = [index[round(shown.time, 3)] for shown in played.pictures]
        assert seen == sorted(seen)
        for place, shown in zip(seen, played.pictures, strict=True):
            assert alike(shown.luma, frames[place][2]), f"frame {place}"
        for seam in film.seams:
            assert any(seam - 8 <= place < seam for place in seen), f"nothing seen before frame {seam}"
            assert any(seam <= place < seam + 8 for place in seen), f"nothing seen after frame {seam}"
        assert (played.sound_bytes > 0) == film.has_sound
        for flash in flashes if film.has_sound else []:
            offset = min((click - float(flash) for click in played.clicks), key=abs, default=math.inf)
            assert abs(offset) <= AAC_FRAME, f"the click of the flash at {flash} comes {offset} s later"

    player.play(judge)


def alike(shown: np.ndarray, luma: np.ndarray) -> bool:
    return np.corrcoef(shown.ravel(), luma.ravel())[0, 1] > ALIKE


def forth_and_back(places: list[int]) -> list[int]:
    """Every place, each far from the one before, so that no seek is merely the next frame."""
    half = len(places) // 2
    return [place for pair in zip(places[half:], [*places[:half], places[0]], strict=False) for place in pair]
