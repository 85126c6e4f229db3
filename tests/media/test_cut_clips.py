"""Smart cuts of real recordings, at drawn places: proven by their certificate, or encoded whole for a stated reason."""

from __future__ import annotations

import random
from fractions import Fraction

import av

from media.cut import copy, cut
from media.probe import probe
from media.smartcut import NotCuttable
from media.types import Range

# No H.264 or HEVC, no picture at all, pictures that stand seconds apart.
FALLBACKS = {
    "av1_720p_aac.mp4": "codec_not_supported",
    "bbb_30s_720p_vp8_vorbis.webm": "codec_not_supported",
    "jfk_speech_11s.flac": "no_video",
    "lecture_slides_vfr_h264_aac.mov": "sparse_pictures",
    "metal_150bpm_beat.ogg": "no_video",
}
# Few of them have a keyframe in every second; these have so many that some groups are whole in any range drawn here.
COPIED = {"faces_60fps_noaudio_h264.mov", "phone_face_hevc_vfr_aac.mov", "talk_timecode_720p_h264_aac.mp4"}
LONGEST = Fraction(3, 2)


def drawn(name, duration):
    """Two ranges to the millisecond, the same ones in every run."""
    draw = random.Random(name)
    length = min(duration / 3, LONGEST)
    starts = [Fraction(draw.randrange(int((duration - length) * 1000)), 1000) for _ in range(2)]
    return [Range(start, start + length) for start in starts]


def test_real_clips_are_cut_smartly(shared_media, tmp_path):
    copied = set()
    for path in sorted(shared_media.iterdir()):
        if path.suffix not in {".mp4", ".mov", ".webm", ".flac", ".ogg"}:
            continue
        with path.open("rb") as file:
            keep = drawn(path.name, probe(file).duration)
            file.seek(0)
            result = cut(file, tmp_path / "cut.mp4", keep)
        assert (result.mode, result.fallback) == (
            ("exact", FALLBACKS[path.name]) if path.name in FALLBACKS else ("smart", None)
        ), path.name
        told = [warning.code for warning in result.warnings]
        assert ("reencoded" in told) == (path.name in FALLBACKS), path.name
        assert decoded(tmp_path / "cut.mp4") == result.made.frames, path.name
        if result.mode == "smart":
            proven(result.made, path.name)
            if result.made.copied > 0:
                copied.add(path.name)
    assert copied >= COPIED


def test_real_clips_are_cut_at_keyframes(shared_media, tmp_path):
    """Also to the end of the file, where pictures that come later in it are shown earlier."""
    refused = {}
    for path in sorted(shared_media.iterdir()):
        if path.suffix not in {".mp4", ".mov"}:
            continue
        with path.open("rb") as file:
            duration = probe(file).duration
        for keep in (drawn(path.name, duration), [Range(duration * Fraction(3, 4))]):
            try:
                with path.open("rb") as file:
                    result = copy(file, tmp_path / "cut.mp4", keep, mode="copy")
            except NotCuttable as refusal:
                refused[path.name] = refusal.code
                continue
            assert (result.mode, result.made.reencoded) == ("copy", 0), path.name
            assert decoded(tmp_path / "cut.mp4") == result.made.frames, path.name
    # The slides can be entered only at a picture that their edit list hides.
    assert refused == {"av1_720p_aac.mp4": "codec_not_supported", "lecture_slides_vfr_h264_aac.mov": "edited_timeline"}


def proven(made, name):
    assert made.seams, name
    for seam in made.seams:
        assert (seam.psnr_db is None) == (seam.frames == 0), name
        assert seam.psnr_db is None or seam.psnr_db >= 40, name
        assert seam.av_offset_ms is None or abs(seam.av_offset_ms) <= 1024 / 8, name
    assert abs(made.copied + made.reencoded - made.duration) < Fraction(1, 1000), name


def decoded(path):
    """How many pictures come out of a decoder."""
    with av.open(str(path)) as container:
        return sum(1 for _ in container.decode(video=0)) if container.streams.video else 0
