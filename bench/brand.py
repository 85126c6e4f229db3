"""What an intro and an outro cost: `python -m bench.brand [--minutes 30]`.

A 1080p30 recording gets a video of 4 s before and behind it, with crossfades of half a second in picture and sound: by
the engine, which copies what it can, and encoded whole, by the engine and by FFmpeg (xfade and acrossfade, the same
encoder, preset and quality). What is encoded whole is measured on some seconds of the recording and multiplied by the
length of the result; the row says so. Prints a table and writes bench/results/brand.json.
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

from bench import results
from bench.measure import BenchError, Cost, run
from bench.peers import ffmpeg
from bench.source import CACHE, PERIOD, RATE, SIZE, recording, warm
from media import barcode
from media.encoders import CRF, PRESET
from media.sample import make_sample
from media.smartcut import smart_cut
from media.types import Range

CARD = Fraction(4)
FADE = Fraction(1, 2)
PART = 24
"""Seconds of the recording for what is encoded whole: a whole number of groups of pictures."""
_TIMEOUT = 3600.0
_WINDOW = 6
_WAYS = {
    "splice": "Cutwork: body copied, with its certificate",
    "whole": "Cutwork, everything encoded",
    "ffmpeg": "ffmpeg xfade + acrossfade, everything encoded",
}

_ENGINE = """
import json, os, sys
from fractions import Fraction
from pathlib import Path
from media.brand import BrandSpec, Transition, VideoCard
from media.brand.splice import splice
from media.brand.whole import encode
from media.progress import Meter
from media.types import DEFAULT_LIMITS, no_progress
way, body, card, target, fade = sys.argv[1:]
with open(body, "rb") as file, open(card, "rb") as intro, open(card, "rb") as outro:
    meets = Transition("dissolve", Fraction(fade))
    spec = BrandSpec(intro=VideoCard(intro), outro=VideoCard(outro), transition=meets)
    make = {"splice": splice, "whole": encode}[way]
    made = make(file, Path(target), spec, limits=DEFAULT_LIMITS, threads=os.cpu_count(), meter=Meter(no_progress))
