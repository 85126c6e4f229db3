"""Resizing images to WebP, beside Pillow alone and pyvips: `python -m bench.images [--rounds 5]`.

A photo of 12 megapixels, and 100 images of mixed kinds and sizes, all drawn. Each side works in a process of its own,
by turns; the fastest round counts, since the others show what else the machine did. Time is that of the work without
the start of Python; memory is the process's peak, with it. Prints a table and writes bench/results/images.json.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from bench import goals, measure, results
from bench.images_side import SIDES
from media.image.sample import scene

_CACHE = Path("bench/.cache/images")
_LARGE = 4000, 3000
_COUNT = 100
_REPEATS = 5
"""The large photo is made so often in one round."""


def main() -> None:
    """Measure all rows."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    tasks = {
        "12-megapixel JPEG to 1600": (1600, [_large()] * _REPEATS),
        f"{_COUNT} mixed images to 800": (800, _mixed()),
    }
    rows = [row for name, (width, sources) in tasks.items() for row in _rows(name, width, sources, rounds)]
    results.save("images", [results.machine() | {"pillow": _version("pillow"), "pyvips": _version("pyvips")}, *rows])
    columns = {"work": "row", "side": "side", "s an image": "wall_s", "CPU s": "cpu_s", "memory MB": "memory_mb"}
    columns |= {"to the fastest": "ratio", "in CPU": "cpu_ratio", "in memory": "memory_ratio", "KB a file": "made_kb"}
    results.show(rows, columns | {"PSNR to Pillow dB": "psnr_db", "load": "load"})
    results.show_goals(goals.images(rows))


def _rows(name: str, width: int, sources: Sequence[Path], rounds: int) -> list[dict[str, Any]]:
    best: dict[str, dict[str, float]] = {}
    with tempfile.TemporaryDirectory() as place:
        load = results.load()
        for number in range(rounds):
            for side in SIDES:
                results.note(f"{name}: {side}, round {number + 1} of {rounds}")
                found = _run(side, width, sources, Path(place) / side)
                known = best.setdefault(side, found)
                best[side] = {key: min(value, known[key]) for key, value in found.items()}
        likeness = {side: _likeness(Path(place), side, len(sources)) for side in SIDES}
    fastest = {key: min(one[key] for one in best.values()) for key in ("wall", "cpu", "memory")}
    return [
        {
            "row": name,
            "side": side,
            "wall_s": round(one["wall"] / len(sources), 4),
            "cpu_s": round(one["cpu"] / len(sources), 4),
            "memory_mb": round(one["memory"] / 2**20),
            "made_kb": round(one["bytes"] / len(sources) / 1000, 1),
            "ratio": round(one["wall"] / fastest["wall"], 2),
            "cpu_ratio": round(one["cpu"] / fastest["cpu"], 2),
            "memory_ratio": round(one["memory"] / fastest["memory"], 2),
            "psnr_db": likeness[side],
            "load": load,
        }
        for side, one in best.items()
    ]


def _run(side: str, width: int, sources: Sequence[Path], folder: Path) -> dict[str, float]:
    folder.mkdir(exist_ok=True)
    command = [sys.executable, "-m", "bench.images_side", side, str(width), str(folder), *map(str, sources)]
    cost = measure.run(command, timeout=600)
    made = sum((folder / f"{number}.webp").stat().st_size for number in range(len(sources)))
    return {**json.loads(cost.output), "memory": float(cost.memory), "bytes": float(made)}


def _likeness(folder: Path, side: str, count: int) -> float:
    """The worst PSNR of a side's pictures to Pillow's: all must have done the same work."""
    found = []
    for number in range(count):
        one, other = (_on_grey(folder / name / f"{number}.webp") for name in (side, "pillow"))
        if max(abs(mine - theirs) for mine, theirs in zip(one.size, other.size, strict=True)) > 1:
            raise measure.BenchError(f"{side} made {one.size} of image {number}, Pillow {other.size}")
        # Half a pixel is rounded up by the one and down by the other.
        error = np.mean((np.asarray(one, np.float64) - np.asarray(other.resize(one.size), np.float64)) ** 2)
        found.append(float(10 * np.log10(255**2 / max(error, 1e-3))))
    return round(min(found), 1)


def _on_grey(path: Path) -> Image.Image:
    """What is transparent has no colour to compare."""
    image = Image.open(path).convert("RGBA")
    grey = Image.new("RGBA", image.size, "gray")
    grey.alpha_composite(image)
    return grey.convert("RGB")


def _large() -> Path:
    path = _CACHE / "large.jpg"
    if not path.exists():
        _CACHE.mkdir(parents=True, exist_ok=True)
        scene(*_LARGE).save(path, quality=93)
    return path


def _mixed() -> list[Path]:
    """JPEG, PNG, WebP, TIFF and GIF of 0.1 to 6 megapixels; some opaque, some not."""
    kinds = {"jpg": {"quality": 88}, "png": {}, "webp": {"quality": 85}, "tif": {"compression": "tiff_lzw"}, "gif": {}}
    weights = (60, 20, 10, 5, 5)
    rng = random.Random(11)
    picture, paths = None, []
    for number in range(_COUNT):
        kind = rng.choices(list(kinds), weights)[0]
        width = rng.choice((400, 640, 1024, 1600, 2400, 3000))
        left = rng.randrange(0, 900)
        path = _CACHE / f"{number:03}-{width}.{kind}"
        paths.append(path)
        if not path.exists():
            picture = picture or Image.open(_large()).convert("RGB")
            part = picture.crop((left, 0, left + 3000, 3000 - 500 * (number % 3)))
            made = part.resize((width, round(width * part.height / part.width)), Image.Resampling.LANCZOS)
            if kind == "png" and number % 2:
                made.putalpha(Image.linear_gradient("L").resize(made.size))
            made.save(path, **kinds[kind])
    return paths


def _version(name: str) -> str:
    from importlib.metadata import version

    return version(name)


if __name__ == "__main__":
    main()
