"""Lists by HTTP: jobs, assets and uploads are narrowed alike."""

import pytest

from tests.app.conftest import open_upload, upload
from tests.app.test_problems import problem

NOTES = {"external_id": "lecture-7", "metadata": {"course": 7, "room": "b 1"}}
LISTS = ("jobs", "assets", "uploads")


@pytest.fixture
def noted(client):
    """One job, asset and upload with notes of the client, and as many without."""
    open_upload(client, b"nothing yet")
    upload(client, b"other bytes")
    asset = upload(client, b"bytes of a recording", **NOTES)
    body = {"input": asset["id"], "keep": [{"start": 1}]}
    client.post("/v1/jobs/edit", json=body)
    client.post("/v1/jobs/edit", json=body | NOTES)
    return asset


def listed(client, name, **query):
    answer = client.get(f"/v1/{name}", query_string=query)
    assert answer.status_code == 200, answer.json
    return answer.json["data"]


@pytest.mark.parametrize("name", LISTS)
def test_a_list_is_narrowed_to_notes_and_times(client, noted, name):
    everything = listed(client, name)
    [found] = listed(client, name, external_id="lecture-7")
    assert found == everything[0] or name == "jobs"
    assert (found["external_id"], found["metadata"]) == ("lecture-7", NOTES["metadata"])
    for query in ({"metadata.course": "7"}, {"metadata.room": "b 1", "metadata.course": 7}):
        assert [one["id"] for one in listed(client, name, **query)] == [found["id"]]
    assert listed(client, name, **{"metadata.course": "8"}) == []
    moment = everything[-1]["created_at"]
    assert len(listed(client, name, created_after=moment)) == len(everything)
    assert listed(client, name, created_before=moment) == []
    assert len(listed(client, name, created_after="2020-01-01T00:00:00")) == len(everything)


def test_jobs_and_uploads_are_narrowed_to_their_status(client, noted):
    assert {job["pipeline"] for job in listed(client, "jobs", pipeline="inspect")} == {"inspect"}
    assert len(listed(client, "jobs", pipeline="edit", status="queued")) == 2
    assert listed(client, "jobs", status="failed") == []
    assert [one["status"] for one in listed(client, "uploads", status="open")] == ["open"]
    assert len(listed(client, "uploads", status="completed")) == 2


def test_uploads_come_in_pages_that_keep_the_filter(client, noted):
    query = {"status": "completed", "limit": 1}
    first = client.get("/v1/uploads", query_string=query).json
    second = client.get("/v1/uploads", query_string=query | {"cursor": first["next"]}).json
    assert second["next"] is None
    assert first["data"][0]["created_at"] >= second["data"][0]["created_at"]
    assert {one["status"] for one in first["data"] + second["data"]} == {"completed"}


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"created_after": "yesterday"}, "created_after"),
        ({"created_before": "0001-01-01T00:00:00+14:00"}, "created_before"),
        ({"external_id": ""}, "external_id"),
        ({"external_id": "a" * 201}, "external_id"),
        ({"metadata.": "7"}, "metadata.key"),
        ({"metadata." + "a" * 65: "7"}, "metadata.key"),
        ({f"metadata.{n}": "7" for n in range(6)}, "metadata.key"),
        ({"statuss": "queued"}, "statuss"),
        ({"status": "done"}, "status"),
    ],
)
@pytest.mark.parametrize("name", LISTS)
def test_a_filter_that_makes_no_sense_is_refused(client, name, query, field):
    answer = client.get(f"/v1/{name}", query_string=query)
    assert set(problem(answer, 422, "invalid_request")["errors"]) == {field}


def test_text_that_cannot_be_stored_is_refused(client):
    for query in ("external_id=a%00", "metadata.a%00=1"):
        problem(client.get(f"/v1/jobs?{query}"), 400, "bad_request")


@pytest.mark.parametrize("given", [{"external_id": ""}, {"external_id": "a" * 201}, {"metadata": {"a" * 65: 1}}])
def test_notes_are_bounded(client, given):
    answer = client.post("/v1/uploads", json={"filename": "a.mp4", "size": 1} | given)
    assert next(iter(problem(answer, 422, "invalid_request")["errors"])).startswith(next(iter(given)))
