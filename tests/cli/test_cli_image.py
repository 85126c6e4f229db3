import hashlib

import pytest
from troubled_server import job_document, problem

from pipelines.image_operations import ResizeSchema


@pytest.fixture
def photo(tmp_path):
    path = tmp_path / "photo.heic"
    path.write_bytes(b"a picture" * 100)
    return path


@pytest.fixture
def finished(world):
    """A job that ends with two files."""
    world.files |= {name: name.encode() * 50 for name in ("image", "w800")}
    outputs = [
        {
            "name": name,
            "filename": f"photo-{name}.webp",
            "url": f"{world.url}/files/{name}",
            "size": len(world.files[name]),
            "sha256": hashlib.sha256(world.files[name]).hexdigest(),
        }
        for name in ("image", "w800")
    ]
    done = job_document("succeeded", 1, stages=dict.fromkeys(("probe", "trim", "publish"), "succeeded"))
    world.streams = [[job_document(), done | {"outputs": outputs}]]
    return world


def asked(world):
    [body] = world.bodies("POST /v1/jobs/image")
    return body


def test_operations_come_in_the_order_in_which_they_are_typed(finished, cutwork):
    options = ["--flip", "horizontal", "--crop", "16:9@smart", "--grayscale", "--resize", "800x600@cover"]
    options += ["--flip", "vertical", "--crop=50%x20+1+2%", "--brightness", "1.2", "--crop", "x99"]
    answer = cutwork("image", "ast_7", *options)
    assert answer.code == 0, answer.err
    assert asked(finished) == {
        "input": "ast_7",
        "operations": [
            {"op": "flip", "axis": "horizontal"},
            {"op": "crop", "gravity": "smart", "aspect": "16:9"},
            {"op": "grayscale"},
            {"op": "resize", "width": 800, "height": 600, "fit": "cover"},
            {"op": "flip", "axis": "vertical"},
            {"op": "crop", "width": "50%", "height": "20", "x": "1", "y": "2%"},
            {"op": "adjust", "brightness": "1.2"},
            {"op": "crop", "height": "99"},
        ],
        "outputs": [{"name": "image", "format": "webp"}],
    }


@pytest.mark.parametrize(
    ("typed", "sent"),
    [
        ("640", {"width": 640}),
        ("640x@inside", {"width": 640, "fit": "inside"}),
        ("640x360@cover", {"width": 640, "height": 360, "fit": "cover"}),
        ("640x360@cover:face", {"width": 640, "height": 360, "fit": "cover", "gravity": "face"}),
        ("640x360@contain:top-left", {"width": 640, "height": 360, "fit": "contain", "gravity": "top-left"}),
    ],
)
def test_sizes(finished, cutwork, typed, sent):
    answer = cutwork("image", "ast_7", "--resize", typed)
    assert answer.code == 0, answer.err
    [operation] = asked(finished)["operations"]
    assert operation == {"op": "resize"} | sent
    # As the API reads it.
    assert ResizeSchema().load({name: value for name, value in operation.items() if name != "op"})["width"] == 640


def test_a_folder_for_several_files_is_made(finished, cutwork, tmp_path):
    answer = cutwork("image", "ast_7", "--widths", "400,800", "-o", tmp_path / "site" / "web")
    assert answer.code == 0, answer.err
    assert len(list((tmp_path / "site" / "web").iterdir())) == 2


def test_help_says_how_a_gravity_is_typed(cutwork):
    assert "@cover:face" in cutwork("image", "--help").out


