"""Memory does not grow with the length of the recording."""

import subprocess
import sys
from fractions import Fraction

import pytest

from media.sample import make_sample

SCRIPT = """
import resource, sys
from fractions import Fraction
from pathlib import Path
from media import brand, preview
from media.cut import cut
from media.proxy.plan import plan_proxy
from media.proxy.whole import make_proxy
from media.types import Range
way, source, folder = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
with source.open("rb") as file:
    if way == "preview":
        make_proxy(file, folder / "small.mp4", plan_proxy(file, None, height=144))
        with open(folder / "small.mp4", "rb") as proxy:
            preview.render(proxy, file, folder, preview.cut_ranges(file, [Range(Fraction("0.5"))]))
    elif way == "brand":
        brand.brand(file, folder / "out.mp4", brand.BrandSpec(intro=brand.TitleCard(title="Hello")))
    else:
        cut(file, folder / "out.mp4", [Range(Fraction("0.5"))], mode=way)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


@pytest.fixture(scope="module")
def recordings(tmp_path_factory):
    """The same recording, ten times as long the second time."""
    folder = tmp_path_factory.mktemp("memory")
    for seconds in (12, 120):
        make_sample(folder / f"{seconds}.mp4", seconds=Fraction(seconds), fps=Fraction(25), size=(320, 180))
    return folder


@pytest.mark.parametrize("way", ["smart", "exact", "preview", "brand"])
def test_ten_times_the_length_takes_no_more_memory(way, recordings, tmp_path):
    def peak(seconds):
        command = [sys.executable, "-c", SCRIPT, way, str(recordings / f"{seconds}.mp4"), str(tmp_path)]
        return int(subprocess.run(command, check=True, capture_output=True, text=True, timeout=400).stdout)

    short, long = peak(12), peak(120)
    # Kilobytes; the allowance is for the index of the file that is written, which is small but not nothing.
    assert long < short * 1.15 + 10_000
