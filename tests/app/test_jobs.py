from datetime import datetime

import pytest

from app.schemas.job import JobSchema, OutputSchema, StageSchema
from core import accounts, jobs
from tasks.probe import probe
from tests.app.conftest import inspect, upload
from tests.app.test_problems import problem

KEEP = [{"start": "1", "end": "2.5"}]


@pytest.fixture
def asset(client):
    return upload(client, b"bytes of a recording")


@pytest.fixture
def known(client, sample):
    """A recording of four seconds whose facts are known."""
    asset = upload(client, sample.read_bytes())
    inspect(asset)
    return asset


def edit(client, asset, **body):
    return client.post("/v1/jobs/edit", json={"input": asset["id"], "keep": KEEP} | body)


def test_a_job_is_started(client, asset):
    answer = edit(client, asset, metadata={"course": 7})
    assert answer.status_code == 202
    job = answer.json
    assert answer.headers["Location"] == f"/v1/jobs/{job['id']}"
    assert (job["pipeline"], job["status"], job["progress"]) == ("edit", "queued", 0)
    assert list(job["stages"]) == ["probe", "trim", "seams", "proxy", "preview", "publish"]
    assert job["outputs"] == job["warnings"] == []
    assert job["error"] is None
    assert job["metadata"] == {"course": 7}
    assert datetime.fromisoformat(job["created_at"]).tzinfo
    assert jobs.get(accounts.default_account().id, job["id"]).dispatched_at is not None
    shown = client.get(answer.headers["Location"]).json
    assert {**shown, "stages": None} == {**job, "stages": None}
    assert client.get("/v1/jobs").json["data"][0]["id"] == job["id"]


def test_the_rest_waits_in_the_database(client, asset, configure):
    configure(MAX_RUNNING_JOBS=1)
    made = [edit(client, asset, keep=[{"start": n}], priority=word).json for n, word in enumerate(("low", "high"))]
    assert [job["priority"] for job in made] == ["low", "high"]
    rows = [jobs.get(accounts.default_account().id, job["id"]) for job in made]
    assert [row.dispatched_at is not None for row in rows] == [True, False]
    assert client.post(f"/v1/jobs/{made[0]['id']}/cancel").status_code == 200
    assert jobs.get(rows[1].account_id, rows[1].id).dispatched_at is not None


def test_the_document_keeps_every_field(client, asset):
    from core.job_document import document

    job = edit(client, asset).json
    row = jobs.get(accounts.default_account().id, job["id"])
    whole = document(row, None)
    assert set(whole) == set(JobSchema().fields) == set(job)
    assert set(whole["stages"]["trim"]) == set(StageSchema().fields)


def test_outputs_are_served(client, known):
    """A job whose every stage was done before ends at once, with addresses of its files."""
    row = jobs.newest_of(accounts.default_account().id, "inspect", known["id"])
    probe = row.stages[0]
    from core.db import transaction
    from core.models import Job

    with transaction() as session:
        stage = session.get(Job, row.id).stages[0]
        assert stage.digest == probe.digest
        stage.outputs = {"keyframes": {"file": "keyframes.json", "suffix": "-keyframes"}}
    job = client.get(f"/v1/jobs/{row.id}").json
    [output] = job["outputs"]
    assert set(output) == set(OutputSchema().fields)
    assert output["filename"] == "lecture-keyframes.json"
    body = client.get(output["url"].removeprefix("http://localhost"))
    assert body.status_code == 200
    assert len(body.data) == output["size"]


