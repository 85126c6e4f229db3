"""One cut by the engine in a process of its own: `python -m bench.cut_by_engine MODE SOURCE TARGET START-END …`.

Modes: smart, copy and exact are the engine's; `edges` only decodes and encodes the frames of the ranges (as a smart
cut does with those at its edges) and writes nothing; `nothing` starts Python with the engine and ends.
"""

from __future__ import annotations

import json
import math
import os
import sys
from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any, BinaryIO

from media.smartcut import keyframe_cut, smart_cut
from media.smartcut.assembly import CRF
from media.smartcut.choose import codec_of
from media.smartcut.edges import EdgeEncoder, decode
from media.smartcut.entry import packets_from
from media.smartcut.mux import unit_of
from media.source import open_source
from media.timeline import timeline
from media.trim import trim
from media.types import Range

THREADS = os.cpu_count() or 1
_CUTS: dict[str, Callable[..., Any]] = {"smart": smart_cut, "copy": keyframe_cut, "exact": trim}


def encode_edges(source: BinaryIO, ranges: Sequence[Range]) -> dict[str, int]:
    """Decode from the keyframe before each range, and encode its frames as the edges of a cut."""
    frames = size = 0
    with open_source(source) as container:
        line = timeline(container)
        video = line.video
        assert video is not None
        assert video.time_base is not None
        unit = unit_of(video)
        for item in ranges:
            assert item.end is not None
            start, end = (math.ceil((time + line.origin) / video.time_base) for time in (item.start, item.end))
            encoder = EdgeEncoder(video, codec_of(video), time_base=unit, rate=line.rate, crf=CRF, threads=THREADS)
            packets = packets_from(container, [video], start, Fraction(0), line.origin)
            for frame in decode(packets, video, THREADS):
                if frame.pts is not None and frame.pts >= end:
                    break
                if frame.pts is not None and frame.pts >= start:
                    pts = round(frame.pts * video.time_base / unit)
                    size += sum(len(sample) for sample, _, _ in encoder.encode(frame, pts))
                    frames += 1
            size += sum(len(sample) for sample, _, _ in encoder.finish())
    return {"frames": frames, "bytes": size}


def main() -> None:
    """Cut as the arguments say, and print the result as JSON."""
    mode, source, target, *texts = sys.argv[1:]
    ranges = [Range(*map(Fraction, text.split("-"))) for text in texts]
    if mode == "nothing":
        return
    with Path(source).open("rb") as file:
        if mode == "edges":
            print(json.dumps(encode_edges(file, ranges)))
        else:
            print(json.dumps(_CUTS[mode](file, Path(target), ranges, threads=THREADS).to_dict()))


if __name__ == "__main__":
    main()
