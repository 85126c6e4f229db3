"""One side of `bench.images`: `python -m bench.images_side SIDE WIDTH TARGET SOURCE…` makes a WebP of each source.

Prints the seconds that the work took, and the processor's, without the start of Python and its imports.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

QUALITY = 80

Work = Callable[[Path, Path, int], None]


def cutwork() -> Work:
    """The engine."""
    from PIL import Image

    from media.image.encode import Encoding
    from media.image.operations import Resize
    from media.image.plan import Output
    from media.image.render import render
    from media.image.scaling import resample

    # It loads libvips when it first needs it; the others have loaded theirs by now.
    resample(Image.new("RGB", (512, 512)), (256, 256))

    def make(source: Path, target: Path, width: int) -> None:
        output = Output(name=target.stem, encoding=Encoding(quality=QUALITY), resize=Resize(width=width, height=width))
        with source.open("rb") as file:
            render(file, target.parent, [output])

    return make


def pillow() -> Work:
    """Pillow alone, as its manual shows it: `thumbnail` lets the JPEG decoder leave out what it can."""
    from PIL import Image, ImageOps

    def make(source: Path, target: Path, width: int) -> None:
        with Image.open(source) as image:
            image.thumbnail((width, width), Image.Resampling.LANCZOS)
            upright = ImageOps.exif_transpose(image)
            plain = upright if upright.mode in {"RGB", "RGBA"} else upright.convert("RGBA")
            plain.save(target, quality=QUALITY, method=4)

    return make


def pyvips() -> Work:
    """libvips by its own shortest way, with as many threads as it likes."""
    import pyvips as vips

    def make(source: Path, target: Path, width: int) -> None:
        image = vips.Image.thumbnail(str(source), width, height=width, size="down")
        image.webpsave(str(target), Q=QUALITY, effort=4, keep="none")

    return make


SIDES = {"cutwork": cutwork, "pillow": pillow, "pyvips": pyvips}


def main(side: str, width: str, target: str, *sources: str) -> None:
    """Do the work and print what it took."""
    make = SIDES[side]()
    wall, cpu = time.perf_counter(), time.process_time()
    for number, source in enumerate(sources):
        make(Path(source), Path(target) / f"{number}.webp", int(width))
    print(json.dumps({"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu}))


if __name__ == "__main__":
    main(*sys.argv[1:])
