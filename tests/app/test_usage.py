from fractions import Fraction

import pytest

from core import accounts, jobs
from core.db import transaction
from core.models import Artifact, Job
from tests.app.conftest import inspect, open_upload, upload
from tests.app.test_problems import problem

KEEP = [{"start": "1", "end": "2.5"}]


def used(client):
    return client.get("/v1/usage").json


def test_usage_adds_up_from_rows(client, sample):
    body = sample.read_bytes()
    assert used(client)["stored_bytes"] == {"used": 0, "limit": None}
    asset = upload(client, body)
    waiting = open_upload(client, b"not sent yet")
    assert used(client)["stored_bytes"]["used"] == len(body) + len(b"not sent yet")
    client.delete(f"/v1/uploads/{waiting['id']}")
    inspect(asset)
    edit = {"input": asset["id"], "keep": [{"start": "1", "end": "2.5"}, {"start": 2}]}
    job = client.post("/v1/jobs/edit", json=edit).json
    # A recording of four seconds: one and a half, and the last two.
    document = used(client)
    assert (document["minutes"]["used"], document["jobs"]["used"]) == ("0.06", 1)
    assert document["minutes"]["since"] < job["created_at"] < document["minutes"]["until"]
    client.post(f"/v1/jobs/{job['id']}/cancel")
    assert (used(client)["minutes"]["used"], used(client)["jobs"]["used"]) == ("0.00", 0)
    client.delete(f"/v1/assets/{asset['id']}")
    assert used(client)["stored_bytes"]["used"] == 0


@pytest.fixture
def made(client, sample):
    """An edit whose trim has been made before, and the asset it starts from."""
    asset = upload(client, sample.read_bytes())
    inspect(asset)
    body = {"input": asset["id"], "keep": KEEP, "preview": False}
    job = client.post("/v1/jobs/edit", json=body).json
    [trim] = [stage for stage in jobs.get(accounts.default_account().id, job["id"]).stages if stage.name == "trim"]
    with transaction() as session:
        account_id = accounts.default_account().id
        facts = {"duration": "1.5"}
        session.add(
            Artifact(digest=trim.digest, account_id=account_id, stage="trim", version=1, files={}, result=facts)
        )
    client.post(f"/v1/jobs/{job['id']}/cancel")
    return body


def test_what_comes_from_cache_is_free(client, made, configure):
    configure(QUOTA_MINUTES=1)
    job = client.post("/v1/jobs/edit", json=made).json
    assert used(client)["minutes"]["used"] == "0.00"
    with transaction() as session:
        assert session.get(Job, job["id"]).media_ms == 0


def test_what_was_made_counts_and_not_what_was_foretold(client, made):
    """Until a job has ended its length is foretold; to an open end of an unknown recording it cannot be."""
    from core.models import now

    job = client.post("/v1/jobs/edit", json=made).json
    with transaction() as session:
        row = session.get(Job, job["id"])
        for stage in row.stages:
            stage.status, stage.progress = "succeeded", 1.0
            if stage.name == "trim":
                stage.cached, stage.result = False, {"duration": str(Fraction(3, 2))}
        row.status = "running"
        jobs.settle(row, now())
        assert (row.status, row.media_ms) == ("succeeded", 1500)


def test_bytes_past_the_quota_are_refused(client, configure, storage):
    configure(QUOTA_STORED_BYTES=10)
    asset = upload(client, b"12345678")
    answer = client.post("/v1/uploads", json={"filename": "a.mp4", "size": 3})
    problem(answer, 403, "storage_quota_exceeded")
    assert used(client)["stored_bytes"] == {"used": 8, "limit": 10}
    # What was begun in the storage for it is gone.
    assert list(storage.uploads("assets/")) == []
    open_upload(client, b"12")
    problem(client.post("/v1/uploads", json={"filename": "a.mp4", "size": 1}), 403, "storage_quota_exceeded")
    for job in client.get("/v1/jobs").json["data"]:
        client.post(f"/v1/jobs/{job['id']}/cancel")
    client.delete(f"/v1/assets/{asset['id']}")
    open_upload(client, b"123")


def test_minutes_and_jobs_past_the_quota_are_refused(client, configure):
    configure(QUOTA_MINUTES=1, QUOTA_JOBS=2)
    asset = upload(client, b"bytes of a recording")

    def edit(end):
        return client.post("/v1/jobs/edit", json={"input": asset["id"], "keep": [{"start": 0, "end": end}]})

    assert edit(45).status_code == 202
    problem(edit(30), 403, "minutes_quota_exceeded")
    last = edit(15).json
    refused = edit(0.5)
    assert problem(refused, 429, "too_many_jobs")["retryable"]
    assert int(refused.headers["Retry-After"]) > 0
    client.post(f"/v1/jobs/{last['id']}/cancel")
    again = edit(14).json
    problem(client.post(f"/v1/jobs/{last['id']}/retry"), 429, "too_many_jobs")
    client.post(f"/v1/jobs/{again['id']}/cancel")
    assert client.post(f"/v1/jobs/{last['id']}/retry").status_code == 202
