"""What the pictures beside a video cost: `python -m bench.sprites [--minutes 30]`.

Sprite sheet, poster, teaser and waveform of a 1080p30 recording, by the engine; beside them FFmpeg, which makes the
sheet by decoding everything, and by decoding keyframes only, and draws the waveform. Decoding everything is measured on
a minute of the recording and multiplied by its length; the row says so. All with one thread. Prints a table and writes
bench/results/sprites.json.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
from PIL import Image

from bench import results
from bench.measure import BenchError, run
from bench.peers import ffmpeg
from bench.source import CACHE, recording, warm
from media.sprites import MOST_TILES

_TIMEOUT = 3600.0
_ENGINE = """
import sys
from pathlib import Path
from media import moments, sprites, teaser, waveform
name, source, target = sys.argv[1], sys.argv[2], Path(sys.argv[3])
with open(source, "rb") as file:
    if name == "sprites":
        sprites.draw(file, target, target.with_suffix(".vtt"))
    elif name == "poster":
        print(moments.best(moments.scout(file)).time)
    elif name == "teaser":
        teaser.draw(file, target)
    else:
        peaks = waveform.measure(file)
        waveform.save_json(peaks, target.with_suffix(".json"))
        waveform.save_picture(peaks, target)
"""
_ROWS = {
    "sprites": ("Cutwork: sheet of a keyframe for each tile", "sheet.jpg"),
    "ffmpeg-keyframes": ("ffmpeg -skip_frame nokey, fps, scale, tile", "sheet.jpg"),
    "ffmpeg-all": ("ffmpeg fps, scale, tile: everything decoded", "sheet.jpg"),
    "poster": ("Cutwork: the best of 30 keyframes", "none"),
    "teaser": ("Cutwork: the best moments, as WebP", "teaser.webp"),
    "waveform": ("Cutwork: peaks as JSON and PNG", "waveform.png"),
    "ffmpeg-waveform": ("ffmpeg showwavespic", "waveform.png"),
}


def measure(name: str, minutes: int) -> dict[str, Any]:
    """The row of one way."""
    whole = _seconds(recording(minutes))
    source = recording(1) if name == "ffmpeg-all" else recording(minutes)
    scale = whole / _seconds(source)
    what, file = _ROWS[name]
    warm(source)
    busy = results.load()
    results.note(f"{name}: {source} (load {busy}) …")
    with tempfile.TemporaryDirectory(dir=CACHE) as folder:
        target = Path(folder) / file
        cost = run(_command(name, source, target, whole), timeout=_TIMEOUT)
        size = _checked(target) if target.suffix != "" else None
    return {
        "row": name,
        "what": what,
        "recording_s": float(whole),
        "measured_s": float(_seconds(source)),
        "wall_s": round(cost.wall * float(scale), 2),
        "cpu_s": round(cost.cpu * float(scale), 2),
        "memory_mb": round(cost.memory / 1e6, 1),
        "read_mb": round(cost.read * float(scale) / 1e6, 1),
        "bytes": size,
        "load_before": busy,
        "repeat": f"python -m bench.sprites --minutes {minutes} --rows {name}",
    }


def _command(name: str, source: Path, target: Path, whole: Fraction) -> list[str]:
    if not name.startswith("ffmpeg"):
        return [sys.executable, "-c", _ENGINE, name, str(source), str(target)]
    begin = [ffmpeg(), "-v", "error", "-threads", "1"]
    if name == "ffmpeg-waveform":
        return [*begin, "-i", str(source), "-filter_complex", "showwavespic=s=1800x140", "-frames:v", "1", str(target)]
    skip = ["-skip_frame", "nokey"] if name == "ffmpeg-keyframes" else []
    sheet = f"fps={MOST_TILES}/{whole},scale=160:-2,tile=10x10"
    return [*begin, *skip, "-i", str(source), "-an", "-vf", sheet, "-frames:v", "1", str(target)]


def _checked(target: Path) -> int:
    """The bytes of a picture that opens and is not of one tone."""
    with Image.open(target) as picture:
        lightest = max(top for _, top in picture.convert("RGBA").getextrema())
        if lightest < 50:
            raise BenchError(f"{target.name} shows nothing")
    return target.stat().st_size


def _seconds(path: Path) -> Fraction:
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        return (stream.duration or 0) * (stream.time_base or Fraction(0))


def main() -> None:
    """Measure the rows that are asked for."""
    parser = argparse.ArgumentParser(prog="python -m bench.sprites", description=__doc__)
    parser.add_argument("--minutes", type=int, default=30)
    parser.add_argument("--rows", default=",".join(_ROWS))
    options = parser.parse_args()
    rows = [measure(name, options.minutes) for name in options.rows.split(",")]
    if set(_ROWS) == {row["row"] for row in rows}:
        results.save("sprites", [results.machine(), *rows])
    results.show(
        rows,
        {
            "what": "what",
            "CPU s": "cpu_s",
            "s": "wall_s",
            "memory MB": "memory_mb",
            "MB read": "read_mb",
            "bytes": "bytes",
        },
    )


if __name__ == "__main__":
    main()
