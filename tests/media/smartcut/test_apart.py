"""Sources whose picture begins later than their sound, or the other way round."""

from __future__ import annotations

import subprocess
from fractions import Fraction

import imageio_ffmpeg
import pytest
from measure import clicks, pictures

from media.cut import cut as cut_any
from media.smartcut import NotCuttable, assembly
from media.source import open_source
from media.timeline import timeline
from media.types import Range

LATE = {
    "picture": ["-itsoffset", "{by}", "-i", "{clip}", "-i", "{clip}"],
    "sound": ["-i", "{clip}", "-itsoffset", "{by}", "-i", "{clip}"],
}
FRAME_OF_SOUND = Fraction(1024, 48_000)


@pytest.fixture(scope="module")
def apart(clip, tmp_path_factory):
    folder = tmp_path_factory.mktemp("apart")

    def make(late, by, container):
        target = folder / f"{late}-{by}.{container}"
        if not target.exists():
            inputs = [word.format(by=by, clip=clip) for word in LATE[late]]
            command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-y", *inputs, "-map", "0:v", "-map", "1:a"]
            subprocess.run([*command, "-c", "copy", str(target)], check=True, timeout=60)
        return target

    return make


@pytest.mark.parametrize("container", ["mp4", "mkv", "ts"])
@pytest.mark.parametrize(
    ("late", "by"), [("picture", "0.05"), ("picture", "0.6"), ("picture", "2.4"), ("sound", "1.3")]
)
def test_all_sound_is_there_from_the_beginning(apart, tmp_path, container, late, by):
    source, target = apart(late, by, container), tmp_path / "cut.mp4"
    with source.open("rb") as file, open_source(file) as opened:
        origin = timeline(opened).origin
    heard = [click - origin for click in clicks(source)]
    shown = [(time - origin, number) for time, number in pictures(source)]
    for start, end in [("0", "5.2"), ("0.02", "5.2"), ("0.4", "4.5"), ("2.5", "5.2")]:
        keep = Range(Fraction(start), Fraction(end))
        with source.open("rb") as file:
            result = cut_any(file, target, [keep])
        assert (result.mode, result.fallback) == ("smart", None)
        assert [n for _, n in pictures(target)] == [n for time, n in shown if keep.start <= time < keep.end]
        made = result.made.ranges[0].start
        wanted = [click - made for click in heard if made + FRAME_OF_SOUND < click < keep.end - FRAME_OF_SOUND]
        found = clicks(target)
        assert all(min(abs(click - one) for one in found) <= FRAME_OF_SOUND for click in wanted)
        assert wanted


@pytest.mark.parametrize("container", ["mp4", "mkv", "ts"])
@pytest.mark.parametrize("lost", ["the beginning", "all"])
def test_sound_that_was_not_read_is_missed(apart, cut, monkeypatch, container, lost):
    """The certificate does not rely on what was read."""
    packets_from = assembly.packets_from

    def deaf(container, streams, start, lead, origin, **options):
        for packet in packets_from(container, streams, start, lead, origin, **options):
            heard = packet.pts * packet.time_base - origin >= 1 and lost != "all"
            if packet.stream is streams[0] or heard:
                yield packet

    monkeypatch.setattr(assembly, "packets_from", deaf)
    with pytest.raises(NotCuttable, match="sound is missing") as caught:
        cut(apart("picture", "0.6", container), [("0.2", "3.5")])
    assert caught.value.code == "certificate_failed"
