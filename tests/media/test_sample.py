from __future__ import annotations

import subprocess
import sys
from fractions import Fraction

import av
import pytest
from measure import clicks, flashes, numbers, pictures

from media.sample import make_sample


def test_the_command_writes_a_sample(tmp_path):
    target = tmp_path / "sample.mp4"
    subprocess.run([sys.executable, "-m", "media.sample", target, "--seconds", "1"], check=True, timeout=60)
    assert numbers(target) == list(range(30))
    with av.open(str(target)) as container:
        assert (container.streams.video[0].width, container.streams.video[0].height) == (1280, 720)


def test_fractional_rates_flash_with_their_clicks(tmp_path):
    rate = Fraction(30_000, 1001)
    make_sample(tmp_path / "ntsc.mp4", seconds=Fraction(4), fps=rate, size=(320, 180))
    assert [number for _, number in pictures(tmp_path / "ntsc.mp4")] == list(range(120))
    seen, heard = flashes(tmp_path / "ntsc.mp4"), clicks(tmp_path / "ntsc.mp4")
    assert [int(time * rate) for time in seen] == [0, 30, 60, 90]
    assert all(abs(flash - click) < Fraction(2, 1000) for flash, click in zip(seen, heard, strict=True))


def test_sound_tracks_are_as_many_as_asked(tmp_path):
    make_sample(tmp_path / "three.mp4", seconds=Fraction(1), size=(320, 180), audio_tracks=3)
    with av.open(str(tmp_path / "three.mp4")) as container:
        assert len(container.streams.audio) == 3


@pytest.mark.parametrize("wrong", [{"size": (321, 180)}, {"size": (320, 181)}, {"seconds": Fraction(0)}])
def test_what_cannot_be_drawn_is_refused(tmp_path, wrong):
    with pytest.raises(ValueError, match="even sides"):
        make_sample(tmp_path / "no.mp4", **({"seconds": Fraction(1), "size": (320, 180)} | wrong))
    assert list(tmp_path.iterdir()) == []
