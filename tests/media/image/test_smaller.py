"""Resampling by libvips: as Pillow does it, and nothing but that."""

import numpy as np
import pytest
from PIL import Image
from pixel_measures import psnr

from media.image import scaling
from media.image.sample import scene


@pytest.fixture(scope="module")
def pictures():
    """A scene, white noise, and a scene that fades out; each larger than what Pillow is left with."""
    rng = np.random.default_rng(3)
    made = {
        "scene": scene(600, 450),
        "noise": Image.fromarray(rng.integers(0, 256, (450, 600, 3), dtype=np.uint8)),
        "fading": scene(600, 450, seed=2),
    }
    made["fading"].putalpha(Image.linear_gradient("L").resize((600, 450)))
    return made


@pytest.mark.parametrize(("name", "least"), [("scene", 50), ("noise", 40), ("fading", 50)])
@pytest.mark.parametrize("size", [(599, 450), (450, 338), (301, 224), (113, 85), (17, 600), (600, 11), (9, 7)])
def test_it_is_pillows_lanczos(pictures, name, least, size):
    size = min(size[0], 600), min(size[1], 450)
    made = scaling.resample(pictures[name], size)
    reference = pictures[name].resize(size, Image.Resampling.LANCZOS, reducing_gap=3.0)
    assert (made.size, made.mode) == (size, reference.mode)
    assert psnr(on_grey(reference), on_grey(made)) >= least


def on_grey(image):
    grey = Image.new("RGBA", image.size, "gray")
    grey.alpha_composite(image.convert("RGBA"))
    return grey.convert("RGB")


@pytest.mark.parametrize("box", [(100, 50, 500, 350), (100.5, 50.25, 500.5, 350.25)])
def test_a_part_is_that_part(pictures, box):
    reference = pictures["scene"].resize((200, 150), Image.Resampling.LANCZOS, box=box)
    assert psnr(reference, scaling.resample(pictures["scene"], (200, 150), box)) >= 50


def test_what_has_its_size_is_left_alone(pictures):
    assert scaling.resample(pictures["noise"], (600, 450)) is pictures["noise"]
    part = scaling.resample(pictures["noise"], (300, 450), (300, 0, 600, 450))
    assert np.array_equal(np.asarray(part), np.asarray(pictures["noise"])[:, 300:])


def test_larger_is_pillows(pictures):
    reference = pictures["scene"].resize((700, 450), Image.Resampling.LANCZOS)
    assert np.array_equal(np.asarray(scaling.resample(pictures["scene"], (700, 450))), np.asarray(reference))


def test_libvips_reads_and_writes_no_format(tmp_path, pictures):
    """Not even the harmless ones: what strangers send is Pillow's to decode."""
    path = tmp_path / "a.png"
    pictures["scene"].save(path)
    vips = scaling._vips()
    for use in (
        lambda: vips.Image.new_from_file(str(path)),
        lambda: vips.Image.new_from_buffer(path.read_bytes(), ""),
        lambda: vips.Image.pngload(str(path)),
        lambda: vips.Image.thumbnail(str(path), 10),
        lambda: vips.Image.black(9, 9).write_to_file(str(tmp_path / "b.jpg")),
        lambda: vips.Image.svgload_buffer(b"<svg xmlns='http://www.w3.org/2000/svg' width='9' height='9'/>"),
    ):
        with pytest.raises(vips.Error):
            use()
    assert list(tmp_path.iterdir()) == [path]
    assert vips.cache_get_max() == 0
