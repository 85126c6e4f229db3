from __future__ import annotations

import json
from fractions import Fraction

import av
import pytest
from measure import numbers
from variants import make

from media.smartcut import NotCuttable, h264, smart_cut
from media.smartcut.audio import CopiedSound
from media.smartcut.pictures import Pictures
from media.types import Range


@pytest.mark.parametrize(
    ("keep", "wanted", "reencoded"),
    [
        ([("1.5", "4.2")], range(45, 126), 16),
        ([("0", "1")], range(30), 0),
        ([("1", "3")], range(30, 90), 0),
        ([("0.999", "3.001")], range(30, 91), 0),
        ([("2.35", None)], range(71, 180), 19),
        ([("0", None)], range(180), 0),
        ([("2.36", "2.38")], [71], 1),
        ([("2.1", "2.9")], range(63, 87), 24),
        ([("5.9", "6")], range(177, 180), 3),
    ],
)
def test_exactly_the_frames_of_a_range(clip, cut, judge, in_step, keep, wanted, reencoded):
    result, target = cut(clip, keep)
    times = judge(clip, result, target, list(wanted), reencoded=reencoded)
    assert times == [Fraction(n, 30) for n in range(len(times))]
    assert result.duration == Fraction(len(times), 30)
    assert result.copied + result.reencoded == result.duration
    if any(number % 30 == 0 for number in wanted):
        in_step(target)


def test_ranges_follow_each_other_without_drift(clip, cut, judge, in_step):
    keep = [("1", "3"), ("3.5", "3.7"), ("0.5", "2"), ("4.01", "4.9"), ("5.5", None)]
    wanted = [*range(30, 90), *range(105, 111), *range(15, 60), *range(121, 147), *range(165, 180)]
    result, target = cut(clip, keep)
    times = judge(clip, result, target, wanted)
    assert times == [Fraction(n, 30) for n in range(len(wanted))]
    in_step(target)
    assert all(abs(seam.av_offset_ms) <= 1000 * 512 / 48_000 + 0.1 for seam in result.seams)
    assert all(seam.psnr_db >= 40 for seam in result.seams if seam.frames)


def test_where_two_copies_meet_is_a_seam_without_frames(clip, cut, judge):
    result, target = cut(clip, [("0", "1"), ("3", "4")])
    judge(clip, result, target, [*range(30), *range(90, 120)], reencoded=0)
    assert [(seam.at, seam.frames, seam.psnr_db) for seam in result.seams] == [(1, 0, None)]


def test_the_end_of_one_range_and_the_start_of_the_next_are_one_stretch(clip, cut, judge):
    result, target = cut(clip, [("0", "2.5"), ("3.5", "6")])
    judge(clip, result, target, [*range(75), *range(105, 180)])
    assert len(result.seams) == 1


def test_the_track_has_one_sample_entry_and_no_headers_inside(clip, cut):
    _, target = cut(clip, [("1.5", "4.2")])
    with av.open(str(target)) as container:
        stream = container.streams.video[0]
        assert stream.codec_context.codec_tag == "avc1"
        dts = []
        for packet in container.demux(stream):
            if packet.size:
                assert not packet.has_sidedata("new_extradata")
                data, kinds = bytes(packet), []
                while data:
                    size = int.from_bytes(data[:4], "big")
                    kinds.append(data[4] & 31)
                    data = data[4 + size :]
                assert not {7, 8} & set(kinds)
                dts.append(packet.dts)
        assert dts == sorted(set(dts))


def test_the_result_is_json(clip, cut):
    document = json.loads(json.dumps(cut(clip, [("1.5", "4.2")])[0].to_dict()))
    assert (document["copied_s"], document["reencoded_s"]) == ("2.166667", "0.533333")
    assert document["seams"][0].keys() == {"at", "frames", "psnr_db", "av_offset_ms"}
    assert document["ranges"] == [{"start": "1.5", "end": "4.2"}]


def test_without_sound(silent_clip, cut, judge):
    result, target = cut(silent_clip, [("0.5", "2.5")])
    judge(silent_clip, result, target, list(range(15, 75)))
    assert result.audio_tracks == 0


@pytest.mark.parametrize(
    ("keep", "wanted"),
    [([("2.35", "2.36")], [70]), ([("1", "2"), ("2.35", "2.36"), ("4", "5")], [*range(30, 60), 70, *range(120, 150)])],
)
def test_a_range_within_a_frame_shows_it(clip, cut, judge, keep, wanted):
    result, target = cut(clip, keep)
    judge(clip, result, target, wanted, reencoded=1)


def test_the_same_identifiers_would_be_noticed(clip, cut, monkeypatch, tmp_path):
    """The negative control: encoded frames under the source's own parameter set ids decode to garbage."""
    monkeypatch.setattr(
        "media.smartcut.avc.Avc.edge_id", property(lambda self: 0, lambda self, value: None), raising=False
    )
    with pytest.raises(NotCuttable) as caught:
        cut(clip, [("1.5", "4.2")])
    assert caught.value.code == "certificate_failed"
    assert list(tmp_path.iterdir()) == []


