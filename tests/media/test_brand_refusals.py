"""Branding that is cancelled or refused, and its progress."""

from __future__ import annotations

from fractions import Fraction
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from media.brand import BrandResult, BrandSpec, ImageCard, TitleCard, Transition, VideoCard, brand, card_from_file
from media.encode import AudioSpec, Mp4Writer
from media.errors import InputError


def branded(body: Path, target: Path, spec: BrandSpec, **options) -> BrandResult:
    with body.open("rb") as file:
        return brand(file, target, spec, **options)


def image(colour, size=(320, 180), kind="PNG") -> BytesIO:
    file = BytesIO()
    Image.new("RGBA" if len(colour) == 4 else "RGB", size, colour).save(file, kind)
    return file


class Cancelled(Exception):
    pass


def test_cancelling_leaves_nothing(clip, tmp_path) -> None:
    def stop(done: Fraction) -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        branded(clip, tmp_path / "out.mp4", BrandSpec(intro=TitleCard(title="Hi")), on_progress=stop)
    assert list(tmp_path.iterdir()) == []


def test_progress_rises_to_one(clip, tmp_path) -> None:
    told: list[Fraction] = []
    branded(clip, tmp_path / "out.mp4", BrandSpec(outro=TitleCard(title="Hi")), on_progress=told.append)
    assert told == sorted(told)
    assert told[-1] == 1


@pytest.mark.parametrize(
    ("card_of", "code"),
    [
        (lambda: TitleCard(title="日本"), "unsupported_text"),
        (lambda: TitleCard(title="Hi", background="red"), "invalid_color"),
        (lambda: TitleCard(title="Hi", duration=Fraction(0)), "invalid_duration"),
        (lambda: ImageCard(image((0, 0, 0)), Fraction(601)), "invalid_duration"),
        (lambda: VideoCard(BytesIO(b"no film" * 99)), "unsupported_format"),
        (lambda: VideoCard(BytesIO()), "empty_file"),
        (lambda: ImageCard(BytesIO(image((0, 0, 0)).getvalue()[:60])), "damaged_file"),
        (lambda: card_from_file(BytesIO(b"GIF89a" + bytes(40))), "damaged_file"),
    ],
)
def test_bad_cards_are_refused_and_leave_nothing(silent_clip, tmp_path, card_of, code) -> None:
    with pytest.raises(InputError) as raised:
        branded(silent_clip, tmp_path / "out.mp4", BrandSpec(intro=card_of()))
    assert raised.value.code == code
    assert list(tmp_path.iterdir()) == []


def test_a_sound_file_is_neither_body_nor_card(silent_clip, tmp_path) -> None:
    path = tmp_path / "sound.m4a"
    with Mp4Writer(path) as writer:
        writer.audio(AudioSpec(rate=48_000, layout="mono")).write(np.zeros((1, 48_000), np.float32))
    for body, intro in ((path, None), (silent_clip, path)):
        with pytest.raises(InputError) as raised, path.open("rb") as file:
            branded(body, tmp_path / "out.mp4", BrandSpec(intro=VideoCard(file) if intro else None))
        assert raised.value.code == "no_video"
    assert not (tmp_path / "out.mp4").exists()


def test_a_crossfade_that_does_not_fit_is_refused(silent_clip, tmp_path) -> None:
    spec_ = BrandSpec(intro=ImageCard(image((0, 0, 0)), Fraction(1)), transition=Transition("dissolve", Fraction(3, 2)))
    with pytest.raises(InputError) as raised:
        branded(silent_clip, tmp_path / "out.mp4", spec_)
    assert raised.value.code == "invalid_transition"
    assert list(tmp_path.iterdir()) == []
