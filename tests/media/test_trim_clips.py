"""Trim on real recordings."""

from __future__ import annotations

from fractions import Fraction

import av
import numpy as np

from media.probe import probe
from media.trim import trim
from media.types import Range


def cut(source, target, *keep, **options):
    ranges = [Range(Fraction(start), None if end is None else Fraction(end)) for start, end in keep]
    with source.open("rb") as file:
        return trim(file, target, ranges, **options)


def test_real_clips_are_cut(shared_media, tmp_path):
    codes = set()
    for path in sorted(shared_media.iterdir()):
        if path.suffix not in {".mp4", ".mov", ".webm", ".flac", ".ogg"}:
            continue
        with path.open("rb") as file:
            info = probe(file)
        middle = info.duration / 2
        result = cut(path, tmp_path / "cut.mp4", (middle, middle + Fraction(2, 5)), (0, Fraction(2, 5)))
        codes |= {warning.code for warning in result.warnings}
        with (tmp_path / "cut.mp4").open("rb") as file:
            made = probe(file)
        assert made.kind == info.kind, path.name
        assert abs(made.duration - Fraction(4, 5)) < Fraction(1, 10), path.name
        assert result.audio_tracks == sum(s.type == "audio" for s in info.streams), path.name
        if info.main_video is not None:
            before, after = info.main_video, made.main_video
            assert (after.display_width, after.display_height) == (before.display_width, before.display_height)
            assert (after.rotation, after.bit_depth, after.hdr) == (before.rotation, before.bit_depth, before.hdr)
    assert codes == {"data_dropped", "video_dropped", "hdr_metadata_dropped"}


def test_the_picture_of_a_turned_clip_is_upright_as_before(shared_media, tmp_path):
    source = shared_media / "rot90_portrait_h264_aac.mp4"
    cut(source, tmp_path / "cut.mp4", (1, 3))
    shown = []
    for path, start in ((source, Fraction(1)), (tmp_path / "cut.mp4", Fraction(0))):
        with av.open(str(path)) as container:
            stream = container.streams.video[0]
            frame = next(f for f in container.decode(stream) if f.pts * stream.time_base >= start)
            shown.append(np.rot90(frame.to_ndarray(format="gray"), frame.rotation // 90).astype(int))
    assert shown[0].shape == (640, 480)
    assert np.abs(shown[0] - shown[1]).mean() < 4
