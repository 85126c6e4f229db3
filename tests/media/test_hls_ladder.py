"""Ladders: every rung shows every frame at its time, with segments at the same places, and the film's own sound."""

from fractions import Fraction
from itertools import pairwise

import pytest

from media.hls.ladder import LadderPlan, encode_stretch, pack_rung, plan_ladder
from media.hls.package import Clip
from media.hls.playlist import Stretch, longest, media_playlist
from media.sample import make_sample
from tests.media.hls import HEAD, pieces
from tests.media.measure import clicks, flashes, remux
from tests.media.smartcut.variants import make

F = Fraction


@pytest.fixture(scope="module")
def film(tmp_path_factory):
    """Thirty-two seconds of 320×180 at 25 frames a second, a keyframe every three seconds."""
    path = tmp_path_factory.mktemp("film") / "film.mp4"
    make_sample(path, seconds=F(32), fps=F(25), size=(320, 180), keyframe_every=75)
    return path


def made(film, folder, heights, **options):
    """Plan, encode stretch by stretch and pack; the plan and each rung with its file, by name."""
    with film.open("rb") as body:
        plan = plan_ladder(body, heights, **options)
        clips = []
        for number, (start, _) in enumerate(plan.stretches):
            stretch = folder / str(number)
            stretch.mkdir()
            only = LadderPlan.from_dict(plan.only(number).to_dict())
            clips.append((encode_stretch(body, stretch, only, threads=1), start))
        rungs = {}
        for name in plan.rungs:
            files = (Clip(paths[name].open("rb"), start) for paths, start in clips if name in paths)
            rungs[name] = (pack_rung(plan, name, files, body, folder / f"{name}.mp4"), folder / f"{name}.mp4")
    return plan, rungs


def test_all_rungs_show_the_film_with_segments_at_the_same_places(film, tmp_path):
    plan, rungs = made(film, tmp_path, [144, 90, 1080], width=2)
    assert plan.rungs == {"90": (160, 90), "144": (256, 144), "180": (320, 180)}
    assert (plan.copied, plan.encoded, len(plan.stretches)) == ("180", ["90", "144"], 2)
    assert plan.borders == (0, 6, 12, 18, 24, 30, 32)
    for rung, path in rungs.values():
        assert [segment.start for segment in rung.segments] == list(plan.borders[:-1])
        assert [segment.duration for segment in rung.segments] == [end - start for start, end in pairwise(plan.borders)]
        assert (rung.rate, rung.codecs.split(",")[1]) == (25, "mp4a.40.2")
        text = media_playlist([Stretch("f", rung.init, rung.segments)], longest=longest([rung]))
        data = path.read_bytes()
        found = pieces(text, lambda _, data=data: data)
        assert [piece.complaints() for piece in found] == [""] * 6
        if rung.size[1] >= 144:
            shown = [picture for piece in found for picture in piece.pictures()]
            assert [number for _, number in shown] == list(range(800))
            assert [time for time, _ in shown] == pytest.approx([HEAD + F(n, 25) for n in range(800)], abs=1e-4)
        packets = [packet for piece in found for packet in piece.packets("audio")]
        assert all(abs(start + length - after) < 1e-6 for (start, length), (after, _) in pairwise(packets))
    seen, heard = flashes(rungs["144"][1]), clicks(rungs["144"][1])
    assert len(seen) == len(heard) == 32
    assert max(abs(a - b) for a, b in zip(seen, heard, strict=True)) <= F(1024, 48_000)
    sizes = [path.stat().st_size for _, path in rungs.values()]
    assert sizes == sorted(sizes)


def test_a_film_that_not_every_browser_plays_is_encoded_at_its_own_size(clip, tmp_path):
    plan, rungs = made(make(clip, tmp_path, "hevc10.mp4"), tmp_path, [360])
    assert (plan.rungs, plan.copied) == ({"180": (320, 180)}, None)
    rung, path = rungs["180"]
    assert rung.codecs.startswith("avc1.")
    assert rung.duration == 6
    text = media_playlist([Stretch("f", rung.init, rung.segments)], longest=longest([rung]))
    [piece] = pieces(text, lambda _: path.read_bytes())
    assert [number for _, number in piece.pictures()] == list(range(180))


@pytest.mark.parametrize(("name", "size"), [("rotated.mp4", (90, 160)), ("vfr.mp4", (160, 90))])
def test_turned_pictures_and_uneven_rates(clip, tmp_path, name, size):
    plan, rungs = made(make(clip, tmp_path, name), tmp_path, [90, 180])
    assert (plan.rungs["90"], plan.copied) == (size, None if name == "rotated.mp4" else "180")
    lengths = {label: [segment.duration for segment in rung.segments] for label, (rung, _) in rungs.items()}
    assert lengths["90"] == lengths["180"]
    counts = []
    for rung, path in rungs.values():
        text = media_playlist([Stretch("f", rung.init, rung.segments)], longest=longest([rung]))
        data = path.read_bytes()
        found = pieces(text, lambda _, data=data: data)
        counts.append([len(piece.packets("video")) for piece in found])
        assert [piece.complaints() for piece in found] == [""] * len(found)
    assert counts[0] == counts[1]


def test_a_film_without_sound_and_one_without_pictures(silent_clip, clip, tmp_path):
    plan, rungs = made(silent_clip, tmp_path, [90])
    assert [rung.codecs.count(",") for rung, _ in rungs.values()] == [0]
    heard = remux(clip, tmp_path / "sound.mp4", kinds=("audio",))
    (tmp_path / "b").mkdir()
    plan, rungs = made(heard, tmp_path / "b", [360, 720])
    assert (plan.rungs, plan.stretches) == ({"sound": None}, ())
    assert rungs["sound"][0].codecs == "mp4a.40.2"
