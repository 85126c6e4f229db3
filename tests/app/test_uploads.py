import hashlib

import pytest

from core import accounts, jobs
from core.db import transaction
from core.models import Upload, now
from core.settings import get_settings
from tasks.app import celery_app
from tests.app.conftest import open_upload, put, upload
from tests.app.test_problems import problem
from tests.broker import forget_connections

PART = 5 * 2**20
BODY = bytes(range(256)) * 4096 * 6  # 6 MiB: two parts


@pytest.fixture(autouse=True)
def _small_parts(configure):
    configure(UPLOAD_PART_BYTES=PART)


def stored(storage, upload_id):
    """What lies in storage of an upload."""
    return list(storage.keys(f"assets/{upload_id}"))


def test_a_file_becomes_an_asset(any_client, storage):
    document = open_upload(any_client, BODY, content_type="video/mp4", sha256=hashlib.sha256(BODY).hexdigest().upper())
    assert document["status"] == "open"
    assert document["part_size"] == PART
    assert document["part_count"] == 2
    assert document["asset"] is None
    assert [part["size"] for part in document["parts"]] == [PART, len(BODY) - PART]
    status, headers = put(any_client, document["parts"][0]["url"], BODY[:PART])
    assert status == 200
    assert headers["ETag"]
    parts = any_client.get(f"/v1/uploads/{document['id']}/parts").json["data"]
    assert [part["uploaded"] for part in parts] == [True, False]
    assert parts[0]["url"] is None
    assert put(any_client, parts[1]["url"], BODY[PART:])[0] == 200

    answer = any_client.post(f"/v1/uploads/{document['id']}/complete")
    assert answer.status_code == 201
    asset = answer.json
    assert answer.headers["Location"] == f"/v1/assets/{asset['id']}"
    assert asset["sha256"] == hashlib.sha256(BODY).hexdigest()
    assert asset["size"] == len(BODY)
    assert asset["media"] is None
    again = any_client.post(f"/v1/uploads/{document['id']}/complete", json={})
    assert (again.status_code, again.json) == (200, asset)
    done = any_client.get(f"/v1/uploads/{document['id']}").json
    assert (done["status"], done["asset"]) == ("completed", asset["id"])
    assert "parts" not in done
    [key] = stored(storage, document["id"])
    with storage.open(key) as file:
        assert file.read() == BODY


def test_completing_starts_the_probe(client):
    asset = upload(client, b"no video at all")
    job = jobs.newest_of(accounts.default_account().id, "inspect", asset["id"])
    assert job.dispatched_at is not None


def test_a_broker_that_is_away_does_not_fail_the_complete(configure, client):
    nowhere = "redis://127.0.0.1:1/0"
    configure(BROKER_URL=nowhere)
    celery_app.conf.update(broker_url=nowhere, broker_read_url=nowhere, broker_write_url=nowhere)
    forget_connections()
    asset = upload(client, b"some bytes")
    job = jobs.newest_of(accounts.default_account().id, "inspect", asset["id"])
    assert job.dispatched_at is None


def test_a_part_that_is_missing(any_client):
    document = open_upload(any_client, BODY)
    put(any_client, document["parts"][1]["url"], BODY[PART:])
    answer = any_client.post(f"/v1/uploads/{document['id']}/complete")
    assert "1 of 2" in problem(answer, 409, "part_missing")["detail"]
    # It may still be sent.
    put(any_client, document["parts"][0]["url"], BODY[:PART])
    assert any_client.post(f"/v1/uploads/{document['id']}/complete").status_code == 201


@pytest.mark.parametrize("when", ["create", "complete"])
def test_bytes_of_another_sha256(any_client, storage, when):
    wrong = {"sha256": "0" * 64}
    document = open_upload(any_client, b"abc", **(wrong if when == "create" else {}))
    put(any_client, document["parts"][0]["url"], b"abc")
    answer = any_client.post(f"/v1/uploads/{document['id']}/complete", json=wrong if when == "complete" else {})
    problem(answer, 422, "sha256_mismatch")
    assert stored(storage, document["id"]) == []
    assert any_client.get("/v1/assets").json["data"] == []
    problem(any_client.post(f"/v1/uploads/{document['id']}/complete"), 409, "upload_closed")


