"""What the tests of images share."""

from __future__ import annotations

import io

import pytest
from PIL import Image
from pixel_measures import encoded

from media.image.render import render
from media.image.sample import scene


@pytest.fixture(scope="session")
def photo() -> Image.Image:
    """A picture of 240 × 160."""
    return scene(240, 160)


@pytest.fixture
def made(tmp_path_factory):
    """Return a function that renders a picture or a file's bytes and opens what came out, by name."""

    def make(source, outputs, operations=(), **options):
        file = io.BytesIO(source) if isinstance(source, bytes) else encoded(source, "PNG")
        result = render(file, tmp_path_factory.mktemp("made"), outputs, operations, **options)
        return {name: Image.open(one.path) for name, one in result.files.items()}, result

    return make