def test_a_dry_run_starts_nothing(client, known):
    body = {"input": known["id"], "keep": KEEP, "preview": False, "hls": True}
    answer = client.post("/v1/jobs/edit?dry_run=true", json=body)
    assert answer.status_code == 200
    document = answer.json
    forecast = document.pop("forecast")
    assert (forecast["mode"], forecast["frames"], forecast["ranges"]) == ("smart", 15, [{"start": "1", "end": "2.5"}])
    assert document == {
        "pipeline": "edit",
        "plan": [
            {"stage": "probe", "queue": "probe", "cached": True, "after": []},
            {"stage": "trim", "queue": "trim", "cached": False, "after": ["probe"]},
            {"stage": "publish", "queue": "publish", "cached": False, "after": ["trim"]},
            {"stage": "hls", "queue": "hls", "cached": False, "after": ["publish"]},
        ],
    }
    assert [job["pipeline"] for job in client.get("/v1/jobs").json["data"]] == ["inspect"]
    problem(
        client.post("/v1/jobs/edit?dry_run=maybe", json={"input": known["id"], "keep": KEEP}), 422, "invalid_request"
    )


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({"keep": []}, {"keep"}),
        ({"keep": "15:00-45:00"}, {"keep"}),
        ({"keep": [{"start": "5", "end": "5"}]}, {"keep.0.end"}),
        ({"keep": [{"start": "1:00", "end": "59"}]}, {"keep.0.end"}),
        ({"keep": [{"start": "0", "end": "1"}, {"start": "x"}]}, {"keep.1.start"}),
        ({"keep": [{"start": -1}]}, {"keep.0.start"}),
        ({"keep": KEEP, "input": "ast_x"}, {"input"}),
        ({"keep": KEEP, "input": None}, {"input"}),
        ({"keep": KEEP, "brand": {}}, {"brand"}),
        ({"keep": KEEP, "brand": {"intro": {}}}, {"brand.intro"}),
        (
            {"keep": KEEP, "brand": {"watermark": {"asset": "ast_" + "0" * 26, "opacity": 2}}},
            {"brand.watermark.opacity"},
        ),
        ({"keep": KEEP, "preview": {"height": "360"}}, {"preview.height"}),
        ({"keep": KEEP, "hls": {"ladder": [360, 99]}}, {"hls.ladder.1"}),
        ({"keep": KEEP, "hls": {"ladders": [360]}}, {"hls.ladders"}),
        ({"keep": KEEP, "filename": ""}, {"filename"}),
        ({"keep": KEEP, "metadata": []}, {"metadata"}),
        ({"keep": KEEP, "priority": "urgent"}, {"priority"}),
        ({"keep": KEEP, "speed": 2}, {"speed"}),
    ],
)
def test_requests_that_make_no_sense(client, asset, body, fields):
    answer = client.post("/v1/jobs/edit", json={"input": asset["id"]} | body)
    assert set(problem(answer, 422, "invalid_request")["errors"]) == fields
    assert [job["pipeline"] for job in client.get("/v1/jobs").json["data"]] == ["inspect"]


def test_a_range_past_the_end(client, known):
    answer = edit(client, known, keep=[*KEEP, {"start": "3", "end": "60"}])
    document = problem(answer, 422, "range_past_end")
    assert list(document["errors"]) == ["keep.1"]


def test_an_asset_that_is_not_there(client, asset):
    unknown = "ast_" + "0" * 26
    problem(client.post("/v1/jobs/edit", json={"input": unknown, "keep": KEEP}), 404, "asset_not_found")
    problem(edit(client, asset, brand={"intro": {"asset": unknown}}), 404, "asset_not_found")


@pytest.mark.parametrize("job_id", ["job_" + "0" * 26, "job_x", "a%00b", "upl_" + "0" * 26])
def test_an_unknown_job(client, job_id):
    for method, path in (("get", ""), ("post", "/cancel"), ("post", "/retry")):
        problem(client.open(f"/v1/jobs/{job_id}{path}", method=method), 404, "job_not_found")


def test_a_job_is_canceled_once(client, asset):
    job = edit(client, asset).json
    answer = client.post(f"/v1/jobs/{job['id']}/cancel")
    assert answer.status_code == 200
    assert answer.json["status"] == "canceled"
    assert {stage["status"] for stage in answer.json["stages"].values()} == {"canceled"}
    problem(client.post(f"/v1/jobs/{job['id']}/cancel"), 409, "job_ended")