def test_a_part_of_another_size(any_client, storage):
    document = open_upload(any_client, b"abcdef")
    status, _ = put(any_client, document["parts"][0]["url"], b"abc")
    answer = any_client.post(f"/v1/uploads/{document['id']}/complete")
    # Where storage lets it in, completing does not.
    problem(answer, *((422, "size_mismatch") if status == 200 else (409, "part_missing")))
    assert stored(storage, document["id"]) == []


def test_an_upload_that_is_aborted(any_client, storage):
    document = open_upload(any_client, b"abc")
    put(any_client, document["parts"][0]["url"], b"abc")
    assert any_client.delete(f"/v1/uploads/{document['id']}").status_code == 204
    assert any_client.get(f"/v1/uploads/{document['id']}").json["status"] == "aborted"
    assert put(any_client, document["parts"][0]["url"], b"abc")[0] in {403, 404}
    problem(any_client.post(f"/v1/uploads/{document['id']}/complete"), 409, "upload_closed")
    problem(any_client.get(f"/v1/uploads/{document['id']}/parts"), 409, "upload_closed")
    assert stored(storage, document["id"]) == []


def test_a_complete_upload_is_not_aborted(client):
    document = open_upload(client, b"abc")
    put(client, document["parts"][0]["url"], b"abc")
    client.post(f"/v1/uploads/{document['id']}/complete")
    problem(client.delete(f"/v1/uploads/{document['id']}"), 409, "upload_closed")


def test_an_upload_that_took_too_long(configure, client):
    configure(UPLOAD_TTL_S=1)
    document = open_upload(client, b"abc")
    with transaction() as session:
        session.get(Upload, document["id"]).expires_at = now()
    problem(client.post(f"/v1/uploads/{document['id']}/complete"), 409, "upload_expired")


def test_declared_sizes(configure, client):
    problem(client.post("/v1/uploads", json={"filename": "a.mp4", "size": 0}), 422, "empty_file")
    most = get_settings().upload_max_bytes
    for size in (most + 1, 2**64):
        problem(client.post("/v1/uploads", json={"filename": "a.mp4", "size": size}), 413, "upload_too_large")


@pytest.mark.parametrize(
    ("given", "stored"),
    [
        ({"filename": "a.mov"}, "video/quicktime"),
        ({"filename": "a.mp4", "content_type": "audio/AMR-WB"}, "audio/amr-wb"),
        ({"filename": "a"}, "application/octet-stream"),
        ({"filename": "a.mp4", "content_type": "Application/X-my_own+xml"}, "application/x-my_own+xml"),
    ],
)
def test_media_types(client, given, stored):
    document = open_upload(client, b"abc", **given)
    assert document["content_type"].lower() == stored
    assert put(client, document["parts"][0]["url"], b"abc")[0] == 200
    asset = client.post(f"/v1/uploads/{document['id']}/complete").json
    url = client.get(f"/v1/assets/{asset['id']}/download").headers["Location"]
    assert client.get(url.removeprefix("http://localhost")).content_type == stored


def test_a_large_file_gets_its_addresses_in_pages(configure, client):
    configure(UPLOAD_MAX_BYTES=2**45)
    answer = client.post("/v1/uploads", json={"filename": "a.mp4", "size": 1500 * PART - 1})
    assert answer.json["part_count"] == 1500
    assert [part["number"] for part in answer.json["parts"]] == list(range(1, 1001))
    parts = f"/v1/uploads/{answer.json['id']}/parts"
    page = client.get(f"{parts}?from=1001").json["data"]
    assert [part["number"] for part in page] == list(range(1001, 1501))
    assert page[-1]["size"] == PART - 1
    assert len(client.get(f"{parts}?from=3&limit=2").json["data"]) == 2
    assert client.get(f"{parts}?from=1501").json["data"] == []
    for query in ("from=0", "limit=0", "limit=1001", "from=x"):
        problem(client.get(f"{parts}?{query}"), 422, "invalid_request")


@pytest.mark.parametrize("upload_id", ["upl_" + "0" * 26, "upl_x", "job_" + "0" * 26, "a%00b"])
def test_an_unknown_upload(client, upload_id):
    for method, path in (("get", ""), ("get", "/parts"), ("post", "/complete"), ("delete", "")):
        answer = client.open(f"/v1/uploads/{upload_id}{path}", method=method)
        problem(answer, 404, "upload_not_found")
