import pytest
from marshmallow import ValidationError

from pipelines.image_schema import ImageSchema
from pipelines.registry import PIPELINES

ASSET = "ast_" + "0" * 26


def load(*operations, outputs=None, **changes):
    body = {"input": ASSET, "operations": list(operations), "outputs": outputs or [{"name": "web"}]}
    return ImageSchema().load(body | changes)


def steps(*operations):
    return load(*operations)["operations"]


def files(**output):
    return load(outputs=[{"name": "web"} | output])["outputs"][0]


def problems(*operations, **changes):
    with pytest.raises(ValidationError) as caught:
        load(*operations, **changes)
    return caught.value.messages


def test_defaults_are_filled_in():
    assert load() == {
        "input": ASSET,
        "external_id": None,
        "webhook_url": None,
        "operations": [],
        "outputs": [
            {
                "name": "web",
                "format": "webp",
                "fit": "inside",
                "upscale": False,
                "gravity": "center",
                "background": "transparent",
                "quality": 80,
                "lossless": False,
                "metadata": "strip",
            }
        ],
        "profile": "srgb",
        "priority": "normal",
        "metadata": {},
    }


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"op": "crop", "aspect": "32:18"}, {"op": "crop", "aspect": "16:9", "gravity": "center"}),
        ({"op": "crop", "aspect": 1.5}, {"op": "crop", "aspect": "3/2"}),
        ({"op": "crop", "width": "50.0%"}, {"op": "crop", "width": "50%"}),
        ({"op": "crop", "width": 10, "x": "0%"}, {"op": "crop", "width": "10", "x": 0}),
        ({"op": "rotate", "angle": -90}, {"op": "rotate", "angle": "270.0"}),
        ({"op": "resize", "width": 9, "fit": "cover", "gravity": "top"}, {"op": "resize", "width": 9}),
        ({"op": "resize", "width": 9, "height": 9, "background": "#123456"}, {"op": "resize", "width": 9, "height": 9}),
        ({"op": "pad", "top": 3, "color": "#AABBCCFF"}, {"op": "pad", "top": "3", "color": "#aabbcc"}),
        ({"op": "adjust", "gamma": 2}, {"op": "adjust", "gamma": "2.000", "contrast": 1}),
        ({"op": "blur"}, {"op": "blur", "radius": 5.0}),
        ({"op": "text", "text": "a", "opacity": 1}, {"op": "text", "text": "a", "size": "5.00%"}),
    ],
)
def test_equal_operations_have_one_normal_form(one, other):
    assert steps(one) == steps(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"width": 100, "fit": "fill"}, {"width": 100}),
        ({"quality": 80}, {"format": "webp"}),
        ({"format": "gif", "metadata": "keep"}, {"format": "gif"}),
        ({"background": "#ff0000"}, {}),
    ],
)
def test_equal_outputs_have_one_normal_form(one, other):
    assert files(**one) == files(**other)


def test_what_makes_a_difference_stays():
    assert files(format="jpeg", background="#ff0000") != files(format="jpeg")
    contained = {"op": "resize", "width": 9, "height": 9, "fit": "contain"}
    assert steps(contained | {"background": "#123456"}) != steps(contained)
    flip, blur = {"op": "flip"}, {"op": "blur"}
    assert steps(flip, blur) != steps(blur, flip)


def test_what_does_nothing_is_left_out():
    idle = [{"op": "adjust"}, {"op": "rotate", "angle": 360}, {"op": "pad"}]
    assert steps(*idle, {"op": "flip"}) == steps({"op": "flip"})


@pytest.mark.parametrize(
    ("operation", "field"),
    [
        ({"op": "explode"}, "op"),
        ({}, "op"),
        ({"op": "crop"}, "_schema"),
        ({"op": "crop", "aspect": "16:9", "width": 5}, "aspect"),
        ({"op": "crop", "aspect": "16:0"}, "aspect"),
        ({"op": "crop", "width": "12px"}, "width"),
        ({"op": "crop", "width": 0}, "width"),
        ({"op": "crop", "width": -4}, "width"),
        ({"op": "resize"}, "_schema"),
        ({"op": "resize", "width": 10**6}, "width"),
        ({"op": "resize", "width": 5, "wide": 6}, "wide"),
        ({"op": "rotate"}, "angle"),
        ({"op": "rotate", "angle": "1e999"}, "angle"),
        ({"op": "adjust", "gamma": 0}, "gamma"),
        ({"op": "adjust", "gamma": "nan"}, "gamma"),
        ({"op": "adjust", "gamma": True}, "gamma"),
        ({"op": "pixelate", "region": {"x": 1}}, "region"),
        ({"op": "text", "text": ""}, "text"),
        ({"op": "text", "text": "a", "color": "red"}, "color"),
        ({"op": "overlay"}, "asset"),
        ({"op": "overlay", "asset": "ast_x"}, "asset"),
        ({"op": "flip", "axis": "both"}, "axis"),
    ],
)
def test_errors_name_the_field(operation, field):
    assert field in problems({"op": "flip"}, operation)["operations"][1]


@pytest.mark.parametrize(
    ("output", "field"),
    [
        ({"name": "../x"}, "name"),
        ({"name": "a\n"}, "name"),
        ({"format": "bmp"}, "format"),
        ({"quality": 0}, "quality"),
        ({"quality": 90, "format": "png"}, "quality"),
        ({"quality": 90, "lossless": True}, "quality"),
        ({"lossless": True, "format": "jpeg"}, "lossless"),
        ({"width": 0}, "width"),
    ],
)
def test_errors_of_outputs_name_the_field(output, field):
    assert field in problems(outputs=[{"name": "web"} | output])["outputs"][0]


def test_outputs_are_bounded_and_have_names_of_their_own():
    assert "outputs" in problems(outputs=[{"name": "web"}, {"name": "web"}])
    assert "outputs" in problems(outputs=[{"name": f"w{number}"} for number in range(21)])
    assert "operations" in problems(*[{"op": "flip"}] * 51)


@pytest.mark.parametrize(
    "wrong", [{"operations": 5}, {"outputs": "web"}, {"operations": ["crop"]}, {"operations": None}]
)
def test_other_shapes_are_refused(wrong):
    with pytest.raises(ValidationError):
        ImageSchema().load({"input": ASSET, "outputs": [{"name": "web"}]} | wrong)


def test_the_example_is_valid():
    assert ImageSchema().load(dict(PIPELINES["image"].example))["operations"][0]["op"] == "crop"