def test_a_job_that_ended_badly_is_retried(client, asset):
    job = edit(client, asset).json
    path = f"/v1/jobs/{job['id']}"
    problem(client.post(f"{path}/retry"), 409, "job_running")
    client.post(f"{path}/cancel")
    assert list(problem(client.post(f"{path}/retry", json={"from": "segment"}), 422, "unknown_stage")["errors"]) == [
        "from"
    ]
    problem(client.post(f"{path}/retry", json={"from": 7}), 422, "invalid_request")
    problem(client.post(f"{path}/retry", json={"stage": "trim"}), 422, "invalid_request")
    answer = client.post(f"{path}/retry", json={"from": "trim"})
    assert answer.status_code == 202
    assert (answer.json["status"], answer.json["queue_position"], answer.json["error"]) == ("queued", 2, None)
    probe.apply(args=(job["id"], 3, "probe"))
    failed = client.get(path).json
    assert (failed["status"], failed["error"]["stage"]) == ("failed", "probe")
    for body in ({}, {"json": {}}, {"json": {"from": None}}):
        retried = client.post(f"{path}/retry", **body)
        assert (retried.status_code, retried.json["status"]) == (202, "queued")
        assert retried.json["stages"]["probe"]["attempt"] == 0
        client.post(f"{path}/cancel")
    assert client.delete(f"/v1/assets/{asset['id']}").status_code == 409
    for document in client.get("/v1/jobs").json["data"]:
        if document["status"] == "queued":
            client.post(f"/v1/jobs/{document['id']}/cancel")
    assert client.delete(f"/v1/assets/{asset['id']}").status_code == 204
    problem(client.post(f"{path}/retry"), 404, "asset_not_found")


def test_a_job_that_succeeded_has_nothing_to_retry(client, known):
    row = jobs.newest_of(accounts.default_account().id, "inspect", known["id"])
    problem(client.post(f"/v1/jobs/{row.id}/retry", json={"from": "probe"}), 409, "job_succeeded")


def test_an_asset_in_use_stays(client, asset):
    job = edit(client, asset).json
    problem(client.delete(f"/v1/assets/{asset['id']}"), 409, "asset_in_use")
    for document in client.get("/v1/jobs").json["data"]:
        client.post(f"/v1/jobs/{document['id']}/cancel")
    assert client.delete(f"/v1/assets/{asset['id']}").status_code == 204
    problem(edit(client, asset), 404, "asset_not_found")
    assert client.get(f"/v1/jobs/{job['id']}").json["status"] == "canceled"


def test_jobs_are_listed_in_pages(client, asset):
    made = [edit(client, asset, keep=[{"start": str(n)}]).json["id"] for n in range(4)]
    [first] = [job["id"] for job in client.get("/v1/jobs?limit=100").json["data"] if job["pipeline"] == "inspect"]
    seen, cursor, pages = [], "", 0
    while cursor is not None:
        answer = client.get(f"/v1/jobs?limit=2{cursor and '&cursor=' + cursor}").json
        seen += [job["id"] for job in answer["data"]]
        cursor = answer["next"]
        pages += 1
    assert seen == [*reversed(made), first]
    assert pages == 3


def test_cursors_that_are_not_ours(client, asset):
    edit(client, asset)
    cursor = client.get("/v1/jobs?limit=1").json["next"]
    assert client.get(f"/v1/jobs?cursor={cursor}").status_code == 200
    problem(client.get(f"/v1/jobs?cursor={cursor}x"), 422, "invalid_cursor")
    problem(client.get("/v1/jobs?cursor=abc"), 422, "invalid_cursor")
    problem(client.get(f"/v1/assets?cursor=job_{cursor}"), 422, "invalid_cursor")
    for limit in ("0", "101", "x"):
        problem(client.get(f"/v1/jobs?limit={limit}"), 422, "invalid_request")
