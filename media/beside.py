"""What stands beside a film that was made: sheet, teaser, waveform, and which of its pictures is to be the poster."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from media import sprites, teaser, waveform
from media.moments import best, scout
from media.sprites import Sheet
from media.teaser import Teaser
from media.types import NO_LIMITS, Notice, Progress
from media.waveform import COLOR, Peaks

NO_SOUND = Notice("no_sound", "The file has no sound: there is no waveform.")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is made beside poster and sheet; `waveform_color` is `#rrggbb`."""

    teaser: bool = True
    waveform: bool = True
    waveform_color: str = COLOR


@dataclass(frozen=True, slots=True)
class Seen:
    """What was made of the picture; `poster` is the time of its best one, in seconds."""

    sheet: Sheet
    teaser: Teaser | None
    poster: Fraction


def look(film: Path, files: Mapping[str, Path], wanted: Wanted, on_progress: Progress) -> Seen:
    """Write sheet, thumbnails track and teaser of a film with moving picture to the files of those names.

    Raises:
        InputError: damaged_file.
    """
    with film.open("rb") as file:
        sheet = sprites.draw(
            file,
            files["sprite"],
            files["thumbnails"],
            limits=NO_LIMITS,
            on_progress=lambda done: on_progress(done / 2),
        )
        moments = scout(file, limits=NO_LIMITS, on_progress=lambda done: on_progress((2 + done) / 4))
        made = None
        if wanted.teaser:
            made = teaser.draw(
                file,
                files["teaser"],
                moments=moments,
                limits=NO_LIMITS,
                on_progress=lambda done: on_progress((3 + done) / 4),
            )
        return Seen(sheet, made, best(moments).time)


def listen(film: Path, files: Mapping[str, Path], wanted: Wanted, on_progress: Progress) -> Peaks | None:
    """Write the waveform of a film to the files of that name, as data and as a picture; None where it has no sound.

    Raises:
        InputError: damaged_file, invalid_color.
    """
    with film.open("rb") as file:
        peaks = waveform.measure(file, limits=NO_LIMITS, on_progress=on_progress)
    if peaks is not None and wanted.waveform:
        waveform.save_json(peaks, files["waveform"])
        waveform.save_picture(peaks, files["waveform_image"], color=wanted.waveform_color)
    return peaks
