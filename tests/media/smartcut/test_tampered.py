"""The certificate's negative controls far from any seam: a cut that was tampered with does not pass."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest
from variants import make

from media.encode import AudioTrack
from media.sample import make_sample
from media.smartcut import NotCuttable
from media.smartcut.audio import CopiedSound
from media.smartcut.mux import PictureTrack, SoundTrack
from media.smartcut.pictures import Pictures

KEEP = [("1.5", "9.2")]
# Pictures copied before the one that is tampered with: three seconds from the seams.
MIDDLE = 100
SOURCES = ["clip.mp4", "clip.mkv", "clip.ts"]


@pytest.fixture(scope="module", params=SOURCES)
def source(request, clips):
    """Ten seconds: with the index of its pictures, and without."""
    folder = clips / "long"
    folder.mkdir(exist_ok=True)
    path = folder / "clip.mp4"
    if not path.exists():
        make_sample(path, seconds=Fraction(10), size=(320, 180), keyframe_every=30)
    return path if request.param == path.name else make(path, folder, request.param)


@pytest.fixture(autouse=True)
def by_packets(monkeypatch):
    """What is copied as runs of bytes has negative controls of its own (`test_bulk`)."""
    monkeypatch.setattr("media.smartcut.bulk.carry._WORTH", 1 << 40)


@pytest.fixture
def refused(cut, source, tmp_path):
    def run(match: str, path=source, keep=KEEP) -> None:
        with pytest.raises(NotCuttable, match=match) as caught:
            cut(path, keep)
        assert caught.value.code == "certificate_failed"
        assert list(tmp_path.iterdir()) == []

    return run


def tampered(monkeypatch, change):
    copy = Pictures.copy
    monkeypatch.setattr(
        Pictures, "copy", lambda self, access: copy(self, change(access) if self.copied == MIDDLE else access)
    )


def test_untouched_it_passes(source, cut):
    result, _ = cut(source, KEEP)
    assert result.frames == 231
    assert abs(result.seams[0].av_offset_ms) < 11


def test_a_picture_that_is_shown_late(refused, monkeypatch):
    tampered(monkeypatch, lambda access: replace(access, pts=access.pts + (access.duration or 3_000) // 3))
    refused("is not shown when it should be")


@pytest.mark.parametrize("size", [200, None])
def test_a_picture_of_zeros(refused, monkeypatch, size):
    def zeros(access):
        sample = bytes(size or len(access.picture.sample))
        return replace(access, picture=replace(access.picture, sample=sample))

    tampered(monkeypatch, zeros)
    refused("the copied picture at .* is not as it was read")


def test_a_picture_that_is_written_otherwise(refused, monkeypatch):
    write = PictureTrack.write

    def shortened(self, data, pts, duration, *, key):
        write(self, data[:-1] if self.frames == MIDDLE else data, pts, duration, key=key)

    monkeypatch.setattr(PictureTrack, "write", shortened)
    refused("the copied picture at .* is not as it was read")


def test_sound_of_zeros(refused, monkeypatch):
    write = SoundTrack.write
    monkeypatch.setattr(
        SoundTrack,
        "write",
        lambda self, data, pts, duration: write(self, bytes([data[0]]) + bytes(len(data) - 1), pts, duration),
    )
    refused("is not that of the source")


def test_sound_of_zeros_where_there_is_no_seam(clip, refused, monkeypatch):
    # Where nothing is encoded or joined, no seam is measured.
    write = SoundTrack.write
    monkeypatch.setattr(
        SoundTrack, "write", lambda self, data, pts, duration: write(self, data[:1] + bytes(9), pts, duration)
    )
    refused("is not that of the source", clip, [("0", None)])


@pytest.mark.parametrize(("first", "last"), [(2, 99), (4, 4.1), (8.9, 99)])
def test_sound_that_is_lost(refused, monkeypatch, first, last):
    feed = CopiedSound.feed

    def deaf(self, packet):
        at = packet.pts * packet.time_base - self._origin
        if first <= at < last:
            self.full = packet.pts > self._enough
        else:
            feed(self, packet)

    monkeypatch.setattr(CopiedSound, "feed", deaf)
    refused("sound (is missing at|at .* is not that of the source)")


def test_encoded_sound_that_ends_early(clip, clips, refused, monkeypatch):
    write = AudioTrack.write

    def mute(self, samples):
        if self.samples < self.rate:
            write(self, samples)

    monkeypatch.setattr(AudioTrack, "write", mute)
    monkeypatch.setattr(AudioTrack, "write_silence", lambda self, count: None)
    refused("encoded sound is not as long", make(clip, clips, "mp3.mp4"), [("1.5", "5.2")])
