"""Sources that only say when their pictures are decoded."""

from __future__ import annotations

from fractions import Fraction

import pytest
from crafted import box, rebuilt
from measure import pictures

from media.cut import cut
from media.types import Range

ASKED = [Range(Fraction("1.5"), Fraction("2.1")), Range(Fraction(4), Fraction(5))]
WANTED = [*range(45, 63), *range(120, 150)]


@pytest.fixture
def broken(clip, tmp_path):
    """Make of the clip, with B-frames, one in which every picture is shown when it is decoded."""

    def run(way):
        def change(kind, whole):
            if kind == b"ctts" and way == "zeroed":
                return box(
                    kind, whole[8:16] + b"".join(whole[at : at + 4] + bytes(4) for at in range(16, len(whole), 8))
                )
            return box(b"free", whole[8:]) if kind in {b"ctts", b"edts"} else whole

        path = tmp_path / f"{way}.mp4"
        path.write_bytes(rebuilt(clip.read_bytes(), change))
        return path

    return run


@pytest.mark.parametrize("way", ["zeroed", "missing"])
@pytest.mark.parametrize("mode", ["smart", "copy", "exact"])
def test_an_mp4_without_offsets_is_encoded_in_the_order_of_the_decoder(broken, tmp_path, way, mode):
    target = tmp_path / "cut.mp4"
    with broken(way).open("rb") as file:
        result = cut(file, target, ASKED, mode=mode)
    assert (result.mode, result.fallback) == ("exact", None if mode == "exact" else "no_timestamps")
    assert [number for _, number in pictures(target)] == WANTED