def test_files_are_uploaded_and_results_fetched(finished, cutwork, photo, tmp_path):
    logo = tmp_path / "logo@2x.png"
    logo.write_bytes(b"logo")
    options = ["--overlay", f"{logo}@top-left", "--overlay-width", "10%", "--text", "me@home", "--text-size", "30"]
    answer = cutwork("image", photo, *options, "--widths", "400,800,400", "--quality", "70", "-o", tmp_path)
    assert answer.code == 0, answer.err
    body = asked(finished)
    assert body["operations"] == [
        {"op": "overlay", "asset": "ast_2", "position": "top-left", "width": "10%"},
        {"op": "text", "text": "me@home", "size": "30"},
    ]
    assert body["outputs"] == [
        {"name": f"w{width}", "format": "webp", "quality": 70, "width": width} for width in (400, 800)
    ]
    assert (tmp_path / "photo-w800.webp").read_bytes() == finished.files["w800"]


@pytest.mark.parametrize(("name", "kind"), [("a.JPG", "jpeg"), ("a.avif", "avif"), ("a.png", "png")])
def test_the_name_says_the_format(finished, cutwork, tmp_path, name, kind):
    cutwork("image", "ast_7", "-o", tmp_path / name)
    assert asked(finished)["outputs"][0]["format"] == kind


def test_the_rest_of_the_options(finished, cutwork):
    options = ["--pad", "5%:#ffffff", "--blur", "9@1,2%,30,40%", "--pixelate", "8", "--round", "50%", "--lossless"]
    options += ["--op", '{"op": "sharpen", "radius": 2}', "--metadata", "keep", "--profile", "keep", "--rotate", "-5"]
    assert cutwork("image", "ast_7", *options, "--background", "#000000", "--sharpen", "1", "--json").code == 0
    body = asked(finished)
    assert body["operations"] == [
        {"op": "pad", "top": "5%", "right": "5%", "bottom": "5%", "left": "5%", "color": "#ffffff"},
        {"op": "blur", "radius": "9", "region": {"x": "1", "y": "2%", "width": "30", "height": "40%"}},
        {"op": "pixelate", "block": 8},
        {"op": "round", "radius": "50%"},
        {"op": "sharpen", "radius": 2},
        {"op": "rotate", "angle": "-5"},
        {"op": "background", "color": "#000000"},
        {"op": "sharpen", "amount": "1"},
    ]
    assert (body["profile"], body["outputs"][0]["lossless"], body["outputs"][0]["metadata"]) == ("keep", True, "keep")


@pytest.mark.parametrize(
    "options",
    [
        ["--crop", "wide"],
        ["--crop", "16:9@nose"],
        ["--crop", "x"],
        ["--resize", "0.5"],
        ["--resize", "100@inside-out"],
        ["--resize", "100x100@cover:nose"],
        ["--resize", "100x100@cover:"],
        ["--resize", "100x100@fill:face"],
        ["--resize", "100@cover:face"],
        ["--blur", "5@1,2,3"],
        ["--pixelate", "big"],
        ["--op", "flip"],
        ["--op", '{"operation": 1}'],
        ["--overlay", "missing.png"],
        ["--widths", "400,wide"],
        ["--quality", "0"],
        ["-o", "picture"],
        ["--widths", "400,800", "-o", "one.webp"],
        ["--detach", "-o", "one.webp"],
    ],
)
def test_what_makes_no_sense_is_refused_before_anything_is_sent(world, cutwork, photo, options):
    answer = cutwork("image", photo, *options)
    assert answer.code == 2
    assert world.bodies("POST /v1/jobs/image") == []
    assert world.bodies("POST /v1/uploads") == []


def test_a_refusal_of_the_server_is_shown(world, cutwork):
    world.refuse = {"POST /v1/jobs/image": problem(422, "no_image", "The input is a recording, not an image.")}
    answer = cutwork("image", "ast_7")
    assert answer.code == 3
    assert "recording" in answer.err


def test_the_help_teaches(cutwork):
    answer = cutwork("image", "--help")
    assert "16:9@smart" in answer.out
    assert "in the order" in answer.out


def test_detach_prints_the_id(finished, cutwork):
    answer = cutwork("image", "ast_7", "--detach")
    assert (answer.code, answer.out.strip()) == (0, "job_1")
