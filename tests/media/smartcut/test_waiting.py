"""What waits until the first picture of a range is known is bounded, and nothing is silent for long."""

from __future__ import annotations

import subprocess
from fractions import Fraction
from pathlib import Path

import imageio_ffmpeg
import pytest

from media.progress import Meter
from media.smartcut import NotCuttable, smart_cut
from media.smartcut.audio import Waiting
from media.smartcut.resound import EncodedSound
from media.smartcut.runup import RunUp
from media.types import Range


def made(target: Path, rate: str, seconds: int, sound: str, *, keyint: str = "infinite") -> Path:
    """Pictures of so many a second, of which only the first is a keyframe, with noise."""
    sources = [f"testsrc=s=64x64:r={rate}:d={seconds}", f"anoisesrc=d={seconds}:r=48000"]
    inputs = [part for source in sources for part in ("-f", "lavfi", "-i", source)]
    options = f"-c:v libx264 -preset ultrafast -pix_fmt yuv420p -x264-params keyint={keyint}:scenecut=0 {sound}"
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-y", *inputs, *options.split(), str(target)]
    subprocess.run(command, check=True, timeout=60)
    return target


def run(source: Path, target: Path, start: str, end: str):
    with source.open("rb") as file:
        return smart_cut(file, target, [Range(Fraction(start), Fraction(end))])


@pytest.fixture
def waited(monkeypatch):
    """How many packets of sound have waited."""
    taken: list[bool] = []
    takes = Waiting.takes

    def counted(self, packet):
        taken.append(takes(self, packet))
        return taken[-1]

    monkeypatch.setattr(Waiting, "takes", counted)
    return taken


@pytest.mark.parametrize("sound", ["-ac 6 -c:a pcm_s24le", "-c:a aac"])
def test_sound_before_the_range_does_not_wait(tmp_path, waited, sound):
    source = made(tmp_path / "one.mov", "10", 60, sound)
    assert run(source, tmp_path / "cut.mp4", "50", "58").frames == 80
    assert sum(waited) < 0.1 * len(waited)


@pytest.mark.parametrize("sound", ["-c:a pcm_s16le", "-c:a aac"])
def test_sound_flows_once_the_first_picture_is_known(tmp_path, waited, sound):
    # Twelve seconds of pictures of the range come before its first keyframe, and more are copied after it.
    source = made(tmp_path / "late.mov", "10", 60, sound, keyint="200")
    assert run(source, tmp_path / "cut.mp4", "8", "59").frames == 510
    # The first picture is known 17 pictures into the range.
    assert 0 < sum(waited) < 3 * 48_000 // 1024


@pytest.mark.parametrize("sound", ["-c:a pcm_s16le", "-c:a aac"])
def test_pictures_too_far_apart_do_not_pile_up_sound(tmp_path, monkeypatch, sound):
    monkeypatch.setattr("media.smartcut.audio.MAX_WAITING", 20_000)
    source = made(tmp_path / "sparse.mov", "1/4", 60, sound, keyint="4")
    with pytest.raises(NotCuttable) as caught:
        run(source, tmp_path / "cut.mp4", "5", "55")
    assert caught.value.code == "sparse_pictures"


def test_all_tracks_wait_in_one_room(tmp_path, monkeypatch):
    monkeypatch.setattr("media.smartcut.audio.MAX_WAITING", 400_000)
    one = made(tmp_path / "one.mov", "10", 30, "-c:a pcm_s16le", keyint="100")
    keep = "8", "24"
    assert run(one, tmp_path / "cut.mp4", *keep).audio_tracks == 1
    three = made(tmp_path / "three.mov", "10", 30, "-map 0:v -map 1:a -map 1:a -map 1:a -c:a pcm_s16le", keyint="100")
    with pytest.raises(NotCuttable) as caught:
        run(three, tmp_path / "cut.mp4", *keep)
    assert caught.value.code == "sparse_pictures"
    monkeypatch.setattr("media.smartcut.audio.MAX_WAITING", 1_200_000)
    with three.open("rb") as file:
        ranges = [Range(Fraction(8), Fraction(14)), Range(Fraction(18), Fraction(24))]
        assert smart_cut(file, tmp_path / "cut.mp4", ranges).audio_tracks == 3


def test_a_range_far_from_its_keyframe_is_given_up_at_once(tmp_path, monkeypatch):
    monkeypatch.setattr("media.smartcut.runup.MAX_PACKETS", 100)
    source = made(tmp_path / "far.mov", "10", 60, "-an")
    seen = []
    add = RunUp.add
    monkeypatch.setattr(RunUp, "add", lambda self, packet, **more: (seen.append(packet), add(self, packet, **more))[1])
    with pytest.raises(NotCuttable) as caught:
        run(source, tmp_path / "cut.mp4", "20", "55")
    assert caught.value.code == "keyframes_too_far"
    assert len(seen) <= 210


def test_sound_that_has_waited_tells_of_its_work(tmp_path, monkeypatch):
    ticks, begun = [], []
    tick, begin, decode = Meter.tick, EncodedSound.begin, EncodedSound._decode
    inside: list[str] = []

    def told(self):
        ticks.append(bool(inside))
        tick(self)

    def marked(self, *places):
        inside.append("begin")
        begin(self, *places)
        inside.clear()

    def counted(self, packet):
        begun.append(bool(inside))
        decode(self, packet)

    monkeypatch.setattr(Meter, "tick", told)
    monkeypatch.setattr(EncodedSound, "begin", marked)
    monkeypatch.setattr(EncodedSound, "_decode", counted)
    run(made(tmp_path / "pcm.mov", "10", 60, "-c:a pcm_s16le", keyint="200"), tmp_path / "cut.mp4", "8", "55")
    assert sum(ticks) == sum(begun) > 10
