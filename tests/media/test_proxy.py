"""The proxy, measured: frame numbers and times, its grid of groups, and that parts make no difference."""

from __future__ import annotations

import hashlib
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import pytest
from measure import clicks, flashes, numbers, pictures
from proxies import in_parts, make, planned

from media import barcode
from media.cut import cut
from media.decode import Picture, Reader
from media.encode import Mp4Writer, VideoSpec
from media.preview import cut_ranges, render
from media.proxy.pictures import encode_pictures
from media.proxy.plan import GRID, Look, segment
from media.sample import Painter, make_sample
from media.segments.errors import NotSplittable
from media.smartcut import smart_cut
from media.types import Range
from tests.media.smartcut import variants

RATE = Fraction(25)
SPARSE = Look(360, "sparse")


@pytest.fixture(scope="module")
def recording(tmp_path_factory) -> Path:
    """34 s with B-frames, long enough that frames are left out and parts made; its keyframes are not on the grid."""
    path = tmp_path_factory.mktemp("recording") / "recording.mp4"
    make_sample(path, seconds=Fraction(34), fps=RATE, size=(320, 180), keyframe_every=80)
    return path


@pytest.fixture(scope="module")
def small(recording, tmp_path_factory) -> Path:
    """The proxy of the recording."""
    path = tmp_path_factory.mktemp("small") / "small.mp4"
    make(recording, path, height=144)
    return path


def packets(path: Path):
    """What a film consists of: when each packet is shown and decoded, and its bytes."""
    with av.open(str(path)) as container:
        return [
            (packet.stream_index, packet.pts, packet.dts, packet.is_keyframe, hashlib.sha256(bytes(packet)).digest())
            for packet in container.demux()
            if packet.size
        ]


def groups(path: Path) -> list[list[Fraction]]:
    """The times of the frames of each group of pictures, decoded by itself."""
    found: list[list[av.Packet]] = []
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        for packet in container.demux(stream):
            if packet.size:
                if packet.is_keyframe:
                    found.append([])
                found[-1].append(packet)
        times = []
        for group in found:
            stream.codec_context.flush_buffers()
            frames = [frame for packet in [*group, None] for frame in stream.decode(packet)]
            assert not any(frame.is_corrupt for frame in frames)
            assert len(frames) == len(group)
            times.append([frame.pts * stream.time_base for frame in frames])
    return times


def test_groups_are_closed_and_begin_at_the_grid(small) -> None:
    for place, times in enumerate(groups(small)):
        assert place * GRID <= times[0] < place * GRID + Fraction(1, 10)
        assert times == sorted(times)
        assert times[-1] < (place + 1) * GRID


def test_of_a_long_recording_frames_are_left_out_that_no_other_needs(recording, small) -> None:
    plan = planned(recording, width=2)
    assert plan.look.effort == "sparse"
    assert [piece.start % GRID for piece in plan.segments] == [0, 0]
    shown = pictures(small)
    assert all(time == Fraction(number, 25) for time, number in shown)
    assert 12 * 34 <= len(shown) < 25 * 34
    assert max(later - earlier for (earlier, _), (later, _) in pairwise(shown)) <= Fraction(4, 25)
    seen, heard = flashes(small), clicks(small)
    assert all(min(abs(click - flash) for click in heard) <= Fraction(1024, 48_000) for flash in seen)
    assert len(heard) == 34


@pytest.mark.parametrize("look", [Look(360), SPARSE], ids=["all", "sparse"])
def test_parts_make_no_difference(clip, tmp_path, look) -> None:
    whole, two, three = (tmp_path / f"{name}.mp4" for name in "abc")
    made = [in_parts(clip, path, borders, look) for path, borders in ((whole, ()), (two, (1,)), (three, (1, 2)))]
    assert packets(two) == packets(three) == packets(whole)
    assert made[0] == made[1] == made[2]
    if look.effort == "rough":
        assert numbers(whole) == list(range(180))


def test_a_group_can_be_made_by_itself(clip, tmp_path) -> None:
    make(clip, tmp_path / "proxy.mp4")
    with clip.open("rb") as source:
        encode_pictures(source, tmp_path / "one.mp4", segment(0, GRID, 2 * GRID, Fraction(6)), Look(360))
    whole = [entry for entry in packets(tmp_path / "proxy.mp4") if entry[0] == 0]
    alone = packets(tmp_path / "one.mp4")
    assert [entry[4] for entry in alone] == [entry[4] for entry in whole][60:120]


