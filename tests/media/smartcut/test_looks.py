"""Whoever cancels is heard within a second: between two looks at the listener little is done, in every mode."""

from __future__ import annotations

import subprocess
from collections import Counter
from fractions import Fraction

import imageio_ffmpeg
import pytest

from media.cut import MODES, cut
from media.encode import VideoTrack
from media.smartcut import certificate, gops, whole
from media.smartcut.edges import EdgeEncoder
from media.types import Range
from media.watchdog import Watchdog

# What takes a core far less than a second at 1080p: packets passed on take some 0.1 ms, marks 5 µs, decoding 5 ms, and
# encoding 15 ms.
MOST = {"packets": 500, "marks": 2_000, "decoded": 40, "encoded": 20}


@pytest.fixture(scope="module")
def long_groups(tmp_path_factory):
    """A hundred seconds with a keyframe each 40, and sound."""
    target = tmp_path_factory.mktemp("looks") / "long.mp4"
    inputs = "-f lavfi -i testsrc=s=64x64:r=25:d=100 -f lavfi -i anoisesrc=d=100:r=48000"
    options = "-c:v libx264 -preset ultrafast -bf 2 -pix_fmt yuv420p -x264-params keyint=1000:scenecut=0 -c:a aac"
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", *inputs.split(), *options.split(), str(target)]
    subprocess.run(command, check=True, timeout=60)
    return target


@pytest.fixture
def work(monkeypatch):
    """What is done since the last look, and the most that was ever done between two."""
    done, most = Counter(), Counter()

    def count(owner, name, kind):
        original = getattr(owner, name)

        def counted(*arguments, **options):
            done[kind] += 1
            most[kind] = max(most[kind], done[kind])
            return original(*arguments, **options)

        monkeypatch.setattr(owner, name, counted)

    monkeypatch.setattr("media.progress._SECONDS", 0)
    count(Watchdog, "read", "packets")
    count(Watchdog, "decoded", "decoded")
    count(gops, "mark", "marks")
    count(whole, "_mark_at", "marks")
    count(EdgeEncoder, "encode", "encoded")
    count(VideoTrack, "write", "encoded")
    return done, most


@pytest.mark.parametrize("mode", MODES)
def test_little_is_done_between_two_looks(long_groups, work, tmp_path, mode):
    done, most = work
    with long_groups.open("rb") as file:
        # From the middle of a group over a whole one into the middle of another.
        result = cut(
            file,
            tmp_path / "cut.mp4",
            [Range(Fraction(38), Fraction(84))],
            mode=mode,
            on_progress=lambda _: done.clear(),
        )
    assert result.mode == mode
    assert result.made.frames >= 46 * 25
    assert most.keys() >= {"exact": {"packets", "decoded", "encoded"}}.get(mode, {"packets", "decoded", "marks"})
    assert {kind: count for kind, count in most.items() if count > MOST[kind]} == {}


def test_little_is_done_between_two_looks_of_the_certificate(long_groups, work, tmp_path, monkeypatch):
    done, most = work
    original = certificate.certify

    def certify(*arguments, **options):
        most.clear()
        done.clear()
        return original(*arguments, **options)

    monkeypatch.setattr("media.smartcut.assembly.certify", certify)
    monkeypatch.setitem(MOST, "marks", 300)
    with long_groups.open("rb") as file:
        cut(file, tmp_path / "cut.mp4", [Range(Fraction(38), Fraction(84))], on_progress=lambda _: done.clear())
    assert most.keys() >= {"packets", "decoded", "marks"}
    assert {kind: count for kind, count in most.items() if count > MOST[kind]} == {}
