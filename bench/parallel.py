"""What an exact encode costs on one and on two workers: `python -m bench.parallel [--seconds 120]`.

Encodes the same stretch of a 1080p30 recording with the same encoder, preset and quality: by FFmpeg with one thread and
with two, by the engine in one process with one thread, and by the system's own workers with one thread each – queue,
segments, storage and join included. Prints a table and writes bench/results/parallel.json.
"""

from __future__ import annotations

import argparse
import json
import shlex
import sys
import tempfile
from fractions import Fraction
from pathlib import Path
from typing import Any

from bench import exact, goals, results
from bench.measure import run
from bench.peers import ffmpeg
from bench.source import CACHE, RATE, recording, warm
from media.encoders import CRF, PRESET

_MINUTES = 10
_START = Fraction(61)
_TIMEOUT = 1800.0
_ENCODER = ["-c:v", "libx264", "-preset", PRESET["h264"], "-crf", str(CRF["h264"]), "-c:a", "aac"]
_ROWS = {
    "ffmpeg-1": "ffmpeg, 1 thread",
    "ffmpeg-2": "ffmpeg, 2 threads",
    "process": "Cutwork, exact in one process, 1 thread",
    "workers-1": "Cutwork, 1 encode worker",
    "workers-2": "Cutwork, 2 encode workers",
}


def measure(name: str, seconds: int) -> dict[str, Any]:
    """The row of one way to encode."""
    source, end = recording(_MINUTES), _START + seconds
    busy = results.load()
    results.note(f"{name}: {seconds} s (load {busy}) …")
    with tempfile.TemporaryDirectory(dir=CACHE) as folder:
        target = Path(folder) / "cut.mp4"
        command = _command(name, source, target, end)
        cost = run(command, timeout=_TIMEOUT)
        told = json.loads(cost.output) if name.startswith("workers") else {}
        found = exact.check(target, round(_START * RATE), seconds * int(RATE))
    return {
        "row": name,
        "what": _ROWS[name],
        "result_s": seconds,
        "wall_s": told.get("wall_s", round(cost.wall, 2)),
        "cpu_s": told.get("cpu_s", round(cost.cpu, 2)),
        "segments": told.get("segments"),
        "memory_mb": round(cost.memory / 1e6, 1),
        "exact": found.exact,
        "shown": found.text,
        "load_before": busy,
        "command": shlex.join(_plain(word) for word in command),
        "repeat": f"python -m bench.parallel --seconds {seconds}",
    }


def _plain(word: str) -> str:
    """A word of a command without what is this machine's own."""
    return {sys.executable: "python", ffmpeg(): "ffmpeg"}.get(word, "OUT.mp4" if word.endswith("/cut.mp4") else word)


def _command(name: str, source: Path, target: Path, end: Fraction) -> list[str]:
    kind, count = name.split("-") if "-" in name else (name, "1")
    if kind == "ffmpeg":
        span = ["-ss", str(_START), "-to", str(end), "-i", str(source)]
        return [ffmpeg(), "-v", "error", *span, *_ENCODER, "-threads", count, str(target)]
    span_text = f"{_START}-{end}"
    if kind == "process":
        return [sys.executable, "-c", _ONE_PROCESS, str(source), str(target), span_text]
    return [sys.executable, "-m", "bench.fleet", str(source), span_text, count, str(target)]


_ONE_PROCESS = """
import sys
from fractions import Fraction
from pathlib import Path
from media.trim import trim
from media.types import Range
source, target, span = sys.argv[1:]
with open(source, "rb") as file:
    trim(file, Path(target), [Range(*map(Fraction, span.split("-")))], threads=1)
"""

_COLUMNS = {
    "way": "what",
    "wall, s": "wall_s",
    "CPU, s": "cpu_s",
    "speed, × ffmpeg 2 threads": "speed_ratio",
    "CPU, × one process": "cpu_ratio",
    "segments": "segments",
    "exact": "exact",
}


def main() -> None:
    """Measure, show, save."""
    parser = argparse.ArgumentParser(prog="python -m bench.parallel", description=__doc__)
    parser.add_argument("--seconds", type=int, default=120, help="length of the result, 30 to 500")
    seconds = parser.parse_args().seconds
    if not 30 <= seconds <= 500:
        parser.error("--seconds is 30 to 500")
    warm(recording(_MINUTES))
    rows = [measure(name, seconds) for name in _ROWS]
    by_name = {row["row"]: row for row in rows}
    for row in rows:
        row["speed_ratio"] = round(by_name["ffmpeg-2"]["wall_s"] / row["wall_s"], 3)
        row["cpu_ratio"] = round(row["cpu_s"] / by_name["process"]["cpu_s"], 3)
    results.show(rows, _COLUMNS)
    results.show_goals(goals.parallel(rows))
    head = results.machine()
    path = results.save("parallel", [head, *rows])
    print(f"\n{path}: {head['date']}, {head['cores']} cores, {head['cpu']}")


if __name__ == "__main__":
    main()
