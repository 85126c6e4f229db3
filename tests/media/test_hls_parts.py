"""Parts of a proxy as they are played before the rest: pictures of the part, sound of the source, in step."""

from fractions import Fraction

import pytest

from media.hls.parts import pack_part
from media.hls.playlist import Stretch, longest, media_playlist
from media.proxy.pictures import encode_pictures
from media.proxy.plan import Look, segment
from media.sample import make_sample
from tests.media.hls import HEAD, pieces
from tests.media.measure import clicks, flashes
from tests.media.smartcut.variants import make

F = Fraction
LENGTH = F(14)


@pytest.fixture(scope="module")
def recording(tmp_path_factory):
    path = tmp_path_factory.mktemp("recording") / "clip.mp4"
    make_sample(path, seconds=LENGTH, size=(320, 180), keyframe_every=45)
    return path


def packed(source, folder, start, end):
    """A part of the proxy of a source, packed: what it holds, its file, and its segments as a player has them."""
    film, target = folder / "video.mp4", folder / "fragments.mp4"
    asked = segment(0, F(start), F(end), LENGTH)
    with source.open("rb") as file:
        made = encode_pictures(file, film, asked, Look(144))
        told = pack_part(file, film, made.start, F(end), target)
    assert sorted(path.name for path in folder.iterdir()) == ["fragments.mp4", "video.mp4"]
    text = media_playlist([Stretch("f", told.init, told.segments)], longest=longest([told]))
    data = target.read_bytes()
    return told, target, pieces(text, lambda _: data)


@pytest.mark.parametrize("name", ["clip.mp4", "clip.ts", "clip.mkv", "late.mp4", "opus.mkv", "mp3.mp4", "pcm.mov"])
def test_a_group_is_a_segment_at_its_time_of_the_source(recording, tmp_path, name):
    source = recording if name == "clip.mp4" else make(recording, tmp_path, name)
    folder = tmp_path / "part"
    folder.mkdir()
    told, target, found = packed(source, folder, 4, 10)
    assert [piece.complaints() for piece in found] == ["", "", ""]
    assert [float(one.start) for one in told.segments] == pytest.approx([4, 6, 8], abs=0.05)
    shown = [picture for piece in found for picture in piece.pictures()]
    assert [number for _, number in shown] == list(range(120, 300))
    assert [float(time) for time, _ in shown] == pytest.approx(
        [float(HEAD + F(n, 30)) for n in range(120, 300)], abs=0.04
    )
    for piece in found:
        pictures, sounds = piece.packets("video"), piece.packets("audio")
        assert abs(pictures[0][0] - sounds[0][0]) <= F(1024, 40_000)
        assert abs(sum(length for _, length in sounds) - 2) < F(1, 20)
    seen, heard = flashes(target), clicks(target)
    assert len(seen) == 6
    for flash in seen[1:]:
        offset = min((click - flash for click in heard), key=abs)
        assert abs(offset) <= F(1024, 48_000) + F(1, 200)


def test_the_last_part_and_a_source_without_sound(recording, tmp_path):
    told, _, found = packed(recording, (tmp_path / "a").mkdir() or tmp_path / "a", 10, 14)
    assert (told.duration, [number for _, number in found[-1].pictures()][-1]) == (4, 419)
    silent = tmp_path / "silent.mp4"
    make_sample(silent, seconds=F(6), size=(320, 180), audio_tracks=0)
    told, _, found = packed(silent, (tmp_path / "b").mkdir() or tmp_path / "b", 2, 6)
    assert (told.codecs.count(","), len(found)) == (0, 2)
