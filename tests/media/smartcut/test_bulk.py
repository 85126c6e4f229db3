"""Runs of samples that are copied as bytes: the result is the one that packets give, and is checked as strictly."""

from __future__ import annotations

import itertools
from dataclasses import replace
from fractions import Fraction

import av
import pytest
from variants import make

from media import boxes
from media.sample import make_sample
from media.smartcut import NotCuttable, keyframe_cut, smart_cut
from media.smartcut.bulk import carry, layout, moov
from media.smartcut.bulk.carry import Carrier
from media.smartcut.bulk.layout import Layout
from media.types import Range

KEEP = [("1.3", "13.2")]
# Several batches in a few seconds of small pictures.
BATCH = 20_000
HOLE = 5 << 30
SOURCES = [
    "clip.mp4",
    "clip.mov",
    "pyramid.mp4",
    "short.mp4",
    "no_b.mp4",
    "intra.mp4",
    "high10.mp4",
    "open_idr.mp4",
    "two_tracks.mp4",
    "silent.mov",
    "edit_list.mp4",
    "negative.mp4",
    "late.mp4",
    "early_end.mp4",
    "vfr.mp4",
    "hevc.mp4",
    "hevc10.mp4",
    "hevc_closed.mp4",
]


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    """Sixteen seconds, and variants of them."""
    found = tmp_path_factory.mktemp("bulk")
    make_sample(found / "clip.mp4", seconds=Fraction(16), size=(320, 180), keyframe_every=30)
    return found


@pytest.fixture
def source(folder):
    return lambda name: folder / name if name == "clip.mp4" else make(folder / "clip.mp4", folder, name)


@pytest.fixture
def batches(monkeypatch):
    """The pictures of each batch that was copied as bytes."""
    found, batch = [], Carrier._batch

    def counted(self, first, stop, *rest):
        done = batch(self, first, stop, *rest)
        found.append(stop - first if done else 0)
        return done

    monkeypatch.setattr(Carrier, "_batch", counted)
    monkeypatch.setattr(carry, "_BATCH", BATCH)
    return found


def cut(path, target, keep=KEEP, *, how=smart_cut):
    with path.open("rb") as file:
        return how(file, target, [Range(Fraction(start), Fraction(end)) for start, end in keep])


def packets(path):
    with av.open(str(path)) as container:
        found = {stream.index: [] for stream in container.streams}
        for packet in container.demux():
            if packet.size:
                found[packet.stream_index].append(
                    (packet.pts, packet.dts, packet.duration, packet.is_keyframe, bytes(packet))
                )
    return found


def index(path):
    """The boxes of a file's index, without those that tell where samples lie."""
    found = []
    with path.open("rb") as file:

        def look(box):
            if box.kind in {b"moov", b"trak", b"mdia", b"minf", b"stbl"}:
                for child in boxes.children(file, box):
                    look(child)
            elif box.kind not in {b"stsc", b"stco", b"co64"}:
                file.seek(box.content)
                found.append((box.kind, file.read(box.end - box.content)))

        look(next(box for box in boxes.top_level(file) if box.kind == b"moov"))
    return found


@pytest.mark.parametrize("how", [smart_cut, keyframe_cut])
@pytest.mark.parametrize("name", SOURCES)
def test_the_result_is_that_of_packets(source, batches, monkeypatch, tmp_path, name, how):
    path, bulk, single = source(name), tmp_path / "bulk.mp4", tmp_path / "single.mp4"
    result = cut(path, bulk, how=how)
    assert sum(batches) >= 60
    assert len(batches) > 1
    assert all(batches)
    monkeypatch.setattr(carry, "_WORTH", 1 << 40)
    assert cut(path, single, how=how) == result
    assert packets(bulk) == packets(single)
    assert index(bulk) == index(single)


def test_several_ranges(source, batches, monkeypatch, tmp_path):
    keep = [("9.1", "15.4"), ("0", "5.5"), ("6", "11.7")]
    result = cut(source("clip.mp4"), tmp_path / "bulk.mp4", keep)
    assert sum(batches) >= 180
    monkeypatch.setattr(carry, "_WORTH", 1 << 40)
    assert cut(source("clip.mp4"), tmp_path / "single.mp4", keep) == result
    assert packets(tmp_path / "bulk.mp4") == packets(tmp_path / "single.mp4")


def test_samples_stand_in_the_order_in_which_they_are_played(source, batches, tmp_path):
    cut(source("clip.mp4"), tmp_path / "cut.mp4")
    with av.open(str(tmp_path / "cut.mp4")) as made:
        times = [(packet.pos, packet.dts * packet.time_base) for packet in made.demux() if packet.size]
    reached = itertools.accumulate((time for _, time in sorted(times)), max)
    assert max(high - time for high, (_, time) in zip(reached, sorted(times), strict=True)) < Fraction(5, 2)
    assert sum(batches) > 0


def test_several_gigabytes_get_long_places(source, batches, monkeypatch, tmp_path):
    # A hole of five gigabytes before the first run takes no room on the disk.
    put = Layout.put

    def far(self, data):
        if self._end < HOLE:
            self._end = self._file.seek(self._end + HOLE)
        return put(self, data)

    monkeypatch.setattr(Layout, "put", far)
    target = tmp_path / "cut.mp4"
    result = cut(source("clip.mp4"), target)
    assert result.frames == len(packets(target)[0]) == 357
    with target.open("rb") as file:
        samples = next(box for box in boxes.top_level(file) if box.kind == b"mdat")
    assert samples.size > HOLE
    assert sum(batches) > 0


