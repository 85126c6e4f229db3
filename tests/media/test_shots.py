"""A teaser's moments lie within one shot each, and in different ones where there are some."""

from __future__ import annotations

from bisect import bisect_right
from fractions import Fraction

import numpy as np
import pytest
from PIL import Image
from test_teaser import BLUE, GREEN, RED, drawn, film, lively

from media import teaser
from media.decode import Picture, Reader
from media.image.sample import scene
from media.moments import Moment
from media.shots import OTHER, distance, hard_cuts, sign_of
from media.upright import Upright, within

COLOURS = (RED, GREEN, BLUE, (210, 190, 40), (190, 60, 180), (60, 190, 200))
LENGTH = Fraction(3, 2)


def shots(path, cuts, sharp):
    """Half a minute, cut at some seconds to another colour; for 0.6 s from each of `sharp` on there is more to see."""
    dice = np.random.default_rng(3)
    stones = Image.fromarray(dice.integers(0, 255, (5, 40, 3), dtype=np.uint8)).resize(
        (320, 40), Image.Resampling.NEAREST
    )
    pictures = []
    for number in range(300):
        picture = lively(COLOURS[bisect_right(cuts, number / 10)], number)
        if any(start <= number / 10 < start + 0.6 for start in sharp):
            picture.paste(stones, (0, 110))
        pictures.append(picture)
    return film(path, pictures)


def shot_at(cuts, time) -> int:
    return bisect_right(cuts, time)


def colours_of(frames) -> list[list[int]]:
    """For each moment, which shots its pictures are of, told by their upper half; dissolves are left out."""
    step = teaser.SHOWN + teaser.DISSOLVE
    moments = [frames[start : start + teaser.SHOWN] for start in range(0, len(frames) - teaser.SHOWN + 1, step)]
    means = [np.array(colour) * 3 / 4 for colour in COLOURS]
    return [
        [min(range(6), key=lambda n: np.abs(frame[:50, :, :].mean(axis=(0, 1)) - means[n]).sum()) for frame in moment]
        for moment in moments
    ]


def test_no_moment_lies_across_a_cut(tmp_path) -> None:
    cuts = [2.7, 8.7, 14.7, 20.7, 26.7]
    path = shots(tmp_path / "film.mp4", cuts, sharp=())
    wanted = [Moment(Fraction(time), 0.5) for time in ("2", "7.6", "13.6", "19.6", "25.6")]
    # As they are, all of them would.
    asked = teaser.choose(wanted, Fraction(30))
    assert [start for start, _ in asked] == [one.time for one in wanted]
    assert all(shot_at(cuts, start) != shot_at(cuts, end) for start, end in asked)
    made, frames = drawn(path, tmp_path / "teaser.webp", moments=wanted)
    assert len(made.moments) == 5
    assert all(later >= time + LENGTH for time, later in zip(made.moments, made.moments[1:], strict=False))
    found = [shot_at(cuts, time) for time in made.moments]
    assert found == [shot_at(cuts, time + LENGTH - Fraction(1, 100)) for time in made.moments]
    # They are still of the shots that were wanted, and so are their pictures.
    assert found == [0, 1, 2, 3, 4]
    assert colours_of(frames) == [[shot] * teaser.SHOWN for shot in found]


def test_moments_are_of_different_shots(tmp_path) -> None:
    cuts = [4.7, 9.7, 14.7, 19.7, 24.7]
    path = shots(tmp_path / "film.mp4", cuts, sharp=(5.6, 7.6, 12.6, 16.6, 22.6))
    made, frames = drawn(path, tmp_path / "teaser.webp")
    found = [shot_at(cuts, time) for time in made.moments]
    # The best of the first two parts are of one shot.
    assert [shot_at(cuts, time) for time in (5.6, 7.6)] == [1, 1]
    assert len({*found}) == len(found) == 5
    assert [{*shown} for shown in colours_of(frames)] == [{shot} for shot in found]


def test_one_shot_alone_has_its_best_moments(tmp_path) -> None:
    path = shots(tmp_path / "film.mp4", [], sharp=(3, 9, 14, 20, 27))
    made, _ = drawn(path, tmp_path / "teaser.webp")
    assert [round(float(time)) for time in made.moments] == [3, 9, 14, 20, 27]


def test_cuts_are_told_from_motion_and_flashes() -> None:
    wide = scene(640, 180).convert("RGB")
    pan = [wide.crop((left, 0, left + 320, 180)) for left in range(0, 320, 20)]
    assert hard_cuts(pan) == []
    flash = Image.new("RGB", (320, 180), (255, 255, 255))
    assert hard_cuts([*pan[:5], flash, *pan[5:10]]) == []
    assert hard_cuts([*pan[:6], *(lively(BLUE, n) for n in range(6))]) == [6]
    assert distance(sign_of(pan[0]), sign_of(pan[0])) == 0
    assert distance(sign_of(lively(RED)), sign_of(lively(GREEN))) > OTHER


@pytest.mark.parametrize(
    ("name", "until", "cuts"),
    [
        # Where FFmpeg's filter `select` finds a scene score above 0.3.
        ("sintel_trailer_720p_h264_aac.mp4", 28.5, [16.5, 17.5, 23.79, 25.88, 27.42, 28]),
        ("bbb_30s_720p_vp8_vorbis.webm", 30, [11.8, 15.67, 22.96]),
        ("cars_live_action_h264_aac.mp4", 30, []),
        ("talking_head_noaudio_h264.mp4", 30, []),
    ],
)
def test_cuts_of_real_films(shared_media, name, until, cuts) -> None:
    pictures, times = [], []
    with (shared_media / name).open("rb") as file, Reader(file, sound="none", effort="rough") as reader:
        image = Upright(reader.video, within(160, 160))
        for item in reader.read(Fraction(10), min(Fraction(str(until)), reader.timeline.duration)):
            if isinstance(item, Picture) and item.time * teaser.RATE >= Fraction(10) * teaser.RATE + len(pictures):
                pictures.append(image(item.frame))
                times.append(float(item.time))
    found = [times[place] for place in hard_cuts(pictures)]
    assert all(any(abs(time - cut) <= 0.1 for time in found) for cut in cuts)
    # Flashes of light and fast fades may be taken for cuts, but few of them.
    assert len(found) <= len(cuts) + 2
