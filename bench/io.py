"""What a cut reads from an S3 server: `python -m bench.io [--minutes 50]`.

Keeps one minute of a recording that lies in SeaweedFS, through the storage's own ranged reads, without and with 20 ms
of latency added to each round trip; for comparison, the whole object is read once. Prints a table and writes
bench/results/io.json.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, BinaryIO, cast

from bench import exact, goals, results
from bench.cut_by_engine import THREADS
from bench.latency import delayed
from bench.source import CACHE, RATE, recording, warm
from bench.trim import MINUTE
from core.storage.ranged import RangedFile
from core.storage.s3 import S3Storage
from media import boxes
from media.keyframes import keyframe_map
from media.smartcut import keyframe_cut, smart_cut
from media.types import Range
from tests.services import seaweed

_BUCKET, _KEY = "bench", "recording.mp4"
_ADDED_MS = (0, 20)
_REPEAT = 3
_CUTS = {"smart": smart_cut, "copy": keyframe_cut}


def need(path: Path, start: Fraction, end: Fraction) -> dict[str, int]:
    """Bytes without which no reader can make the cut: the index, and all from the keyframe before its start to the next
    one after its end."""
    with path.open("rb") as file:
        keyframes = keyframe_map(file).keyframes
        index = sum(box.size for box in boxes.top_level(file) if box.kind != b"mdat")
    first = max(keyframe.position or 0 for keyframe in keyframes if keyframe.time <= start)
    last = min(keyframe.position or 0 for keyframe in keyframes if keyframe.time >= end)
    return {"index": index, "groups": last - first}


def measure(mode: str, storage: S3Storage, added_ms: int, needed: dict[str, int]) -> dict[str, Any]:
    """The row of one cut, made three times; of the times the median counts, bytes and requests are always the same."""
    start, end = MINUTE
    busy, walls = results.load(), []
    results.note(f"{mode}, {added_ms} ms more (load {busy}) …")
    with tempfile.TemporaryDirectory(dir=CACHE) as folder:
        target = Path(folder) / "cut.mp4"
        for _ in range(_REPEAT):
            with cast(RangedFile, storage.open(_KEY)) as file:
                begin = time.monotonic()
                _CUTS[mode](cast(BinaryIO, file), target, [Range(start, end)], threads=THREADS)
                walls.append(time.monotonic() - begin)
                reading = _Reading(file.requests, file.bytes_read, storage.size(_KEY), walls)
        found = exact.check(target, round(start * RATE), round((end - start) * RATE))
    return _row(mode, added_ms, needed, reading) | {
        "load_before": busy,
        "exact": found.exact,
        "shown": found.text,
    }


def measure_whole(storage: S3Storage, added_ms: int, needed: dict[str, int]) -> dict[str, Any]:
    """The row of reading everything, as a download would, without cutting."""
    busy = results.load()
    results.note(f"whole, {added_ms} ms more (load {busy}) …")
    with cast(RangedFile, storage.open(_KEY)) as file:
        begin = time.monotonic()
        while file.read(1 << 20):
            pass
        wall = time.monotonic() - begin
        reading = _Reading(file.requests, file.bytes_read, storage.size(_KEY), [wall])
    return _row("read whole", added_ms, needed, reading) | {"load_before": busy}


@dataclass(frozen=True)
class _Reading:
    requests: int
    read: int
    size: int
    walls: list[float]


def _row(name: str, added_ms: int, needed: dict[str, int], found: _Reading) -> dict[str, Any]:
    total = sum(needed.values())
    return {
        "row": name,
        "added_ms": added_ms,
        "keep_s": [str(time) for time in MINUTE],
        "requests": found.requests,
        "read_mb": round(found.read / 1e6, 1),
        "needed_mb": round(total / 1e6, 1),
        "read_bytes": found.read,
        "needed_bytes": needed,
        "read_to_needed": round(found.read / total, 3),
        "size_bytes": found.size,
        "read_to_size": round(found.read / found.size, 4),
        "wall_s": round(statistics.median(found.walls), 2),
        "wall_s_of_runs": [round(wall, 2) for wall in found.walls],
    }


def _storage(port: int) -> S3Storage:
    return S3Storage(
        bucket=_BUCKET,
        region="us-east-1",
        endpoint_url=f"http://127.0.0.1:{port}",
        access_key_id=seaweed.ACCESS_KEY,
        secret_access_key=seaweed.SECRET_KEY,
        addressing_style="path",
    )


def main() -> None:
    """Measure, show, save."""
    parser = argparse.ArgumentParser(prog="python -m bench.io", description=__doc__)
    parser.add_argument("--minutes", type=int, default=50)
    minutes = parser.parse_args().minutes
    source = recording(minutes)
    warm(source)
    needed = need(source, *MINUTE)
    rows = []
    with tempfile.TemporaryDirectory(dir=CACHE) as folder, seaweed.running(Path(folder)) as endpoint:
        port = int(endpoint.rsplit(":", 1)[1])
        seaweed.client(endpoint).create_bucket(Bucket=_BUCKET)
        results.note(f"Uploading {source} …")
        _storage(port).put_file(_KEY, source, content_type="video/mp4")
        for added in _ADDED_MS:
            with delayed(port, added) as relay:
                rows += [measure(mode, _storage(relay), added, needed) for mode in _CUTS]
                rows.append(measure_whole(_storage(relay), added, needed))
    print(f"\nOne minute of {minutes} from S3\n")
    results.show(
        rows,
        {
            "way": "row",
            "latency added, ms": "added_ms",
            "requests": "requests",
            "read, MB": "read_mb",
            "needed, MB": "needed_mb",
            "read ÷ needed": "read_to_needed",
            "read ÷ file": "read_to_size",
            "wall, s": "wall_s",
            "frames shown (first, last off by)": "shown",
        },
    )
    results.show_goals(goals.io(rows))
    again = {"source_minutes": minutes, "repeat": f"python -m bench.io --minutes {minutes}"}
    print(f"\n{results.save('io', [results.machine(), *(row | again for row in rows)])}")


if __name__ == "__main__":
    main()
