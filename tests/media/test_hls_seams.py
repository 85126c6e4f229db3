"""Joints: what plays around each cut is what the edit will have there, to the frame; nothing else is read."""

from fractions import Fraction

import pytest

from media.errors import InputError
from media.hls.order import AROUND, GRID, Body, Joint, Seams, order
from media.hls.playlist import Stretch, longest, media_playlist
from media.hls.seams import render_seams
from media.sample import make_sample
from media.types import Range
from tests.media.hls import HEAD, pieces
from tests.media.measure import clicks, flashes, remux
from tests.media.smartcut.variants import make

F = Fraction
KEEP = [Range(F("3.3"), F("18.7")), Range(F("21.1"), F("24")), Range(F("26.05"), F(40))]


@pytest.fixture(scope="module")
def recording(tmp_path_factory):
    """Forty seconds at 30 frames a second, a keyframe every second."""
    path = tmp_path_factory.mktemp("recording") / "recording.mp4"
    make_sample(path, seconds=F(40), size=(320, 180), keyframe_every=30)
    return path


@pytest.fixture(scope="module")
def made(recording, tmp_path_factory):
    target = tmp_path_factory.mktemp("seams") / "seams.mp4"
    with recording.open("rb") as file:
        return render_seams(file, target, KEEP, height=144), target


def test_joints_and_bodies_make_up_the_edit():
    ranges = [(item.start, item.end) for item in KEEP]
    assert list(order(ranges)) == [
        Joint(F(0), ((F("3.3"), F(6)),)),
        Body(F(6), F(16)),
        Joint(F("12.7"), ((F(16), F("18.7")), (F("21.1"), F(24)), (F("26.05"), F(30)))),
        Body(F(30), F(38)),
        Joint(F("30.25"), ((F(38), F(40)),)),
    ]


@pytest.mark.parametrize("start", [F(0), F(1, 3), F(2), F(7, 2)])
@pytest.mark.parametrize("length", [F(1, 30), F(2), F(6), F(31, 4), F(60)])
def test_every_moment_is_in_one_place(start, length):
    ranges = [(start, start + length), (F(100), F(101)), (start, start + length)]
    found, at = [], F(0)
    for item in order(ranges):
        if isinstance(item, Joint):
            assert item.at == at
            assert all(piece in ranges or piece[1] - piece[0] < AROUND + GRID for piece in item.pieces)
            found += item.pieces
            at += item.duration
        else:
            assert (item.start % GRID, item.end % GRID) == (0, 0)
            found.append((item.start, item.end))
            at += item.end - item.start
    joined = []
    for piece in found:
        if joined and joined[-1][1] == piece[0]:
            joined[-1] = (joined[-1][0], piece[1])
        else:
            joined.append(piece)
    assert joined == ranges


def test_each_joint_shows_the_frames_of_the_edit(made):
    seams, target = made
    assert Seams.from_dict(seams.to_dict()) == seams
    assert (seams.whole, seams.rendition.size, seams.rendition.rate) == (True, (256, 144), 30)
    assert [item for item in seams.order if isinstance(item, Body)] == [Body(F(6), F(16)), Body(F(30), F(38))]
    text = media_playlist(
        [Stretch("s.mp4", seams.rendition.init, joint) for joint in seams.joints], longest=longest([seams.rendition])
    )
    data = target.read_bytes()
    found = pieces(text, lambda _: data)
    assert all(piece.complaints() == "" for piece in found)
    shown = [picture for piece in found for picture in piece.pictures()]
    expected = [range(99, 180), [*range(480, 561), *range(633, 720), *range(782, 900)], range(1140, 1200)]
    starts = [F(0), F("12.7"), F(907, 30)]
    assert [number for _, number in shown] == [number for joint in expected for number in joint]
    times = [HEAD + at + F(n, 30) for at, joint in zip(starts, expected, strict=True) for n in range(len(joint))]
    assert [time for time, _ in shown] == pytest.approx(times, abs=1e-4)
    assert [piece.discontinuity for piece in found].count(True) == 2
    # Something new begins with a segment of its own.
    begins = {piece.pictures()[0][1] for piece in found}
    assert {99, 480, 633, 782, 1140} <= begins


def test_sound_is_in_step_over_the_cuts(made):
    _, target = made
    seen, heard = flashes(target), clicks(target)
    assert len(seen) == len(heard) > 10
    assert max(abs(a - b) for a, b in zip(seen, heard, strict=True)) <= F(1024, 48_000)


def test_only_what_is_around_the_cuts_is_read(recording, tmp_path):
    read = []

    class Watched:
        def __init__(self, file):
            self.file = file

        def read(self, size=-1):
            data = self.file.read(size)
            read.append(len(data))
            return data

        def __getattr__(self, name):
            return getattr(self.file, name)

    with recording.open("rb") as file:
        seams = render_seams(Watched(file), tmp_path / "seams.mp4", [Range(F(4), F(36))], height=144)
    assert seams.rendition.duration == 4
    assert sum(read) < recording.stat().st_size / 2


def test_of_very_many_cuts_the_first_are_made(recording, tmp_path, monkeypatch):
    monkeypatch.setattr("media.hls.seams.MOST", F(7))
    with recording.open("rb") as file:
        seams = render_seams(file, tmp_path / "seams.mp4", KEEP, height=144)
    assert (seams.whole, seams.order) == (False, ((0, 2),))


@pytest.mark.parametrize(
    "name", ["vfr.mp4", "open.mp4", "rotated.mp4", "clip.mkv", "late.ts", "hevc10.mp4", "opus.mkv"]
)
def test_sources_of_other_kinds(clip, tmp_path, name):
    source, target = make(clip, tmp_path, name), tmp_path / "seams.mp4"
    with source.open("rb") as file:
        seams = render_seams(file, target, [Range(F(1)), Range(F(0), F(1))], height=144)
    data = target.read_bytes()
    text = media_playlist([Stretch("s", seams.rendition.init, seams.rendition.segments)], longest=F(2))
    found = pieces(text, lambda _: data)
    assert [piece.complaints() for piece in found] == [""] * len(found)
    assert abs(seams.rendition.duration - 6) < F(1, 10)
    if name != "rotated.mp4":
        numbers = [number for piece in found for _, number in piece.pictures()]
        assert numbers[0] in range(30, 33)
        assert (numbers == [*range(30, 180), *range(30)]) or name == "vfr.mp4"


def test_sound_alone_has_no_seams(clip, tmp_path):
    source = tmp_path / "sound.m4a"
    remux(clip, source, kinds=("audio",), format="mp4")
    with source.open("rb") as file, pytest.raises(InputError) as raised:
        render_seams(file, tmp_path / "seams.mp4", [Range(F(1))])
    assert raised.value.code == "no_video"
    assert list(tmp_path.iterdir()) == [source]
