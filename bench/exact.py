"""Whether a cut holds the frames that were asked for: counted over all of it, their barcodes read near its ends."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av

from bench.peers import ffmpeg
from bench.source import PERIOD
from media import barcode

# More than the longest group of pictures of the recordings, so that a joint of copied and encoded pictures is inside.
_WINDOW = 8


@dataclass(frozen=True)
class Exactness:
    """What was asked for and what is there. `stored` frames are in the file, `shown` are those that its edit list does
    not hide; `first` and `last` are the shown frames' numbers in the recording. `missing` and `foreign` count frames
    within 8 s of both ends that should be there, and those that should not. `errors` are lines in which FFmpeg
    complained about those seconds."""

    expected: int
    expected_first: int
    stored: int
    shown: int
    first: int
    last: int
    missing: int
    foreign: int
    errors: int

    @property
    def text(self) -> str:
        """Frames shown for frames asked, and how far the first and the last one are off."""
        off = f"{self.first - self.expected_first:+d}, {self.last - self.expected_first - self.expected + 1:+d}"
        return f"{self.shown:,} for {self.expected:,} ({off})"

    @property
    def exact(self) -> bool:
        """Just the frames that were asked for, all decodable."""
        return self.shown == self.expected and not (self.missing or self.foreign or self.errors)


def check(path: Path, first: int, count: int) -> Exactness:
    """Look for frames `first` to `first + count - 1` of a recording in a cut of it."""
    with av.open(str(path)) as made:
        video = made.streams.video[0]
        # Of each packet only this, since all of them would fill the memory.
        packets = [(packet.is_discard, packet.pts) for packet in made.demux(video) if packet.size]
        stored, shown = len(packets), sum(not hidden for hidden, _ in packets)
        end = max(pts for _, pts in packets if pts is not None) * (video.time_base or Fraction(0))
        head = _numbers(made, Fraction(0), Fraction(_WINDOW), first)
        tail = _numbers(made, end - _WINDOW, end + _WINDOW, first + count - 1)
    frames = int(_WINDOW * 30)
    expected_head = list(range(first, first + min(frames, count)))
    expected_tail = list(range(first + max(count - frames, 0), first + count))
    # The windows are of time, so that a frame too many on one side may push one out on the other.
    found_head, found_tail = head[: len(expected_head)], tail[-len(expected_tail) :]
    return Exactness(
        expected=count,
        expected_first=first,
        stored=stored,
        shown=shown,
        first=head[0],
        last=tail[-1],
        missing=_differ(expected_head, head) + _differ(expected_tail, tail),
        foreign=_differ(found_head, expected_head) + _differ(found_tail, expected_tail),
        errors=_complaints(path, Fraction(0)) + _complaints(path, max(end - _WINDOW, Fraction(0))),
    )


def _numbers(made: Any, start: Fraction, stop: Fraction, near: int) -> list[int]:
    """The frames shown from `start` to `stop`, by their numbers in the recording."""
    video = made.streams.video[0]
    made.seek(max(round(start / video.time_base), 0), stream=video)
    found = []
    for frame in made.decode(video):
        if frame.pts * video.time_base >= stop:
            break
        if frame.pts * video.time_base >= start:
            found.append(_unwrapped(barcode.read_frame(frame), near))
    return found


def _unwrapped(number: int, near: int) -> int:
    """Barcodes repeat: the frame of that number that is nearest to another frame."""
    return near + (number - near + PERIOD // 2) % PERIOD - PERIOD // 2


def _differ(these: list[int], those: list[int]) -> int:
    return len(set(these) - set(those)) + len(these) - len(set(these))


def _complaints(path: Path, start: Fraction) -> int:
    command = [ffmpeg(), "-v", "error", "-ss", str(float(start)), "-t", str(_WINDOW), "-i", str(path)]
    done = subprocess.run([*command, "-f", "null", "-"], capture_output=True, timeout=120, check=False)
    return len(done.stderr.splitlines())
