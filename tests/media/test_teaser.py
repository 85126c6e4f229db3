"""Teasers, and which moments of a film are shown in them and on posters."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image, ImageFilter

from media import teaser
from media.encode import Mp4Writer, VideoSpec
from media.errors import InputError
from media.image.sample import scene
from media.interest import LITTLE, interest
from media.keyframes import keyframe_map
from media.moments import LOOKS, Moment, best, scout

RATE = Fraction(10)
RED, GREEN, BLUE = (200, 40, 30), (40, 160, 60), (50, 70, 200)


def film(path: Path, pictures, *, keyframe_every: int = 10) -> Path:
    """A recording of RGB pictures (or colours) at ten a second, of a picture's size."""
    drawn = [one if isinstance(one, Image.Image) else Image.new("RGB", (320, 180), one) for one in pictures]
    width, height = drawn[0].size
    spec = VideoSpec(
        width=width, height=height, time_base=Fraction(1, 1000), rate=RATE, keyframe_every=keyframe_every, crf=20
    )
    with Mp4Writer(path) as writer:
        track = writer.video(spec)
        for number, one in enumerate(drawn):
            frame = av.VideoFrame.from_ndarray(np.asarray(one), format="rgb24")
            track.write(frame, number / RATE, 1 / RATE)
    return path


