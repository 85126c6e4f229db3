from __future__ import annotations

import io
import json
from fractions import Fraction

import av
import pytest
from av.stream import Disposition
from measure import remux

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


def test_only_the_index_is_read_where_there_is_one(shared_media):
    class Counting(io.BytesIO):
        taken = 0

        def read(self, size: int | None = -1) -> bytes:
            data = super().read(size)
            self.taken += len(data)
            return data

    file = Counting((shared_media / "sintel_trailer_720p_h264_aac.mp4").read_bytes())
    assert keyframe_map(file).frames == 1253
    assert file.taken < len(file.getvalue()) / 10


def test_real_clips_are_mapped_as_their_packets_say(shared_media):
    for path in sorted(shared_media.glob("*.[mw][poe][4vb]*")):
        if path.suffix in {".mp4", ".mov", ".webm"}:
            assert rows(mapped(path)) == truth(path), path.name


def test_matroska_says_the_same(clip, tmp_path):
    found = mapped(remux(clip, tmp_path / "clip.mkv", kinds=("video",)))
    assert found.read == "packets"
    assert [(round(time, 2), frames) for time, _, frames in rows(found)] == [
        (round(time, 2), frames) for time, _, frames in truth(clip)
    ]


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

    path = remux(clip, tmp_path / "clip.mkv", kinds=("video",))
    with path.open("rb") as file, pytest.raises(KeyboardInterrupt):
        keyframe_map(file, on_progress=listen)
    assert 80 < len(told) < 100
