from __future__ import annotations

import io
import json
from fractions import Fraction

import av
import pytest
from av.stream import Disposition
from hypothesis import given
from hypothesis import strategies as st
from measure import remux

from media import cues as cues_module
from media.cues import read_cues
from media.errors import InputError
from media.keyframes import keyframe_map
from media.types import seconds


def mapped(path):
    with path.open("rb") as file:
        return keyframe_map(file)


def truth(path):
    """(time, position) of the keyframes and frames of each GOP, from every packet of the main picture."""
    with av.open(str(path)) as container:
        streams = [s for s in container.streams.video if not s.disposition & Disposition.attached_pic]
        packets = [packet for packet in container.demux(streams[0]) if packet.size]
        keys = [number for number, packet in enumerate(packets) if packet.is_keyframe]
        start = Fraction(container.start_time, av.time_base)
        return [
            (packets[key].pts * packets[key].time_base - start, packets[key].pos, following - key)
            for key, following in zip(keys, [*keys[1:], len(packets)], strict=True)
        ]


def rows(found):
    return [(keyframe.time, keyframe.position, keyframe.frames) for keyframe in found.keyframes]


def test_an_mp4_is_mapped_from_its_index(clip):
    found = mapped(clip)
    assert rows(found) == truth(clip)
    assert (found.frames, found.read) == (180, "index")
    assert len(found.keyframes) >= 6


class Counting(io.BytesIO):
    taken = 0

    def read(self, size: int | None = -1) -> bytes:
        data = super().read(size)
        self.taken += len(data)
        return data


def test_only_the_index_is_read_where_there_is_one(shared_media):
    file = Counting((shared_media / "sintel_trailer_720p_h264_aac.mp4").read_bytes())
    assert keyframe_map(file).frames == 1253
    assert file.taken < len(file.getvalue()) / 10


def test_real_clips_are_mapped_as_their_packets_say(shared_media):
    for path in sorted(shared_media.glob("*.[mw][poe][4vb]*")):
        if path.suffix in {".mp4", ".mov", ".webm"}:
            found = mapped(path)
            told = [
                (time, place if found.read == "cues" else position, n)
                for (time, position, n), (_, place, _) in zip(rows(found), truth(path), strict=True)
            ]
            assert told == truth(path), path.name


def test_only_the_cues_of_matroska_are_read(shared_media, tmp_path):
    """A file of 7 MB: its head, as much of it as FFmpeg probes, and its cues."""
    path = remux(shared_media / "sintel_trailer_720p_h264_aac.mp4", tmp_path / "clip.mkv")
    file = Counting(path.read_bytes())
    found = keyframe_map(file)
    assert found.read == "cues"
    assert file.taken < len(file.getvalue()) / 10
    assert [time for time, _, _ in rows(found)] == [time for time, _, _ in truth(path)]
    assert [frames for _, _, frames in rows(found)] == [frames for _, _, frames in truth(path)]
    # A cue names the cluster.
    assert all(
        0 < packet - cluster < 1000 for (_, cluster, _), (_, packet, _) in zip(rows(found), truth(path), strict=True)
    )


@pytest.mark.parametrize("trouble", ["void", "elsewhere", "cut off", "cut in two", "too long"])
def test_matroska_without_sound_cues_is_read_whole(clip, tmp_path, monkeypatch, trouble):
    data = bytearray(remux(clip, tmp_path / "clip.mkv", kinds=("video",)).read_bytes())
    cues = data.rindex(bytes.fromhex("1c53bb6b"))
    if trouble == "void":
        # An element of another kind, and a track that there is not.
        data[cues : cues + 4] = bytes.fromhex("1941a469")
    elif trouble == "elsewhere":
        data[cues:] = data[cues:].replace(bytes.fromhex("f78101"), bytes.fromhex("f78107"))
    elif trouble == "too long":
        monkeypatch.setitem(cues_module._LONGEST, 0x1C53BB6B, 40)
    else:
        # In the middle of a cue, behind a whole one.
        data = data[: cues if trouble == "cut off" else data.index(bytes.fromhex("bb"), cues + 20) + 3]
    found = keyframe_map(io.BytesIO(data))
    assert found.read == "packets"
    assert [(round(time, 2), frames) for time, _, frames in rows(found)] == [
        (round(time, 2), frames) for time, _, frames in truth(clip)
    ]


@given(data=st.binary(max_size=400), at=st.integers(0, 1 << 12))
def test_cues_of_anything_are_read_or_not(data, at):
    """Bytes of chance, also where cues and their numbers stand."""
    head = bytes.fromhex("1a45dfa380 18538067 01ffffffffffffff 1654ae6b 88 ae86 d78101 838101 1c53bb6b")
    for file in (io.BytesIO(data), io.BytesIO(head + data), io.BytesIO(head[: at % len(head)] + data)):
        cues = read_cues(file, 0)
        assert cues is None or all(0 < cue.position < len(file.getvalue()) for cue in cues)


def test_json_is_columns_of_decimal_strings(clip):
    document = json.loads(json.dumps(mapped(clip).to_dict()))
    assert document["times"] == [seconds(time) for time, _, _ in truth(clip)]
    assert sum(document["gop_frames"]) == document["frames"] == 180
    assert len(document["positions"]) == len(document["times"])


def test_sound_has_no_keyframes(clip, tmp_path):
    with pytest.raises(InputError) as caught:
        mapped(remux(clip, tmp_path / "clip.m4a", kinds=("audio",), format="mp4"))
    assert caught.value.code == "no_video"


def test_reading_every_packet_can_be_cancelled(clip, tmp_path, monkeypatch):
    monkeypatch.setattr("media.progress._SECONDS", 0)
    told = []

    def listen(done):
        told.append(done)
        if done > Fraction(1, 2):
            raise KeyboardInterrupt

    path = remux(clip, tmp_path / "clip.ts", kinds=("video",))
    with path.open("rb") as file, pytest.raises(KeyboardInterrupt):
        keyframe_map(file, on_progress=listen)
    assert 80 < len(told) < 100
