"""Every two properties of sources and ranges that can meet, in cuts that are exact to the frame and to the bit."""

from __future__ import annotations

import subprocess
from fractions import Fraction
from itertools import pairwise

import av
import pytest
import tiny
from judging import ffmpeg_says
from measure import clicks, pictures
from pairs import HOLDS, PICTURES, ROWS, SOUNDS, SPEAKS, WHOLE, is_legal, legal_pairs

from media.cut import cut
from media.source import open_source
from media.timeline import timeline
from media.types import Range

_EARLIEST = Fraction(1, 4)
# Of MP3; those of AAC and Opus are shorter.
_FRAME_OF_SOUND = Fraction(1152, 48_000)


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("pairs")


def test_every_pair_has_a_row():
    assert all(is_legal(*row[:4]) for row in ROWS)
    rows = {pair for row in ROWS for pair in row.pairs()}
    assert [sorted(pair) for pair in legal_pairs() - rows] == []


@pytest.mark.parametrize("container", HOLDS)
def test_what_is_not_legal_cannot_be_written(folder, container):
    """FFmpeg refuses it, or writes what nobody knows again."""
    for name in {*PICTURES, *SOUNDS} - {*HOLDS[container], *SPEAKS[container], "none"}:
        part = tiny.picture(folder, name, "steady") if name in PICTURES else tiny.sound(folder, name)
        target = folder / f"never.{container}"
        try:
            tiny.ffmpeg("-i", str(part), "-c", "copy", str(target))
        except subprocess.CalledProcessError:
            continue
        with av.open(str(target)) as written:
            assert {stream.type for stream in written.streams} == {"data"}, name


@pytest.mark.parametrize("row", ROWS, ids=lambda row: "-".join([*row[:4], *row.ranges]))
def test_a_cut_is_exact(folder, tmp_path, judge, row):
    source = tiny.source(folder, *row[:4])
    frames, keys = frames_of(source, row)
    for kind in row.ranges:
        keep = ranges(kind, frames, keys)
        spans = [[n for time, n in frames if start <= time and (end is None or time < end)] for start, end in keep]
        wanted = [number for span in spans for number in span]
        target = tmp_path / f"{kind}.mp4"
        with source.open("rb") as file:
            result = cut(file, target, [Range(start, end) for start, end in keep], threads=1)
        if row.picture in WHOLE:
            assert (result.mode, result.fallback) == ("exact", WHOLE[row.picture])
            assert ffmpeg_says(target) == ""
        else:
            assert (result.mode, result.fallback) == ("smart", None)
            peak, groups = 1023 if row.picture == "hevc10" else 255, "open" if row.picture == "open" else "closed"
            judge(source, result.made, target, wanted, peak=peak, groups=groups)
            # A group, or the beginning of one, lies in all ranges but those that are shorter.
            assert (result.made.copied > 0) == (kind not in {"one", "inside"} or row.picture == "intra")
        check_pictures(pictures(target), wanted, frames if len(keep) == 1 else None)
        assert result.made.audio_tracks == (row.sound != "none")
        if row.sound != "none":
            # Where frames are far apart, the first of a range is on show before its time.
            early = {n for span in spans for n in span[:1]} if row.clock == "vfr" else set()
            check_sound(source, target, early)


def frames_of(source, row):
    """`(time, number)` of the frames of a source, from its presentation start, and the times of its keyframes; checked
    to be what the row says."""
    with source.open("rb") as file, open_source(file) as container:
        origin = timeline(container).origin
        packets = [packet for packet in container.demux(video=0) if packet.size]
    frames = [(time - origin, number) for time, number in pictures(source)]
    distances = {round((later - one) * 30) for (one, _), (later, _) in pairwise(frames)}
    assert (len(distances) > 1) == (row.clock == "vfr")
    # Where every picture is a keyframe, there is nothing to be hidden.
    assert any(p.is_discard for p in packets) == (row.clock == "edited" and row.picture not in {"intra", "prores"})
    assert row.clock != "negative" or packets[0].dts < 0 == packets[0].pts
    return frames, sorted(packet.pts * packet.time_base - origin for packet in packets if packet.is_keyframe)


def ranges(kind, frames, keys):
    """The ranges of a kind, in seconds, around a keyframe and a frame that flashes in the middle of a group."""
    times = [time for time, _ in frames]
    place = next(n for n, time in enumerate(times) if time > _EARLIEST and time in keys)
    flash = next(n for n, (time, number) in enumerate(frames) if time > _EARLIEST and number % 30 == 0)
    group = max(n for n in range(flash) if times[n] in keys)
    # Where all frames are keyframes, their groups are no place for two ranges.
    ends = [n for n in range(flash + 1, len(times)) if times[n] in keys and times[n - 1] not in keys]
    following = min(ends, default=len(times) - 1)
    key, end = times[place], times[-1]
    long = key + Fraction(21, 20)
    inside = (flash - 1, min(flash + 2, following))
    return {
        "on": [(key, long)],
        "before": [(times[place - 1], long)],
        "after": [(times[place + 1], long)],
        "one": [(times[flash], times[flash + 1])],
        "end": [(times[place + 2], None)],
        "three": [
            (key + Fraction("0.3"), key + Fraction("0.85")),
            (end - Fraction("0.45"), end - Fraction("0.1")),
            (Fraction("0.1"), key + Fraction("0.7")),
        ],
        "inside": [
            (times[inside[0]], times[inside[1]]),
            (times[flash + 3], times[flash + 4]) if flash + 4 <= following else (times[group + 1], times[group + 2]),
        ],
    }[kind]


def check_pictures(shown, wanted, frames):
    """The frames that were wanted; of a single range, whose `frames` are given, as far apart as they were."""
    assert [number for _, number in shown] == wanted
    if frames is not None:
        before = [time for time, number in frames if number in wanted]
        moved = [time - was for (time, _), was in zip(shown, before, strict=True)]
        assert all(abs(shift + before[0]) < Fraction(1, 500) for shift in moved)


def check_sound(source, target, early):
    """Clicks stand as near to their flashes as they do in the source, to a frame of sound at most."""
    lags = lag(source)
    for number, found in lag(target).items():
        assert number in early or abs(found - lags[number]) <= _FRAME_OF_SOUND, number


def lag(path):
    """How much later than each flash, by the number of its frame, the nearest click is heard."""
    heard = clicks(path)
    return {n: min((click - time for click in heard), key=abs) for time, n in pictures(path) if n % 30 == 0 and n > 0}
