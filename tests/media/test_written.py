"""What was encoded is read back: a file that was tampered with does not pass."""

from __future__ import annotations

from array import array
from fractions import Fraction

import av
import pytest
from test_segments import encode, joined

import media.trim
from media.errors import EngineError
from media.segments.pictures import encode_segment
from media.segments.plan import Part, Segment
from media.segments.sound import encode_sound
from media.shown import Shown
from media.trim import trim
from media.types import Range
from media.written import check_written

KEEP = (Fraction("0.31"), Fraction("4.4"))


@pytest.fixture
def check(clip, tmp_path, monkeypatch):
    """Trim, do something to the finished file, and check it as the trim would have."""
    asked = []
    monkeypatch.setattr(media.trim, "check_written", lambda target, shown, **rest: asked.append((shown, rest)))
    target = tmp_path / "cut.mp4"
    with clip.open("rb") as file:
        trim(file, target, [Range(*KEEP)], threads=1)

    def run(tamper):
        tamper(target)
        shown, rest = asked[0]
        check_written(target, shown, **rest)

    return run


def rewritten(change):
    """A way to tamper: the packets are copied, but for those that `change` takes away or moves."""

    def tamper(path):
        with av.open(str(path)) as given, av.open(str(path) + ".new", "w", format="mp4") as made:
            streams = {stream.index: made.add_stream_from_template(stream) for stream in given.streams}
            for packet in given.demux():
                if packet.size and change(packet):
                    packet.stream = streams[packet.stream_index]
                    made.mux(packet)
        path.with_name(path.name + ".new").rename(path)

    return tamper


def test_a_sound_file_passes(check):
    check(lambda path: None)
    check(rewritten(lambda packet: True))


def late(packet):
    if packet.stream.type == "video" and packet.pts == 30_000:
        packet.pts += 700
    return True


@pytest.mark.parametrize(
    ("tamper", "reason"),
    [
        (
            rewritten(lambda packet: packet.stream.type == "audio" or packet.pts != 30_000),
            "121 pictures instead of 122",
        ),
        (rewritten(late), "a picture is not shown at its time"),
        (rewritten(lambda packet: packet.stream.type == "video" or packet.pts < 100_000), "a sound track ends -"),
        (lambda path: path.write_bytes(path.read_bytes()[:-2000]), "it cannot be read"),
        (
            lambda path: path.write_bytes(b"free".join(path.read_bytes().rsplit(b"trak", 1))),
            "0 sound tracks instead of 1",
        ),
    ],
)
def test_a_file_that_was_tampered_with_does_not(check, tmp_path, tamper, reason):
    with pytest.raises(EngineError, match=reason) as caught:
        check(tamper)
    assert caught.value.code == "certificate_failed"
    assert not (tmp_path / "cut.mp4").exists()


def test_a_last_picture_of_another_length_does_not(clip, tmp_path):
    with clip.open("rb") as file:
        duration = trim(file, tmp_path / "cut.mp4", [Range(*KEEP)], threads=1).duration
    with av.open(str(tmp_path / "cut.mp4")) as container:
        ticks = array("q", [packet.pts for packet in container.demux(video=0) if packet.size])
        unit = container.streams.video[0].time_base
    end = round(duration / unit)
    for said, asked, reason in [(end - 1000, duration, "last picture"), (end, duration + 1, "its picture ends -1")]:
        copy = tmp_path / "copy.mp4"
        copy.write_bytes((tmp_path / "cut.mp4").read_bytes())
        with pytest.raises(EngineError, match=reason):
            check_written(copy, Shown(ticks, said), audio_tracks=1, duration=asked)


def test_every_way_to_encode_asks(clip, tmp_path, monkeypatch):
    """The index of each finished file is lost before it is checked."""
    encoded = encode(clip, tmp_path, (0, 5))

    def spoiled(target, *given, **rest):
        target.write_bytes(target.read_bytes()[:-2000])
        check_written(target, *given, **rest)

    for module in ("media.trim", "media.segments.join", "media.segments.pictures", "media.segments.sound"):
        monkeypatch.setattr(f"{module}.check_written", spoiled)
    keep, target = [Range(Fraction(0), Fraction(2))], tmp_path / "spoiled.mp4"
    segment = Segment(0, (Part(0, Fraction(0), Fraction(2), Fraction(0)),))
    with clip.open("rb") as file:
        for work in (
            lambda: trim(file, target, keep),
            lambda: encode_segment(file, target, segment),
            lambda: encode_sound(file, target, keep),
            lambda: joined(encoded, target),
        ):
            file.seek(0)
            with pytest.raises(EngineError) as caught:
                work()
            assert caught.value.code == "certificate_failed"
            assert not target.exists()
