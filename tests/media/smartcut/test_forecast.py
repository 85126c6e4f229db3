from __future__ import annotations

import json
from fractions import Fraction

import pytest
from variants import make

from media.errors import InputError
from media.forecast import plan_cut
from media.keyframes import keyframe_map
from media.probe import probe
from media.types import Range


def planned(path, keep, mode="smart"):
    with path.open("rb") as file:
        media, found = probe(file), keyframe_map(file)
    return plan_cut(found, media, [Range(Fraction(a), None if b is None else Fraction(b)) for a, b in keep], mode)


@pytest.mark.parametrize(
    "keep", [[("1.5", "4.2")], [("0", "2")], [("2", None)], [("1.1", "1.9")], [("3.3", "5"), ("0.5", "2.51")]]
)
def test_the_plan_foretells_the_cut(clip, cut, keep):
    plan = planned(clip, keep)
    result, target = cut(clip, keep)
    assert (plan.mode, plan.reason, plan.frames) == ("smart", None, result.frames)
    assert abs(plan.reencoded_frames - sum(seam.frames for seam in result.seams)) <= 3 * len(keep)
    assert target.stat().st_size / 3 < plan.size < target.stat().st_size * 3


def test_exact_encodes_all_and_copy_nothing(clip):
    keep = [("1.5", "4.2")]
    exact, copy = planned(clip, keep, "exact"), planned(clip, keep, "copy")
    assert exact.reencoded_frames == exact.frames == 81
    assert copy.reencoded_frames == 0
    assert copy.ranges == (Range(Fraction(1), Fraction("4.2")),)
    assert copy.cpu < planned(clip, keep).cpu < exact.cpu


def test_what_cannot_be_copied_is_planned_exact_with_the_reason(clip, clips):
    plan = planned(make(clip, clips, "vp9.webm"), [("1.5", "4.2")])
    assert plan.mode == "exact"
    assert plan.reencoded_frames == plan.frames
    assert "vp9" in plan.reason


def test_the_plan_is_json(clip):
    document = json.loads(json.dumps(planned(clip, [("1.5", "4.2")]).to_dict()))
    assert document["ranges"] == [{"start": "1.5", "end": "4.2"}]
    assert document.keys() == {
        "mode", "reason", "ranges", "frames", "reencoded_frames", "estimated_cpu_s", "estimated_bytes",
    }  # fmt: skip


def test_ranges_past_the_end_are_refused(clip):
    with pytest.raises(InputError) as caught:
        planned(clip, [("7", None)])
    assert caught.value.code == "range_past_end"
