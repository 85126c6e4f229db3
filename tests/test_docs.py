"""What the docs name is there."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
_PATH = re.compile(r"`((?:app|bench|cli|core|helm|media|pipelines|tasks|tests)/[\w/.-]*\w)`")
_TEST = re.compile(r"`(test_\w+)`")


def test_paths_exist():
    named = {(page.name, path) for page in PAGES for path in _PATH.findall(page.read_text())}
    assert len(named) > 40
    assert {(page, path) for page, path in named if not (ROOT / path).exists()} == set()


def test_tests_that_prove_a_promise_exist():
    named = {name for page in PAGES for name in _TEST.findall(page.read_text())}
    there = "\n".join(path.read_text() for path in (ROOT / "tests").rglob("test_*.py"))
    assert named
    assert {name for name in named if f"def {name}(" not in there} == set()