print(json.dumps(made.to_dict()))
"""


def measure(name: str, minutes: int, card: Path) -> dict[str, Any]:
    """The row of one way."""
    source, whole = recording(minutes), Fraction(minutes * 60 // 8 * 8)
    body, length = (source, whole) if name == "splice" else (_part(source), Fraction(PART))
    scale = _result(whole) / _result(length)
    busy = results.load()
    results.note(f"{name}: {length} s of body (load {busy}) …")
    with tempfile.TemporaryDirectory(dir=CACHE) as folder:
        target = Path(folder) / "branded.mp4"
        cost = run(_command(name, body, card, target, length), timeout=_TIMEOUT)
        exact = _exact(target, int(length * RATE))
    told = json.loads(cost.output) if name != "ffmpeg" else {}
    return {
        "row": name,
        "what": _WAYS[name],
        "source_minutes": minutes,
        "result_s": str(_result(whole)),
        "measured_s": str(_result(length)),
        "extrapolated": scale != 1,
        **_costs(cost, scale),
        "load_before": busy,
        "frames": told.get("frames"),
        "frames_encoded": sum(seam["frames"] for seam in told.get("seams", [])) or None,
        "exact": exact,
        "result": told or None,
        "repeat": f"python -m bench.brand --minutes {minutes} --rows {name}",
    }


def _costs(cost: Cost, scale: Fraction) -> dict[str, float]:
    return {
        "wall_s": round(float(cost.wall * scale), 2),
        "cpu_s": round(float(cost.cpu * scale), 2),
        "memory_mb": round(cost.memory / 1e6, 1),
        "read_mb": round(float(cost.read * scale / 1e6), 1),
        "written_mb": round(float(cost.written * scale / 1e6), 1),
    }


def _result(body: Fraction) -> Fraction:
    return body + 2 * (CARD - FADE)


def _part(source: Path) -> Path:
    """The first seconds of a recording, copied."""
    target = CACHE / f"part-{PART}s.mp4"
    if not target.exists():
        draft = target.with_suffix(".part.mp4")
        with source.open("rb") as file:
            smart_cut(file, draft, [Range(Fraction(0), Fraction(PART))])
        draft.rename(target)
    return target


def _card() -> Path:
    target = CACHE / f"card-{CARD}s.mp4"
    if not target.exists():
        draft = target.with_suffix(".part.mp4")
        make_sample(draft, seconds=CARD, fps=RATE, size=SIZE)
        draft.rename(target)
    return target


def _command(name: str, body: Path, card: Path, target: Path, length: Fraction) -> list[str]:
    if name != "ffmpeg":
        return [sys.executable, "-c", _ENGINE, name, str(body), str(card), str(target), str(FADE)]
    fade, first, second = float(FADE), float(CARD - FADE), float(CARD - FADE + length - FADE)
    # xfade wants one time base on both sides; the cards are mono, the recording is stereo.
    pictures = "".join(f"[{place}:v]settb=AVTB,fps={RATE}[v{place}];" for place in range(3))
    sounds = "".join(f"[{place}:a]aformat=channel_layouts=stereo[a{place}];" for place in range(3))
    graph = (
        f"{pictures}{sounds}"
        f"[v0][v1]xfade=duration={fade}:offset={first}[x];[x][v2]xfade=duration={fade}:offset={second}[v];"
        f"[a0][a1]acrossfade=d={fade}:c1=qsin:c2=qsin[y];[y][a2]acrossfade=d={fade}:c1=qsin:c2=qsin[a]"
    )
    inputs = ["-i", str(card), "-i", str(body), "-i", str(card), "-filter_complex", graph, "-map", "[v]", "-map", "[a]"]
    encoder = ["-c:v", "libx264", "-preset", PRESET["h264"], "-crf", str(CRF["h264"]), "-c:a", "aac", "-b:a", "160k"]
    return [ffmpeg(), "-v", "error", *inputs, *encoder, str(target)]


def _exact(path: Path, body: int) -> bool:
    """Whether all frames are there, and those of the body within 6 s of both crossfades in their places."""
    with av.open(str(path)) as made:
        video = made.streams.video[0]
        count = sum(bool(packet.size) for packet in made.demux(video))
        first = int((CARD - FADE) * RATE)
        places = int(FADE * RATE), body - int(FADE * RATE)
        near = int(_WINDOW * RATE)
        shown = [
            _numbers(made, first + start, first + end)
            for start, end in ((places[0], places[0] + near), (places[1] - near, places[1]))
        ]
    wanted = [[n % PERIOD for n in range(start, start + near)] for start in (places[0], places[1] - near)]
    return count == body + 2 * first and shown == wanted


def _numbers(made: Any, start: int, end: int) -> list[int]:
    """The barcodes of the frames at places `start` to `end` of a file."""
    video = made.streams.video[0]
    unit = video.time_base
    made.seek(int(Fraction(start) / RATE / unit), stream=video)
    found = []
    for frame in made.decode(video):
        place = round(frame.pts * unit * RATE)
        if place >= end:
            break
        if place >= start:
            found.append(barcode.read_frame(frame))
    return found


_COLUMNS = {
    "way": "what",
    "wall, s": "wall_s",
    "CPU, s": "cpu_s",
    "× ours": "cpu_ratio",
    "memory, MB": "memory_mb",
    "frames": "frames",
    "encoded": "frames_encoded",
    "exact": "exact",
    "extrapolated": "extrapolated",
}


def main() -> None:
    """Measure, show, save."""
    options = _options()
    card = _card()
    warm(recording(options.minutes))
    rows = [measure(name, options.minutes, card) for name in options.rows.split(",")]
    ours = next((row["cpu_s"] for row in rows if row["row"] == "splice"), None)
    for row in rows:
        row["cpu_ratio"] = None if ours is None else round(row["cpu_s"] / ours, 2)
    results.show(rows, _COLUMNS)
    head = results.machine()
    path = results.save("brand", [head, *rows])
    print(f"\n{path}: {head['date']}, {head['cores']} cores, {head['cpu']}")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.brand", description=__doc__)
    parser.add_argument("--minutes", type=int, default=30, help="length of the recording, 1 or more")
    parser.add_argument("--rows", default=",".join(_WAYS), help="which ways, joined by commas (default: all)")
    options = parser.parse_args()
    if options.minutes < 1 or set(options.rows.split(",")) - set(_WAYS):
        parser.error(f"--minutes is 1 or more, ways are {', '.join(_WAYS)}")
    return options


if __name__ == "__main__":
    try:
        main()
    except BenchError as error:
        sys.exit(str(error))
