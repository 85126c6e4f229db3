"""The recordings that the jobs start from: small, different, and one that is no recording."""

from __future__ import annotations

import struct
from fractions import Fraction
from pathlib import Path

from media.sample import make_sample

_SECONDS = {"short-a": 12, "short-b": 12, "short-c": 12, "long-a": 30, "long-b": 30}


def make_all(folder: Path) -> dict[str, Path]:
    """Make every source that a scenario names; 320x180 at 25 frames a second."""
    folder.mkdir(parents=True, exist_ok=True)
    made = {}
    for index, (name, seconds) in enumerate(_SECONDS.items()):
        made[name] = folder / f"{name}.mp4"
        make_sample(
            made[name],
            seconds=Fraction(seconds),
            fps=Fraction(25),
            size=(320, 180),
            keyframe_every=25 * (index % 3 + 1),
        )
    made["text"] = folder / "text.mp4"
    made["text"].write_text("These are my notes.\n" * 200)
    return made


def with_mark(source: Path, number: int, folder: Path) -> Path:
    """Return a copy that plays the same and has other bytes: a `free` box at the end (ISO/IEC 14496-12, 8.1.2)."""
    mark = f"chaos {number}".encode()
    box = struct.pack(">I4s", 8 + len(mark), b"free") + mark
    made = folder / f"{source.stem}-{number}{source.suffix}"
    made.write_bytes(source.read_bytes() + box)
    return made
