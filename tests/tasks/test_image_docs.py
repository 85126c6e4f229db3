"""docs/images.md shows what there is, and what it shows is true."""

import json
import re
from pathlib import Path

import pytest
from PIL import Image

from media.image.diagram import DIAGRAMS
from media.image.gallery import SHEET, SIZE, draw
from media.image.operations import RoundCorners
from pipelines.image_operations import OPERATIONS
from pipelines.image_schema import ImageOutputSchema, ImageSchema
from tasks.image import operation

DOCS = Path(__file__).parent.parent.parent / "docs"
PAGE = (DOCS / "images.md").read_text()
EXAMPLES = [json.loads(text) for text in re.findall(r"`(\{\"op\".*?\})`", PAGE)]
ASSET = "ast_" + "0" * 26


def test_every_operation_has_an_example_that_is_valid():
    assert {example["op"] for example in EXAMPLES} == set(OPERATIONS)
    ImageSchema().load({"input": ASSET, "operations": EXAMPLES, "outputs": [{"name": "web"}]})


def test_the_request_is_valid():
    [request] = re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)
    assert ImageSchema().load(json.loads(request))


def test_every_field_of_an_output_is_told():
    assert all(f"`{name}`" in PAGE for name in ImageOutputSchema().fields)


def test_every_picture_is_shown_and_small():
    shown = set(re.findall(r"gallery/images/([\w-]+)\.webp", PAGE))
    assert shown == {*SHEET, *DIAGRAMS} == {path.stem for path in (DOCS / "gallery/images").iterdir()}
    assert sum(path.stat().st_size for path in (DOCS / "gallery/images").iterdir()) < 300_000


@pytest.mark.parametrize("name", SHEET)
def test_the_picture_beside_an_example_is_its_result(name):
    """The cell under a picture makes what the sheet draws."""
    cells = dict(_pairs())
    steps = [step for step in SHEET[name] if not (name == "background" and isinstance(step, RoundCorners))]
    if name == "original":
        assert steps == []
        return
    [asked] = ImageSchema().load({"input": ASSET, "operations": [cells[name]], "outputs": [{"name": "web"}]})[
        "operations"
    ]
    picture = getattr(steps[0], "picture", None)
    asked.pop("asset", None)
    assert operation(asked, picture) == steps[0]


def _pairs():
    lines = PAGE.splitlines()
    for place, line in enumerate(lines[:-1]):
        pictures = re.findall(r"gallery/images/([\w-]+)\.webp", line)
        yield from zip(pictures, map(json.loads, re.findall(r"`(\{\"op\".*?\})`", lines[place + 1])), strict=False)


def test_the_gallery_is_drawn(tmp_path):
    draw(tmp_path)
    with Image.open(tmp_path / "original.webp") as image:
        assert image.size == SIZE
    assert {path.stem for path in tmp_path.iterdir()} == {*SHEET, *DIAGRAMS}
