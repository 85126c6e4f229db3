from __future__ import annotations

import random

import av
import pytest
from variants import make

from media.smartcut import h264, hevc, nal
from media.smartcut.bits import BitReader, escape, payload_bits, to_bits, ue, unescape, with_stop_bit
from media.smartcut.hvc import headers


def test_numbers_survive_writing_and_reading():
    numbers = [0, 1, 2, 3, 6, 7, 14, 15, 30, 31, 255, 70_000]
    reader = BitReader(with_stop_bit("".join(ue(number) for number in numbers)))
    assert [reader.ue() for _ in numbers] == numbers


def test_a_header_that_ends_too_early_is_refused():
    with pytest.raises(ValueError, match="cut off"):
        BitReader(b"\0").ue()


def test_emulation_prevention_is_reversible():
    rng = random.Random(7)
    for _ in range(300):
        data = bytes(rng.choice([0, 0, 0, 1, 2, 3, 9]) for _ in range(rng.randrange(1, 40))) + b"\x80"
        escaped = escape(data)
        assert unescape(escaped) == data
        assert not any(start in escaped for start in (b"\0\0\0", b"\0\0\1", b"\0\0\2"))


def test_units_are_found_behind_start_codes_and_lengths():
    units = [b"\x67\x01", b"\x68\x02\x03", b"\x65\x00\x00\x03\x01"]
    assert nal.split(b"".join(b"\0\0\0\1" + unit for unit in units), None) == units
    assert nal.split(b"".join(b"\0\0\1" + unit for unit in units), None) == units
    assert nal.split(nal.join(units), 4) == units
    with pytest.raises(ValueError, match="longer"):
        nal.split(b"\0\0\0\x09ab", 4)


def test_an_encoder_gets_the_reordering_of_its_source(clip, clips):
    def first_sps(name):
        with av.open(str(make(clip, clips, name))) as container:
            data = container.streams.video[0].codec_context.extradata
        return data[8 : 8 + int.from_bytes(data[6:8], "big")]

    source, own = h264.parse_sps(first_sps("pyramid.mp4")), first_sps("no_b.mp4")
    assert (source.restriction.reorder, h264.parse_sps(own).restriction.reorder) == (2, 0)
    patched = h264.parse_sps(h264.restrict_like(own, source))
    assert patched.restriction.reorder == 2
    assert patched.restriction.buffering >= source.restriction.buffering
    assert patched.references == h264.parse_sps(own).references


def test_renaming_a_parameter_set_moves_a_slice_by_one_byte():
    unit = bytes([1 << 1, 1]) + escape(bytes([0b1_1_011010, 0, 0, 1, 7, 0x80]))
    renamed = hevc.renumbered_slice(unit, 21)
    before, after = unescape(unit[2:]), unescape(renamed[2:])
    assert to_bits(after) == "1" + ue(21) + to_bits(before)[2:]
    assert after[2:] == before[1:]
    with pytest.raises(ValueError, match="parameter set 0"):
        hevc.renumbered_slice(renamed, 22)


def test_hevc_parameter_sets_are_renumbered(clip, clips):
    with av.open(str(make(clip, clips, "hevc_no_b.mkv"))) as container:
        data = container.streams.video[0].codec_context.extradata

    units = {hevc.kind(unit): unit for unit in headers(data)[1]}
    own = hevc.parse_sps(units[hevc.SPS])
    made = hevc.renumbered_sps(units[hevc.SPS], own, own, 15, 9)
    assert hevc.parse_sps(made).id == 15
    assert hevc.parse_sps(made).ordering == own.ordering
    assert payload_bits(unescape(made[2:]))[:4] == "1001"
    assert hevc.pps_ids(hevc.renumbered_pps(units[hevc.PPS], 30, 15)) == (30, 15)
    assert hevc.vps_id(hevc.renumbered_vps(units[hevc.VPS], 9)) == 9
