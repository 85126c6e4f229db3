"""One stage's engine call in a process of its own: `python -m bench.capacity_side KIND SOURCE TARGET SECONDS`."""

from __future__ import annotations

import sys
from fractions import Fraction
from pathlib import Path

from media import preview, probe, publish, trim
from media.keyframes import keyframe_map
from media.proxy.plan import plan_proxy
from media.proxy.whole import make_proxy
from media.smartcut import smart_cut
from media.types import Range


def main() -> None:
    """Do what the stage does with a file; `nothing` loads the engine and ends."""
    kind, source, target, seconds = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]), int(sys.argv[4])
    keep = [Range(Fraction(5), Fraction(5 + seconds))]
    if kind == "nothing":
        return
    with source.open("rb") as file:
        match kind:
            case "probe":
                probe.probe(file)
                file.seek(0)
                keyframe_map(file)
            case "smart":
                smart_cut(file, target, keep, threads=0)
            case "exact":
                trim.trim(file, target, keep, threads=0)
            case "proxy":
                make_proxy(file, target, plan_proxy(file, None, height=360))
            case "preview":
                target.mkdir()
                with target.with_name("proxy.mp4").open("rb") as film:
                    preview.render(film, file, target, preview.cut_ranges(file, keep))
            case "publish":
                publish.publish(file, target)
            case _:
                raise ValueError(kind)


if __name__ == "__main__":
    main()