def test_a_file_cut_off_in_the_middle_is_left_to_the_exact_way(clip, cut, tmp_path):
    """Its index promises more than there is; nothing may be missing without a word."""
    data = clip.read_bytes()
    source = tmp_path / "cut_off.mp4"
    source.write_bytes(data[: len(data) * 6 // 10])
    with pytest.raises(NotCuttable) as caught:
        cut(source, [("1.5", "5.5")])
    assert caught.value.code in {"damaged_pictures", "certificate_failed"}
    assert list(tmp_path.iterdir()) == [source]


def test_damaged_bytes_are_left_to_the_exact_way(clip, cut, tmp_path):
    data = bytearray(clip.read_bytes())
    source = tmp_path / "damaged.mp4"
    middle = len(data) * 45 // 100
    data[middle : middle + 4_000] = bytes(4_000)
    source.write_bytes(data)
    with pytest.raises(NotCuttable):
        cut(source, [("1.5", "5.5")])
    assert list(tmp_path.iterdir()) == [source]


def test_sound_out_of_step_would_be_noticed(clip, cut, monkeypatch, tmp_path):
    begin = CopiedSound.begin
    monkeypatch.setattr(CopiedSound, "begin", lambda self, first, at: begin(self, first - Fraction(1, 10), at))
    with pytest.raises(NotCuttable, match="sound is 100 ms off"):
        cut(clip, [("1.5", "4.2")])
    assert list(tmp_path.iterdir()) == []


def test_a_missing_picture_would_be_noticed(clip, cut, monkeypatch, tmp_path):
    copy = Pictures.copy

    def forgetful(self, access):
        if self.copied == 10 and not self.forgot:
            self.forgot = True
        else:
            copy(self, access)

    monkeypatch.setattr(Pictures, "forgot", False, raising=False)
    monkeypatch.setattr(Pictures, "copy", forgetful)
    with pytest.raises(NotCuttable) as caught:
        cut(clip, [("1.5", "4.2")])
    assert caught.value.code == "certificate_failed"


def test_a_coarse_edge_would_be_noticed(clip, cut, monkeypatch):
    monkeypatch.setattr("media.smartcut.assembly.CRF", 45)
    with pytest.raises(NotCuttable, match="dB from its source"):
        cut(clip, [("1.5", "4.2")])


def test_grain_is_given_finer_edges(clip, clips, cut, judge, monkeypatch):
    source, keep = make(clip, clips, "grain.mp4"), [("1.5", "4.2")]
    with monkeypatch.context() as patch:
        patch.setattr("media.smartcut.cut._FINER", (0,))
        with pytest.raises(NotCuttable, match="dB from its source"):
            cut(source, keep)
    told = []
    result, target = cut(source, keep, on_progress=told.append)
    judge(source, result, target, list(range(45, 126)))
    assert told == sorted(told)
    assert result.copied > 2
    assert all(seam.psnr_db >= 40 for seam in result.seams)
    assert result.seams[0].av_offset_ms is not None


def test_canceling_leaves_nothing(clip, tmp_path):
    class CancelError(Exception):
        pass

    def cancel(done):
        raise CancelError

    with clip.open("rb") as file, pytest.raises(CancelError):
        smart_cut(file, tmp_path / "gone.mp4", [Range(Fraction(1))], on_progress=cancel)
    assert list(tmp_path.iterdir()) == []


def test_progress_rises_to_one(clip, tmp_path):
    told = []
    with clip.open("rb") as file:
        smart_cut(file, tmp_path / "cut.mp4", [Range(Fraction(1))], on_progress=told.append)
    assert told == sorted(told)
    assert told[-1] == 1
    assert numbers(tmp_path / "cut.mp4") == list(range(30, 180))


def test_pictures_that_are_far_apart_are_left_to_the_exact_way(shared_media, cut):
    # A slide stays for half a second: moved to the frame beside it, a cut would take speech away.
    with pytest.raises(NotCuttable) as caught:
        cut(shared_media / "lecture_slides_vfr_h264_aac.mov", [("1.04", "2.04"), ("5.22", "6.52")])
    assert caught.value.code == "sparse_pictures"


@pytest.mark.parametrize("name", ["clip.mp4", "baseline.mp4", "main.mp4", "high10.mp4", "high422.mp4"])
def test_edges_have_the_profile_of_their_source(clip, clips, cut, name):
    source = clip if name == "clip.mp4" else make(clip, clips, name)
    result, target = cut(source, [("1.5", "4.2")])
    assert sum(seam.frames for seam in result.seams) > 0
    profiles = []
    for path in (source, target):
        with av.open(str(path)) as container:
            data = container.streams.video[0].codec_context.extradata
        # In an avcC the sets of sequence parameters stand behind their lengths (ISO/IEC 14496-15, 5.3.3).
        place, found = 6, []
        for _ in range(data[5] & 31):
            size = int.from_bytes(data[place : place + 2], "big")
            found.append(h264.parse_sps(data[place + 2 : place + 2 + size]).profile)
            place += 2 + size
        profiles.append(found)
    (given,), made = profiles
    assert made == [given, given]
