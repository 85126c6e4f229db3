"""Cuts of cuts: each brings parameter sets of its own beside those that its source has already."""

from __future__ import annotations

import av
import pytest
from measure import numbers
from variants import make

from media.smartcut import h264, hevc

# The seconds of each cut, and the numbers that are left by then.
_GENERATIONS = (
    ([("0.2", "2.5"), ("2.7", None)], [*range(6, 75), *range(81, 180)]),
    ([("0.35", None)], [*range(17, 75), *range(81, 180)]),
    ([("0", "1.1"), ("1.5", "4.4")], [*range(17, 50), *range(62, 75), *range(81, 155)]),
)


def units_of(data: bytes, start: int, counts: int, skips: list[int]) -> list[bytes]:
    """The units of an `avcC` or `hvcC`: arrays from byte `start` on, each after some bytes to skip, with the number of
    its units in `counts` bytes, and two bytes of length before each."""
    units, at = [], start
    for skip in skips:
        at += skip
        count = int.from_bytes(data[at : at + counts], "big") & 31
        at += counts
        for _ in range(count):
            size = int.from_bytes(data[at : at + 2], "big")
            units.append(data[at + 2 : at + 2 + size])
            at += 2 + size
    return units


def parameter_sets(path) -> tuple[set[int], set[int], int]:
    """The identifiers of the sequence and of the picture parameter sets, and how many units declare them."""
    with av.open(str(path)) as container:
        context = container.streams.video[0].codec_context
        name, data = context.name, context.extradata
    if name == "h264":
        units = units_of(data, 5, 1, [0, 0])
        sps = {h264.parse_sps(unit).id for unit in units if unit[0] & 31 == h264.SPS}
        pps = {h264.pps_ids(unit)[0] for unit in units if unit[0] & 31 == h264.PPS}
        return sps, pps, len(units)
    units = [unit for unit in units_of(data, 23, 2, [1, 1, 1]) if hevc.kind(unit) != hevc.VPS]
    sps = {hevc.parse_sps(unit).id for unit in units if hevc.kind(unit) == hevc.SPS}
    return sps, {hevc.pps_ids(unit)[0] for unit in units if hevc.kind(unit) == hevc.PPS}, len(units)


@pytest.mark.parametrize(
    ("name", "peak"), [("pyramid.mp4", 255), ("clip.ts", 255), ("hevc.mp4", 255), ("hevc10.mp4", 1023)]
)
def test_a_cut_is_cut_again(name, peak, clip, clips, cut, judge, tmp_path):
    source = make(clip, clips, name)
    for generation, (keep, wanted) in enumerate(_GENERATIONS, 1):
        result, target = cut(source, keep)
        judge(source, result, target, wanted, peak=peak)
        assert result.copied > 0
        source = target.rename(tmp_path / f"{generation}.mp4")
        sps, pps, units = parameter_sets(source)
        assert (len(sps), len(pps), units) == (generation + 1, generation + 1, 2 * (generation + 1))
    assert numbers(source) == _GENERATIONS[-1][1]