def test_high_rates_are_halved(tmp_path) -> None:
    make_sample(tmp_path / "fast.mp4", seconds=Fraction(3), fps=Fraction(60), size=(320, 180), audio_tracks=0)
    make(tmp_path / "fast.mp4", tmp_path / "proxy.mp4")
    assert numbers(tmp_path / "proxy.mp4") == list(range(0, 180, 2))


def test_slides_are_made_whole_where_a_part_would_be_empty(tmp_path) -> None:
    times = [Fraction(0), Fraction(1), Fraction(9), Fraction(10)]
    painter = Painter((320, 180), RATE)
    path = tmp_path / "slides.mp4"
    with Mp4Writer(path) as writer:
        track = writer.video(VideoSpec(width=320, height=180, time_base=Fraction(1, 90_000), rate=RATE))
        for number, time in enumerate(times):
            track.write(painter.frame(number), time)
    with path.open("rb") as source, pytest.raises(NotSplittable):
        encode_pictures(source, tmp_path / "part.mp4", segment(1, GRID, 3 * GRID, Fraction(10)), Look(360))
    assert not (tmp_path / "part.mp4").exists()
    make(path, tmp_path / "proxy.mp4")
    assert pictures(tmp_path / "proxy.mp4") == list(zip(times, range(4), strict=True))


@pytest.mark.parametrize("name", ["clip.avi", "clip.ts", "clip.mkv"])
def test_other_containers(clip, tmp_path, name) -> None:
    path = variants.make(clip, tmp_path, name)
    assert len(planned(path, width=2).segments) == 1
    make(path, tmp_path / "proxy.mp4")
    assert numbers(tmp_path / "proxy.mp4") == list(range(180))
    seen, heard = flashes(tmp_path / "proxy.mp4"), clicks(tmp_path / "proxy.mp4")
    assert len(seen) == len(heard) == 6
    # In MPEG-TS nobody says that an encoder begins a packet early.
    assert max(abs(a - b) for a, b in zip(seen, heard, strict=True)) <= Fraction(1, 40)


def test_a_preview_shows_what_the_result_shows(recording, small, tmp_path) -> None:
    """Forty ranges: each frame of the preview is on show when the result shows it too."""
    starts = [Fraction(n * 4, 5) + Fraction(n, 70) for n in range(40)]
    keep = [*(Range(start, start + Fraction(2, 5)) for start in starts), Range(Fraction(33), None)]
    with recording.open("rb") as source, small.open("rb") as proxy:
        made = cut(source, tmp_path / "film.mp4", keep).made
        preview = render(proxy, source, tmp_path, cut_ranges(source, keep))
    assert abs(preview.duration - made.duration) < Fraction(1, 1000)
    film = pictures(tmp_path / "film.mp4")
    for time, number in pictures(preview.files["preview"]):
        near = [other for at, other in film if abs(at - time) < Fraction(4, 25)]
        assert number in near
    assert {number for _, number in pictures(preview.files["preview"])} <= {number for _, number in film}


def test_long_ranges_are_copied(recording, small, tmp_path) -> None:
    keep = [Range(Fraction("1.3"), Fraction("13.1")), Range(Fraction("20.02"), Fraction(33))]
    with small.open("rb") as proxy:
        made = smart_cut(proxy, tmp_path / "cut.mp4", keep, cuts="times")
    assert made.duration == Fraction("24.78")
    assert made.reencoded < 4
    shown = pictures(tmp_path / "cut.mp4")
    kept = [n for _, n in pictures(small) if Fraction("1.3") * 25 <= n < Fraction("13.1") * 25]
    assert [number for time, number in shown if time < Fraction("11.8")] == kept
    assert shown[0][0] == 0
    after = [(time, number) for time, number in shown if time >= Fraction("11.8")]
    assert after[0][0] == Fraction("11.8")
    assert all(time - Fraction("11.8") + Fraction("20.02") == Fraction(number, 25) for time, number in after[1:])


def test_rough_decoding_is_near(clip) -> None:
    with clip.open("rb") as source, Reader(source, sound="none", effort="rough") as reader:
        items = list(reader.read(Fraction(0), Fraction(6)))
    assert [barcode.read_frame(item.frame) for item in items if isinstance(item, Picture)] == list(range(180))