def lively(colour, number: int = 0) -> Image.Image:
    """A picture with something to see, mainly of one colour."""
    picture = Image.new("RGB", (320, 180), colour)
    stripes = Image.new("RGB", (20, 180), tuple(part // 3 for part in colour))
    for left in range(0, 320, 40):
        picture.paste(stripes, (left, 0))
    # Pictures that are alike would be one.
    picture.paste((255, 255, 255), (number % 100 * 3, 60, number % 100 * 3 + 16, 90))
    return picture


def moments_of(path: Path) -> list[Moment]:
    with path.open("rb") as file:
        return scout(file)


def drawn(path: Path, target: Path, **options) -> tuple[teaser.Teaser, list[np.ndarray]]:
    """What was made, and what is on show at each of its ticks: pictures that are alike are one in the file."""
    with path.open("rb") as file:
        made = teaser.draw(file, target, **options)
    frames: list[np.ndarray] = []
    passed = 0
    with Image.open(target) as picture:
        assert picture.info["loop"] == 0
        for number in range(picture.n_frames):
            picture.seek(number)
            shown = np.asarray(picture.convert("RGB"))
            passed += picture.info["duration"]
            frames += [shown] * (round(passed * teaser.RATE / 1000) - len(frames))
    assert abs(passed - made.duration * 1000) < 1
    return made, frames


def test_interest_tells_pictures_from_nothing() -> None:
    good = scene(640, 360).convert("RGB")
    fading = [Image.blend(Image.new("RGB", good.size), good, part / 10) for part in (1, 3, 6, 10)]
    assert [interest(one) for one in fading] == sorted(interest(one) for one in fading)
    blurred = good.filter(ImageFilter.GaussianBlur(12))
    washed = Image.blend(good, Image.new("RGB", good.size, (255, 255, 255)), 0.9)
    assert interest(good) > 0.4
    assert interest(good) > interest(blurred) > LITTLE
    assert interest(washed) < interest(good) / 2
    for nothing in ((0, 0, 0), (255, 255, 255), (16, 16, 16)):
        assert interest(Image.new("RGB", (320, 180), nothing)) < LITTLE / 10


def test_what_is_out_of_focus_scores_low() -> None:
    """At 1280 pixels; the motion is blurred sideways alone."""
    good = scene(1280, 720).convert("RGB")
    scores = [interest(good.filter(ImageFilter.GaussianBlur(sigma))) for sigma in (0, 4, 8, 16)]
    assert scores == sorted(scores, reverse=True)
    assert scores[1] < scores[0] * 0.9
    assert max(scores[2:]) < scores[0] / 2
    moved = good.resize((1280 // 24, 720), Image.Resampling.BOX).resize(good.size, Image.Resampling.BICUBIC)
    assert interest(moved) < scores[0] * 0.7
    # Stripes have steps along one axis only, and those are sharp.
    stripes = np.zeros((360, 640, 3), np.uint8) + np.uint8(60)
    stripes[:, ::32] = (220, 160, 40)
    soft = Image.fromarray(stripes).filter(ImageFilter.GaussianBlur(8))
    assert interest(Image.fromarray(stripes)) > 2 * interest(soft)


def test_the_sharp_moment_is_chosen(tmp_path) -> None:
    """A camera that finds its focus: what is blurred comes first, and is as bright and colourful."""
    good = scene(640, 360).convert("RGB")
    blurred = good.filter(ImageFilter.GaussianBlur(3))
    chosen = best(moments_of(film(tmp_path / "focus.mp4", [blurred] * 30 + [good] * 20 + [blurred] * 20)))
    assert 3 <= chosen.time < 5


def test_interest_is_the_same_at_any_size() -> None:
    good = scene(1280, 720).convert("RGB")
    assert interest(good) == pytest.approx(interest(good.resize((320, 180), Image.Resampling.BOX)), rel=0.1)


def test_the_best_moment_is_neither_the_black_intro_nor_the_fade(tmp_path) -> None:
    good = scene(320, 180).convert("RGB")
    black = Image.new("RGB", good.size)
    fade = [Image.blend(black, good, n / 20) for n in range(20)]
    path = film(tmp_path / "intro.mp4", [black] * 40 + fade + [good] * 20 + fade[::-1] + [black] * 40)
    chosen = best(moments_of(path))
    assert Fraction(5) < chosen.time < Fraction(9)


def test_a_film_with_one_keyframe_is_looked_at_between(tmp_path) -> None:
    pictures = [(0, 0, 0)] * 30 + [lively(GREEN, n) for n in range(30)]
    found = moments_of(film(tmp_path / "one.mp4", pictures, keyframe_every=1000))
    assert len(found) == LOOKS
    assert best(found).time >= 3


def test_keyframes_are_enough_where_there_are_many(tmp_path) -> None:
    path = film(tmp_path / "many.mp4", [lively(BLUE, n) for n in range(300)])
    with path.open("rb") as file:
        keys = {keyframe.time for keyframe in keyframe_map(file).keyframes}
    assert {moment.time for moment in moments_of(path)} <= keys


def test_an_early_moment_wins_a_tie() -> None:
    scores = (0.1, 0.50, 0.52, 0.4, 0.6, 0.61)
    assert best([Moment(Fraction(n), score) for n, score in enumerate(scores)]).time == 4


@pytest.mark.parametrize("name", ["nasa_speech_multistream_h264_aac_subs.mp4", "talking_head_noaudio_h264.mp4"])
def test_real_films_show_something(shared_media, name) -> None:
    assert best(moments_of(shared_media / name)).score > 0.4


def test_a_short_film_is_shown_whole(tmp_path) -> None:
    path = film(tmp_path / "short.mp4", [lively((RED, GREEN, BLUE)[n // 10], n) for n in range(30)])
    made, frames = drawn(path, tmp_path / "short.webp")
    assert (made.size, made.duration, made.moments) == ((320, 180), 3, (0,))
    assert len(frames) == 36
    assert [int(frame.mean(axis=(0, 1)).argmax()) for frame in (frames[0], frames[-1])] == [0, 2]


def test_a_long_film_is_shown_in_moments_without_its_black(tmp_path) -> None:
    """60 s: dark for the first fifth, then red, dark, green, and blue."""
    parts = [[(0, 0, 0)] * 120, [lively(RED, n) for n in range(120)], [(0, 0, 0)] * 120]
    parts += [[lively(colour, n) for n in range(120)] for colour in (GREEN, BLUE)]
    path = film(tmp_path / "long.mp4", [one for part in parts for one in part])
    made, frames = drawn(path, tmp_path / "long.webp")
    assert [int(time // 12) for time in made.moments] == [1, 3, 4]
    assert len(frames) == 3 * (teaser.SHOWN + teaser.DISSOLVE)
    assert min(frame.mean() for frame in frames) > 40
    # What is between two moments is half the one and half the other, also at the seam.
    step = teaser.SHOWN + teaser.DISSOLVE
    for seam in (step, 2 * step, 3 * step):
        middle = frames[seam - 2].astype(float).mean()
        ends = (frames[seam - teaser.DISSOLVE - 1].mean() + frames[seam % len(frames)].mean()) / 2
        assert abs(middle - ends) < 12


def test_stretches_are_in_order_and_apart() -> None:
    rng = np.random.default_rng(2)
    for length in (6.1, 7, 9.5, 15, 600):
        duration = Fraction(str(length))
        moments = [Moment(duration * n / 30, float(rng.random())) for n in range(30)]
        stretches = teaser.choose(moments, duration)
        assert 1 <= len(stretches) <= teaser.MOMENTS
        times = [time for stretch in stretches for time in stretch]
        assert times == sorted(times)
        assert times[0] >= 0
        assert times[-1] <= duration


def test_noise_stays_below_the_bound(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(teaser, "MOST_BYTES", 60_000)
    rng = np.random.default_rng(4)
    noise = [Image.fromarray(rng.integers(0, 255, (142, 106, 3), np.uint8)) for _ in range(20)]
    target = tmp_path / "noise.webp"
    teaser._save(noise, target)
    assert target.stat().st_size <= 60_000
    with Image.open(target) as picture:
        assert 5 < picture.n_frames < 20


def test_a_tall_film_is_narrow(tmp_path) -> None:
    tall = scene(180, 640).convert("RGB")
    made, frames = drawn(film(tmp_path / "tall.mp4", [tall] * 5), tmp_path / "tall.webp")
    assert made.size == (120, 426)
    assert frames[0].shape == (426, 120, 3)


def test_sound_alone_has_no_teaser(shared_media, tmp_path) -> None:
    with pytest.raises(InputError) as raised, (shared_media / "jfk_speech_11s.flac").open("rb") as file:
        teaser.draw(file, tmp_path / "none.webp")
    assert raised.value.code == "no_video"
    assert not list(tmp_path.iterdir())
