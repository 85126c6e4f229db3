"""Image jobs as requests: what is refused, what is planned."""

import io

import pytest
from PIL import Image

from core import accounts, jobs
from tests.app.conftest import inspect, upload
from tests.app.test_problems import problem

OUTPUTS = [{"name": "web", "width": 100}]


def png(colour="teal"):
    file = io.BytesIO()
    Image.new("RGB", (64, 48), colour).save(file, "PNG")
    return file.getvalue()


@pytest.fixture
def asset(client):
    return upload(client, png())


def ask(client, asset, query="", **body):
    return client.post(f"/v1/jobs/image{query}", json={"input": asset["id"], "outputs": OUTPUTS} | body)


def test_a_job_has_two_stages(client, asset):
    answer = ask(client, asset, operations=[{"op": "flip"}], metadata={"page": 3})
    assert answer.status_code == 202
    assert (answer.json["pipeline"], list(answer.json["stages"])) == ("image", ["probe", "image"])
    assert answer.json["metadata"] == {"page": 3}


def test_a_dry_run_plans_and_does_nothing(client, asset):
    before = [job["id"] for job in client.get("/v1/jobs").json["data"]]
    answer = ask(client, asset, "?dry_run=true")
    assert answer.status_code == 200
    assert answer.json["plan"] == [
        {"stage": "probe", "queue": "probe", "cached": False, "after": []},
        {"stage": "image", "queue": "image", "cached": False, "after": ["probe"]},
    ]
    assert [job["id"] for job in client.get("/v1/jobs").json["data"]] == before


def digest(client, asset, **body):
    job = ask(client, asset, **body).json
    return next(
        stage.digest for stage in jobs.get(accounts.default_account().id, job["id"]).stages if stage.name == "image"
    )


def test_equal_requests_have_equal_digests(client, asset):
    one = digest(client, asset, operations=[{"op": "rotate", "angle": -90}, {"op": "pad"}])
    assert one == digest(client, asset, operations=[{"op": "rotate", "angle": "270"}], metadata={"other": 1})
    assert one == digest(client, upload(client, png()), operations=[{"op": "rotate", "angle": 270.0}])
    assert one != digest(client, asset, operations=[{"op": "rotate", "angle": 90}])


def test_an_overlay_is_its_bytes(client, asset):
    first, again, other = (upload(client, png(colour)) for colour in ("red", "red", "blue"))
    marks = [
        digest(client, asset, operations=[{"op": "overlay", "asset": mark["id"]}]) for mark in (first, again, other)
    ]
    assert marks[0] == marks[1] != marks[2]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"operations": [{"op": "crop", "aspect": "16/"}]}, "operations.0.aspect"),
        ({"operations": [{"op": "flip"}, {"op": "twist"}]}, "operations.1.op"),
        ({"operations": [{"op": "blur", "region": {"width": 5}}]}, "operations.0.region.height"),
        ({"outputs": []}, "outputs"),
        ({"outputs": [{"name": "web", "quality": 101}]}, "outputs.0.quality"),
    ],
)
def test_errors_have_the_path_of_their_field(client, asset, body, field):
    assert field in problem(ask(client, asset, **body), 422, "invalid_request")["errors"]


def test_assets_must_exist(client, asset):
    gone = "ast_" + "0" * 26
    problem(ask(client, {"id": gone}), 404, "asset_not_found")
    problem(ask(client, asset, operations=[{"op": "overlay", "asset": gone}]), 404, "asset_not_found")


def test_a_recording_is_no_image(client, asset, sample):
    recording = upload(client, sample.read_bytes())
    inspect(recording)
    assert problem(ask(client, recording), 422, "no_image")["errors"] == {"input": ["Not an image."]}
    answer = ask(client, asset, operations=[{"op": "overlay", "asset": recording["id"]}])
    assert list(problem(answer, 422, "no_image")["errors"]) == ["operations.0.asset"]


def test_the_documents_name_every_operation(client):
    document = client.get("/openapi.json").json
    schemas = document["components"]["schemas"]
    shown = schemas["Image"]["properties"]["operations"]["items"]["oneOf"]
    kinds = [schemas[item["$ref"].rpartition("/")[2]]["properties"]["op"]["enum"] for item in shown]
    assert ["crop"] in kinds
    assert len(kinds) == 14
