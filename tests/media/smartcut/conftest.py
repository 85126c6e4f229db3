"""Cuts, and what is asked of every one of them."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from judging import decoded, ffmpeg_says, psnr
from measure import clicks, flashes

from media import barcode
from media.smartcut import smart_cut
from media.types import Range


@pytest.fixture
def cut(tmp_path):
    """Cut `[(start, end), …]` seconds out of a file and return (result, path)."""

    def run(source: Path, keep, **options):
        target = tmp_path / "cut.mp4"
        ranges = [Range(Fraction(start), None if end is None else Fraction(end)) for start, end in keep]
        with source.open("rb") as file:
            return smart_cut(file, target, ranges, **options), target

    return run


@pytest.fixture
def judge():
    """Check a finished cut: exactly the pictures `wanted` in order, copies to the bit, edges ≥ 40 dB, no complaint.

    That is asked also of playing from each seam on, unless H.264 has `groups` that are open: entered at one of them,
    FFmpeg complains of the source as well.
    """

    def run(
        source: Path,
        result,
        target: Path,
        wanted: list[int],
        *,
        reencoded: int | None = None,
        peak: int = 255,
        groups: str = "closed",
    ):
        originals = decoded(source)
        with av.open(str(target)) as container:
            stream = container.streams.video[0]
            shown = [
                (frame.pts * stream.time_base, barcode.read_frame(frame), frame.to_ndarray())
                for frame in container.decode(stream)
            ]
        assert [number for _, number, _ in shown] == wanted
        encoded = sum(seam.frames for seam in result.seams)
        different = [
            psnr(planes, originals[number][0][1], peak)
            for _, number, planes in shown
            if not np.array_equal(planes, originals[number][0][1])
        ]
        assert len(different) <= encoded
        assert all(value >= 40 for value in different)
        assert result.frames == len(wanted)
        if reencoded is not None:
            assert encoded == reencoded
        assert ffmpeg_says(target, *(seam.at for seam in result.seams if groups == "closed")) == ""
        return [time for time, _, _ in shown]

    return run


@pytest.fixture
def in_step():
    """Check that every flash of a cut has its click within a frame of sound, and the other way round."""

    def run(target: Path, *, track: int = 0, within: Fraction = Fraction(1024, 48_000)):
        seen, heard = flashes(target), clicks(target, track)
        assert seen
        assert all(min(abs(click - flash) for click in heard) <= within for flash in seen)
        return heard

    return run
