"""Trims that are refused, damaged, canceled; and what is told of them."""

import json
from fractions import Fraction

import pytest
from measure import numbers
from trimming import cut, refusal

from media.types import Range

RATE = Fraction(30)


@pytest.mark.parametrize(
    ("keep", "code"),
    [
        ([], "invalid_range"),
        ([(3, 2)], "invalid_range"),
        ([(7, 8)], "range_past_end"),
        ([(5, "6.5")], "range_past_end"),
    ],
)
def test_ranges_that_cannot_be_cut(clip, tmp_path, keep, code):
    assert refusal(clip, tmp_path / "cut.mp4", *keep) == code


def test_damage_is_told(clip, tmp_path):
    data = bytearray(clip.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 6000] = bytes(6000)
    (tmp_path / "scratched.mp4").write_bytes(data)
    result = cut(tmp_path / "scratched.mp4", tmp_path / "cut.mp4", (0, None))
    assert "damaged_frames" in [warning.code for warning in result.warnings]
    assert result.frames > 100


def test_a_file_cut_off_after_its_index_keeps_what_is_there(clip, tmp_path):
    data = clip.read_bytes()
    (tmp_path / "short.mp4").write_bytes(data[: len(data) * 6 // 10])
    result = cut(tmp_path / "short.mp4", tmp_path / "cut.mp4", (0, None))
    assert "ends_early" in [warning.code for warning in result.warnings]
    assert numbers(tmp_path / "cut.mp4") == list(range(result.frames))
    assert 60 < result.frames < 150
    assert abs(result.duration - result.frames / RATE) < Fraction(1, 5)
    assert result.ranges == (Range(Fraction(0), result.duration),)
    assert refusal(tmp_path / "short.mp4", tmp_path / "none.mp4", (5, "5.5")) == "damaged_file"


def test_progress_rises_and_a_cancel_leaves_nothing(clip, tmp_path):
    told = []
    cut(clip, tmp_path / "cut.mp4", (0, 5), on_progress=told.append)
    assert told == sorted(told)
    assert told[-1] == 1

    class CancelError(Exception):
        pass

    def cancel(fraction):
        raise CancelError

    with pytest.raises(CancelError):
        cut(clip, tmp_path / "gone.mp4", (0, 5), on_progress=cancel)
    assert [path.name for path in tmp_path.iterdir()] == ["cut.mp4"]


def test_the_result_is_json(clip, tmp_path):
    document = json.loads(json.dumps(cut(clip, tmp_path / "cut.mp4", (1, "1.5")).to_dict()))
    assert document == {
        "duration": "0.5",
        "frames": 15,
        "audio_tracks": 1,
        "subtitle_tracks": 0,
        "chapters": 0,
        "covers": 0,
        "ranges": [{"start": "1", "end": "1.5"}],
        "reencoded_s": "0.5",
        "warnings": [],
    }
