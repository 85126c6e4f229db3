"""How much memory a cut of 4K takes: `python -m bench.memory [--rows h264-smart,…]`.

The recordings are 30 s of 3840×2160 at 25 frames a second, in groups of 250 frames with reordering and four references:
H.264 in 8 bits and HEVC in 10. A smart cut is made of 13.4 s, with 75 encoded frames at its start that are decoded from
175 frames before them; of the exact mode 2.4 s, more than its encoder looks ahead. Prints a table and writes
bench/results/memory.json.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
from av.packet import Packet
from av.video.frame import PictureType

from bench import results
from bench.measure import run
from bench.source import CACHE, warm
from media.sample import Painter

_SIZE, _RATE, _GROUP, _GROUPS = (3840, 2160), Fraction(25), 250, 3
_BOUND_MB = 1_500
_TIMEOUT = 1800.0
_CODECS = {
    "h264": ("libx264", "yuv420p", {"x264-params": "keyint=250:scenecut=0:bframes=3:b-adapt=0:ref=4"}),
    "hevc": ("libx265", "yuv420p10le", {"x265-params": "keyint=250:scenecut=0:bframes=3:ref=4:log-level=none"}),
}
_KEEPS = {"smart": (Fraction(7), Fraction("20.4")), "exact": (Fraction(7), Fraction("9.4"))}


def recording(codec: str) -> Path:
    """The 4K recording, from the cache or made now: one group, repeated."""
    target = CACHE / f"recording-4k-{codec}-v1.mp4"
    if not target.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        results.note(f"Making {target} …")
        draft = target.with_suffix(".part.mp4")
        _write(codec, draft)
        draft.rename(target)
    return target


def _write(codec: str, target: Path) -> None:
    name, pixel_format, options = _CODECS[codec]
    painter = Painter(_SIZE, _RATE)
    with av.open(str(target), "w") as output:
        stream: Any = output.add_stream(name, rate=_RATE, options={"preset": "ultrafast", "crf": "30"} | options)
        stream.width, stream.height, stream.pix_fmt = *_SIZE, pixel_format
        packets: list[Packet[Any]] = []
        for number in range(_GROUP):
            frame = painter.frame(number).reformat(format=pixel_format)
            frame.pts, frame.time_base = number, 1 / _RATE
            frame.pict_type = PictureType.NONE if number else PictureType.I
            packets += stream.encode(frame)
        packets += stream.encode(None)
        for group in range(_GROUPS):
            for packet in packets:
                output.mux(_later(packet, group, stream))


def _later(packet: Packet[Any], group: int, stream: Any) -> Packet[Any]:
    moved: Packet[Any] = Packet(bytes(packet))
    shift = round(group * _GROUP / _RATE / packet.time_base)
    moved.pts, moved.dts = (packet.pts or 0) + shift, (packet.dts or 0) + shift
    moved.duration, moved.time_base = packet.duration, packet.time_base
    moved.is_keyframe, moved.stream = packet.is_keyframe, stream
    return moved


def measure(codec: str, mode: str) -> dict[str, Any]:
    """The row of one cut."""
    source, (start, end) = recording(codec), _KEEPS[mode]
    warm(source)
    busy = results.load()
    results.note(f"{codec}, {mode} (load {busy}) …")
    with tempfile.TemporaryDirectory(dir=CACHE) as folder:
        target = str(Path(folder) / "cut.mp4")
        command = [sys.executable, "-m", "bench.cut_by_engine", mode, str(source), target, f"{start}-{end}"]
        cost = run(command, timeout=_TIMEOUT)
    made = json.loads(cost.output)
    return {
        "row": f"{codec}-{mode}",
        "what": f"Cutwork, {mode}, of 4K {codec} in groups of {_GROUP}",
        "memory_mb": round(cost.memory / 1e6, 1),
        "bound_mb": _BOUND_MB,
        "frames": made["frames"],
        "reencoded_s": made["reencoded_s"],
        "wall_s": round(cost.wall, 2),
        "cpu_s": round(cost.cpu, 2),
        "load_before": busy,
        "result": made,
        "repeat": f"python -m bench.memory --rows {codec}-{mode}",
    }


def main() -> None:
    """Measure, show, save."""
    parser = argparse.ArgumentParser(prog="python -m bench.memory", description=__doc__)
    parser.add_argument("--rows", default=",".join(f"{codec}-{mode}" for codec in _CODECS for mode in _KEEPS))
    rows = [measure(*name.split("-")) for name in parser.parse_args().rows.split(",")]
    columns = {"way": "what", "memory, MB": "memory_mb", "bound, MB": "bound_mb", "frames": "frames"}
    results.show(rows, columns | {"re-encoded, s": "reencoded_s", "wall, s": "wall_s", "CPU, s": "cpu_s"})
    print(f"\n{results.save('memory', [results.machine(), *rows])}")


if __name__ == "__main__":
    main()