def test_chapters_are_kept(source, batches, tmp_path):
    path = tmp_path / "chapters.mp4"
    with av.open(str(source("clip.mp4"))) as given, av.open(str(path), "w") as made:
        streams = {stream.index: made.add_stream_from_template(stream) for stream in given.streams}
        made.set_chapters(
            [
                {
                    "id": n,
                    "start": 4 * n,
                    "end": 4 * n + 4,
                    "time_base": Fraction(1),
                    "metadata": {"title": f"Part {n}"},
                }
                for n in range(4)
            ]
        )
        for packet in given.demux():
            if packet.size:
                packet.stream = streams[packet.stream_index]
                made.mux(packet)
    assert cut(path, tmp_path / "cut.mp4").chapters == 4
    assert sum(batches) > 0
    with av.open(str(tmp_path / "cut.mp4")) as made:
        found = [(chapter["metadata"]["title"], chapter["start"] * chapter["time_base"]) for chapter in made.chapters()]
    assert [title for title, _ in found] == ["Part 0", "Part 1", "Part 2", "Part 3"]
    assert [float(time) for _, time in found] == pytest.approx([0, 2.7, 6.7, 10.7], abs=0.05)


def test_sound_that_ends_early_holds_nothing_up(source, batches, monkeypatch, tmp_path):
    monkeypatch.setattr(layout, "_MOST_SECONDS", 1.0)
    short = make(source("clip.mp4"), tmp_path, "early_end.mp4")
    result = cut(short, tmp_path / "cut.mp4", [("1.3", "15.1")])
    assert result.frames == 414
    assert result.audio_tracks == 1


# What must not be copied as it is ------------------------------------------------------------------------------------


def spoiled(source, target, change):
    """The clip with one picture changed in place, six seconds in."""
    data = bytearray(source("clip.mp4").read_bytes())
    with av.open(str(source("clip.mp4"))) as container:
        entry = container.streams.video[0].index_entries[185]
        change(data, entry.pos, entry.size)
    target.write_bytes(data)
    return target


def test_a_picture_with_other_units_goes_by_packets(source, batches, tmp_path):
    def delimit(data, at, size):
        # The slice becomes a filler, which is no picture.
        data[at + 4] = 12

    with pytest.raises(NotCuttable) as caught:
        cut(spoiled(source, tmp_path / "spoiled.mp4", delimit), tmp_path / "cut.mp4")
    assert caught.value.code == "damaged_pictures"
    assert batches[-1] == 0
    assert sum(batches) > 0


def test_a_unit_that_is_too_long_goes_by_packets(source, batches, tmp_path):
    def lengthen(data, at, size):
        data[at : at + 4] = (size + 100).to_bytes(4, "big")

    with pytest.raises(NotCuttable) as caught:
        cut(spoiled(source, tmp_path / "spoiled.mp4", lengthen), tmp_path / "cut.mp4")
    assert caught.value.code == "damaged_pictures"
    assert batches[-1] == 0


def test_headers_between_pictures_are_left_out(source, batches, tmp_path):
    repeated = make_repeated(source("clip.mp4"), tmp_path / "repeated.mp4")
    result = cut(repeated, tmp_path / "cut.mp4")
    assert result.frames == 357
    assert batches == [0]
    assert all(data[4] & 31 not in {7, 8, 9} for *_, data in packets(tmp_path / "cut.mp4")[0])


def make_repeated(path, target):
    """A copy with a delimiter before each picture."""
    with av.open(str(path)) as given, av.open(str(target), "w") as made:
        streams = {stream.index: made.add_stream_from_template(stream) for stream in given.streams}
        for packet in given.demux():
            if not packet.size:
                continue
            data = bytes(packet)
            copy = av.Packet(b"\0\0\0\2\x09\xf0" + data if packet.stream.type == "video" else data)
            copy.pts, copy.dts, copy.duration = packet.pts, packet.dts, packet.duration
            copy.time_base, copy.is_keyframe = packet.time_base, packet.is_keyframe
            copy.stream = streams[packet.stream_index]
            made.mux(copy)
    return target


# What the certificate finds ------------------------------------------------------------------------------------------


@pytest.fixture
def refused(source, batches, tmp_path):
    def run(match):
        with pytest.raises(NotCuttable, match=match) as caught:
            cut(source("clip.mp4"), tmp_path / "cut.mp4")
        assert caught.value.code == "certificate_failed"
        assert list(tmp_path.iterdir()) == []
        assert sum(batches) > 0

    return run


def test_bytes_that_are_written_otherwise(refused, monkeypatch):
    put = Layout.put

    def zeroed(self, data):
        changed = bytearray(data)
        changed[len(changed) // 2] ^= 1
        return put(self, memoryview(changed))

    monkeypatch.setattr(Layout, "put", zeroed)
    refused("copied samples are not as they were read")


@pytest.mark.parametrize(
    ("change", "match"),
    [
        (lambda run: replace(run, places=run.places + 1), "not where they were written"),
        (lambda run: replace(run, sizes=run.sizes - 1), "not where they were written"),
        (lambda run: replace(run, shown=run.shown + 512), "is not shown when it should be"),
    ],
)
def test_an_index_that_says_something_else(refused, monkeypatch, change, match):
    monkeypatch.setattr("media.smartcut.mux.Run", lambda *parts: change(moov.Run(*parts)))
    refused(match)


@pytest.mark.parametrize(
    ("track", "match"), [(1, "pictures were written instead of"), (2, "not where they were written")]
)
def test_runs_that_are_lost(refused, monkeypatch, track, match):
    def without(index, samples):
        return moov.with_samples(index, samples | {track: replace(samples[track], runs=[])})

    monkeypatch.setattr(layout, "with_samples", without)
    refused(match)
