"""Every request that the schema lets through is an operation of the engine."""

import dataclasses
from fractions import Fraction

import pytest
from PIL import Image

from media.image import operations as ops
from media.image.encode import EXTENSIONS, QUALITY
from media.image.lengths import Length
from media.types import Notices
from pipelines import image as pipeline
from pipelines.image_operations import OPERATIONS
from pipelines.image_schema import FORMATS, QUALITIES, ImageSchema
from tasks.image import _KINDS, operation, output

ASSET = "ast_" + "0" * 26
FULL = {
    "crop": {"x": "10%", "y": 3, "width": "50%", "height": 40, "gravity": "smart"},
    "resize": {"width": 30, "height": 20, "fit": "contain", "background": "#112233"},
    "rotate": {"angle": "12.5", "background": "#112233"},
    "flip": {"axis": "vertical"},
    "adjust": {"brightness": "1.2", "contrast": "0.9", "saturation": "1.1", "gamma": "2"},
    "grayscale": {},
    "sharpen": {"radius": "2", "amount": "1", "threshold": 3},
    "blur": {"radius": "2", "region": {"x": 1, "y": 2, "width": "50%", "height": 30}},
    "pixelate": {"block": 8, "region": {"width": 20, "height": 30}},
    "text": {"text": "Hi", "size": 20, "color": "#aabbcc", "plate": "#00000080", "opacity": "0.5", "margin": 3},
    "overlay": {"asset": ASSET, "width": 30, "opacity": "0.5", "position": "top", "margin": "1%"},
    "pad": {"top": 1, "right": "2%", "bottom": 3, "left": 4, "color": "#ffffff80"},
    "background": {"color": "#123456"},
    "round": {"radius": "50%"},
}


def loaded(operations=(), outputs=({"name": "web"},)):
    return ImageSchema().load({"input": ASSET, "operations": list(operations), "outputs": list(outputs)})


def test_schema_and_engine_have_the_same_operations():
    assert OPERATIONS.keys() == _KINDS.keys() == FULL.keys()
    assert {kind for kind in vars(ops).values() if isinstance(kind, type) and hasattr(kind, "effect")} - {
        ops.Operation
    } == set(_KINDS.values())
    for name, schema in OPERATIONS.items():
        asked = {"letters" if (name, key) == ("text", "size") else key for key in schema().fields} - {"asset"}
        assert asked == {field.name for field in dataclasses.fields(_KINDS[name])} - {"picture"}, name


@pytest.mark.parametrize("name", FULL)
def test_every_operation_runs_with_all_and_with_no_options(name):
    needed = {"crop": {"aspect": "3:2"}, "resize": {"width": 9}, "rotate": {"angle": 20}, "text": {"text": "a"}}
    needed |= {"overlay": {"asset": ASSET}, "pad": {"top": 1}, "adjust": {"gamma": 2}}
    picture = Image.new("RGB", (120, 90), "teal")
    for options in (FULL[name], needed.get(name, {})):
        [asked] = loaded([{"op": name} | options])["operations"]
        asked.pop("asset", None)
        step = operation(asked, Image.new("RGBA", (8, 8)) if name == "overlay" else None)
        assert step.effect(picture, Notices())(picture).size == step.size(120, 90)


def test_values_arrive_as_they_were_meant():
    crop, adjust, text, rounded = (
        operation(asked)
        for asked in loaded(
            [
                {"op": "crop", **FULL["crop"]},
                {"op": "adjust", **FULL["adjust"]},
                {"op": "text", **FULL["text"]},
                {"op": "round", **FULL["round"]},
            ]
        )["operations"]
    )
    assert crop == ops.Crop(
        x=Length.of("10%"), y=Length.of(3), width=Length.of("50%"), height=Length.of(40), gravity="smart"
    )
    assert adjust == ops.Adjust(
        brightness=Fraction(6, 5), contrast=Fraction(9, 10), saturation=Fraction(11, 10), gamma=Fraction(2)
    )
    assert (text.letters, text.opacity, text.plate) == (Length.of(20), Fraction(1, 2), "#00000080")
    assert rounded.radius == Length.of("50%")
    [wide] = loaded([{"op": "crop", "aspect": "32:18"}])["operations"]
    assert operation(wide).aspect == Fraction(16, 9)


def test_an_output_arrives_as_it_was_meant():
    asked = {"name": "a", "format": "jpeg", "width": 9, "height": 8, "fit": "cover", "quality": 50, "metadata": "keep"}
    made = output(loaded(outputs=[asked])["outputs"][0])
    assert made.resize == ops.Resize(width=9, height=8, fit="cover")
    assert (made.encoding.quality, made.encoding.background, made.metadata) == (50, "#ffffff", "keep")
    assert output(loaded()["outputs"][0]).resize is None


def test_formats_agree_with_the_engine():
    assert set(FORMATS) == set(EXTENSIONS)
    assert QUALITIES == QUALITY
    for name in FORMATS:
        [asked] = loaded(outputs=[{"name": "a", "format": name}])["outputs"]
        assert pipeline.filename(asked) == output(asked).filename
