"""What docs/engine.md says was measured, and the goals beside it."""

from __future__ import annotations

import re

from bench import goals
from bench.engine_page import PAGES, SECTIONS, render


def row(name, cpu, **more):
    return {"row": name, "cpu_s": cpu, "source_minutes": 50, "exact": True} | more


SEAMS = {"seams": [{"at": "0", "frames": 120}, {"at": "1799.9", "frames": 2}]}
WHOLE = [row("smart", 8.0, keep_s=["900", "2700"], result=SEAMS), row("ffmpeg-copy", 1.5), row("edges", 4.0)]


def found(given):
    return [(goal.measured, goal.met) for goal in given]


def test_goals_are_ratios_of_rows():
    assert found(goals.trim(WHOLE)) == [("1.27", False), ("120 of 150 and 2 of 120", True)]
    peers = [*WHOLE, row("ffmpeg-veryfast", 2000.0), row("smartcut", 7.9)]
    assert found(goals.trim(peers))[0] == ("250.00", True)
    assert found(goals.trim(peers))[-2:] == [("0.99", False), ("1 of 1", True)]
    minute = [row("smart", cpu, table="one minute", source_minutes=length) for length, cpu in ((10, 5.0), (180, 6.1))]
    assert found(goals.trim([*WHOLE, *minute]))[-1] == ("1.22", False)
    assert found(goals.io([{"row": "smart", "read_to_needed": 1.012}])) == [("1.01", True)]
    two = {"row": "workers-2", "speed_ratio": 0.96, "cpu_ratio": 1.101}
    assert found(goals.parallel([two])) == [("0.96", True), ("1.10", False)]
    sides = [{"row": "a", "side": side, "ratio": 1.11, "cpu_ratio": 1.0} for side in ("pillow", "cutwork")]
    assert found(goals.images(sides)) == [("1.11", False), ("1.00", True)]


def test_an_edge_may_not_be_longer_than_its_group():
    long = {"seams": [{"at": "0", "frames": 151}]}
    assert found(goals.trim([row("smart", 8.0, keep_s=["900", "2700"], result=long)])) == [
        ("151 of 150 and 0 of 120", False)
    ]


def test_the_page_is_that_of_the_results():
    pages = [page.read_text() for page in PAGES]
    assert sorted(re.findall(r"<!-- measured: (\w+) -->", "".join(pages))) == sorted(SECTIONS)
    for page in pages:
        assert page == render(page), "a page is stale: run `python -m bench.engine_page`"


def test_goals_of_previews_are_shares_of_the_naive_pass():
    shares = {"naive": (1.0, 1.0), "proxy": (0.41, 2.0), "edit": (0.021, 0.1), "seams": (1.0, 0.02)}
    rows = [{"row": name, "cpu_ratio": cpu, "wall_ratio": wall} for name, (cpu, wall) in shares.items()]
    assert found(goals.preview(rows)) == [("0.020", True), ("0.410", True), ("0.021", False)]
