from __future__ import annotations

from fractions import Fraction

import av
import numpy as np
import pytest

from media import x264
from media.encode import Mp4Writer, VideoSpec
from media.sample import Painter


def stirred():
    """Memory full of noise: what is taken next is not all zeros."""
    return [np.random.default_rng(0).integers(0, 255, 200_000 + size * 13, dtype=np.uint8) for size in range(50)]


@pytest.mark.parametrize("size", [(320, 180), (288, 160)])
def test_the_same_pictures_become_the_same_bytes(size, tmp_path):
    painter = Painter(size, Fraction(30))
    arrays = [painter.frame(number).to_ndarray() for number in range(40)]
    spec = VideoSpec(width=size[0], height=size[1], time_base=Fraction(1, 90_000), rate=Fraction(30))
    kept, files = [], set()
    for _ in range(5):
        with Mp4Writer(tmp_path / "out.mp4", threads=1) as writer:
            track = writer.video(spec)
            for number, array in enumerate(arrays):
                track.write(av.VideoFrame.from_ndarray(array, "yuv420p"), Fraction(number, 30))
        files.add((tmp_path / "out.mp4").read_bytes())
        kept = [*kept, *stirred()][-30:]
    assert len(files) == 1


@pytest.mark.parametrize(
    ("flags", "expected"),
    [("flags : sse2 avx2 avx512f avx512bw", {"x264-params"}), ("flags : sse2 avx2", set()), (None, set())],
)
def test_only_a_machine_that_has_avx_512_is_kept_from_it(flags, expected, monkeypatch, tmp_path):
    if flags is not None:
        (tmp_path / "cpuinfo").write_text(flags)
    monkeypatch.setattr(x264, "_CPUINFO", tmp_path / "cpuinfo")
    x264.repeatable.cache_clear()
    assert set(x264.repeatable()) == expected
    x264.repeatable.cache_clear()
