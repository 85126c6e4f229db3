"""One stage of a preview in a process of its own: `python -m bench.preview_side KIND SOURCE FOLDER START-END …`.

`proxy` makes FOLDER/proxy.mp4 in the parts that stages would make it of, one after the other; `edit` cuts the preview
of the ranges from it; `seams` makes what plays around their cuts. Each prints its result as JSON, with the bytes of
the film.
"""

from __future__ import annotations

import json
import sys
from contextlib import ExitStack
from fractions import Fraction
from pathlib import Path
from typing import Any, BinaryIO

from media.hls.seams import render_seams
from media.keyframes import keyframe_map
from media.preview import cut_ranges, render
from media.proxy.pictures import encode_pictures
from media.proxy.plan import plan_proxy
from media.proxy.sound import encode_sound
from media.proxy.whole import join_proxy, make_proxy
from media.types import Range

WIDTH = 4
HEIGHT = 360


def proxy(source: BinaryIO, folder: Path) -> dict[str, Any]:
    """Make the proxy in parts."""
    target = folder / "proxy.mp4"
    plan = plan_proxy(source, keyframe_map(source), height=HEIGHT, width=WIDTH)
    if len(plan.segments) < 2:
        made = make_proxy(source, target, plan, threads=1)
        return made.to_dict() | {"parts": 1, "bytes": target.stat().st_size}
    parts = []
    for segment in plan.segments:
        path = folder / f"part-{segment.number}.mp4"
        parts.append((encode_pictures(source, path, segment, plan.look, threads=1), path))
    sound, track = encode_sound(source, folder / "sound.m4a", plan.duration)[0], folder / "sound.m4a"
    with ExitStack() as files:
        pictures = ((facts, files.enter_context(path.open("rb"))) for facts, path in parts)
        made = join_proxy(plan, pictures, (sound, files.enter_context(track.open("rb"))), target)
    return made.to_dict() | {"parts": len(parts), "bytes": target.stat().st_size}


def edit(source: BinaryIO, folder: Path, keep: list[Range]) -> dict[str, Any]:
    """Cut a preview from the proxy."""
    (folder / "edit").mkdir(exist_ok=True)
    with (folder / "proxy.mp4").open("rb") as film:
        made = render(film, source, folder / "edit", cut_ranges(source, keep), threads=1)
    return made.to_dict() | {"bytes": made.files["preview"].stat().st_size}


def main() -> None:
    """Do what the arguments say."""
    kind, source, folder = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
    keep = [Range(*map(Fraction, text.split("-"))) for text in sys.argv[4:]]
    with source.open("rb") as file:
        match kind:
            case "proxy":
                told = proxy(file, folder)
            case "edit":
                told = edit(file, folder, keep)
            case "seams":
                target = folder / "seams.mp4"
                made = render_seams(file, target, keep, height=HEIGHT)
                told = {"joints": len(made.joints), "bytes": target.stat().st_size}
            case _:
                raise ValueError(kind)
    print(json.dumps(told))


if __name__ == "__main__":
    main()
