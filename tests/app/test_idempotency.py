"""Idempotency-Key: one result for one key, whoever asks at once, and whatever dies."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import select, update

from app import create_app
from core.db import reading, transaction
from core.housekeeping import idempotency as sweeping
from core.models import IdempotencyKey, Job, Upload, now
from tests.app.conftest import upload
from tests.keys import with_key

KEY = {"Idempotency-Key": "order-17"}
EDIT = "/v1/jobs/edit"


def count(kind):
    with reading() as session:
        return len(session.scalars(select(kind)).all())


def edits():
    with reading() as session:
        return session.scalars(select(Job.id).where(Job.pipeline == "edit")).all()


@pytest.fixture
def body(any_client, request):
    asset = upload(any_client, b"not a video, which nobody looks at here")
    return {"input": asset["id"], "keep": [{"start": 0, "end": 1}]}


def test_a_repeated_request_gets_the_answer_that_the_first_one_got(any_client, body):
    first = any_client.post(EDIT, json=body, headers=KEY)
    again = any_client.post(EDIT, json=dict(reversed(body.items())), headers=KEY)
    assert (first.status_code, again.status_code) == (202, 202)
    assert "Idempotency-Replayed" not in first.headers
    assert again.headers["Idempotency-Replayed"] == "true"
    assert (again.json, again.headers["Location"]) == (first.json, first.headers["Location"])
    assert again.headers["X-Request-ID"] != first.headers["X-Request-ID"]
    assert edits() == [first.json["id"]]
    # Another key, and none, make another.
    any_client.post(EDIT, json=body, headers={"Idempotency-Key": "order-18"})
    any_client.post(EDIT, json=body)
    assert len(edits()) == 3
    # What was answered, addresses among it, is not there to be read.
    with reading() as session:
        row = session.scalars(select(IdempotencyKey).where(IdempotencyKey.key == "order-17")).one()
    assert first.json["id"].encode() not in row.answer


def test_another_request_with_the_key_is_refused(any_client, body):
    any_client.post(EDIT, json=body, headers=KEY)
    for path, other in (
        (EDIT, body | {"mode": "exact"}),
        (f"{EDIT}?dry_run=true", body),
        ("/v1/uploads", {"filename": "a.mp4", "size": 10}),
    ):
        answer = any_client.post(path, json=other, headers=KEY)
        assert (answer.status_code, answer.json["code"]) == (422, "idempotency_mismatch")
    assert len(edits()) == 1


@pytest.mark.parametrize("key", ["", " ", "a" * 256, "ключ".encode().decode("latin-1")])
def test_a_key_that_is_none_is_refused(client, key):
    answer = client.post("/v1/uploads", json={"filename": "a.mp4", "size": 10}, headers={"Idempotency-Key": key})
    assert (answer.status_code, answer.json["code"]) == (422, "invalid_idempotency_key")
    assert count(Upload) == 0


def test_what_failed_may_be_asked_again_with_its_key(client):
    refused = client.post("/v1/uploads", json={"filename": "a.mp4", "size": 0}, headers=KEY)
    assert refused.status_code == 422
    assert client.post("/v1/uploads", json={"filename": "a.mp4", "size": 9}, headers=KEY).status_code == 201


def test_twins_get_one_job(any_client, body):
    application = any_client.application

    def ask(_):
        return with_key(application).post(EDIT, json=body, headers=KEY)

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(ask, range(8)))
    done = [answer.json["id"] for answer in answers if answer.status_code == 202]
    early = [answer for answer in answers if answer.status_code == 409]
    assert len(done) + len(early) == 8
    assert {*done, ask(0).json["id"]} == set(edits())
    assert len(edits()) == 1
    for answer in early:
        assert (answer.json["code"], answer.json["retryable"]) == ("idempotency_in_progress", True)
        assert answer.headers["Retry-After"] == "1"


DIES = """
import os, signal, sys
from app import create_app
from tests.keys import with_key
from core import admission, idempotency
where = {"before": (admission, "ask"), "after": (idempotency, "keep")}[sys.argv[1]]
setattr(*where, lambda *_, **__: os.kill(os.getpid(), signal.SIGKILL))
key = {"Idempotency-Key": "order-17"}
with_key(create_app()).post(sys.argv[2], data=sys.argv[3], content_type="application/json", headers=key)
"""


@pytest.mark.parametrize(("moment", "made"), [("before", 0), ("after", 1)])
def test_a_killed_process_blocks_no_key_and_makes_no_second_job(servers, moment, made):
    """Killed before the commit nothing was made; killed between the commit and the answer, it is there to be told."""
    client = with_key(create_app())
    asset = upload(client, b"not a video, which nobody looks at here")
    body = f'{{"input": "{asset["id"]}", "keep": [{{"start": 0, "end": 1}}]}}'
    died = subprocess.run([sys.executable, "-c", DIES, moment, EDIT, body], check=False, timeout=60)
    assert died.returncode == -9
    assert len(edits()) == made

    def ask():
        return client.post(EDIT, data=body, content_type="application/json", headers=KEY)

    assert ask().json["code"] == "idempotency_in_progress"
    with transaction() as session:
        session.execute(update(IdempotencyKey).values(claimed_until=now() - timedelta(seconds=1)))
    answer = ask()
    assert answer.status_code == 202
    assert edits() == [answer.json["id"]]
    assert ask().headers["Idempotency-Replayed"] == "true"


def test_who_lost_the_key_makes_nothing(client, monkeypatch):
    """A process that was frozen for longer than its claim wakes up beside the one that took the key over."""
    from core import uploads

    create = uploads.create

    def late(*args, **kwargs):
        with transaction() as session:
            session.execute(update(IdempotencyKey).values(claim="another"))
        return create(*args, **kwargs)

    monkeypatch.setattr(uploads, "create", late)
    answer = client.post("/v1/uploads", json={"filename": "a.mp4", "size": 9}, headers=KEY)
    assert (answer.status_code, answer.json["code"]) == (409, "idempotency_in_progress")
    assert count(Upload) == 0


def test_a_key_lasts_a_day(client):
    asked = {"path": "/v1/uploads", "json": {"filename": "a.mp4", "size": 9}, "headers": KEY}
    first = client.post(**asked)
    with transaction() as session:
        session.execute(update(IdempotencyKey).values(expires_at=now() + timedelta(minutes=1)))
    assert list(sweeping.sweep()) == []
    with transaction() as session:
        session.execute(update(IdempotencyKey).values(expires_at=now() - timedelta(minutes=1)))
    # It counts no more, even before it is swept.
    second = client.post(**asked)
    assert second.json["id"] != first.json["id"]
    with transaction() as session:
        session.execute(update(IdempotencyKey).values(expires_at=now() - timedelta(minutes=1)))
    assert len(list(sweeping.sweep(dry_run=True))) == count(IdempotencyKey) == 1
    assert len(list(sweeping.sweep())) == 1
    assert count(IdempotencyKey) == 0


def test_another_secret_key_makes_nothing_twice(any_client, body, configure):
    """The answer that was kept cannot be read any more; what it told of is there."""
    first = any_client.post(EDIT, json=body, headers=KEY)
    configure(SECRET_KEY="another-0123456789-9876543210")
    again = any_client.post(EDIT, json=body, headers=KEY)
    assert (again.status_code, again.json["id"]) == (202, first.json["id"])
    assert "Idempotency-Replayed" not in again.headers
    assert any_client.post(EDIT, json=body, headers=KEY).headers["Idempotency-Replayed"] == "true"
    assert edits() == [first.json["id"]]
    other = any_client.post(EDIT, json=body | {"mode": "exact"}, headers=KEY)
    assert (other.status_code, other.json["code"]) == (422, "idempotency_mismatch")


@pytest.mark.parametrize("used", [False, True])
def test_another_secret_key_takes_no_api_key_that_is_used(client, configure, used):
    """A key that nobody can have seen is void once its request comes again; one that was used has reached somebody."""
    asked = {"path": "/v1/keys", "json": {"name": "ci", "scopes": ["jobs:read"]}, "headers": KEY}
    first, ask = client.post(**asked).json, {"headers": {}}
    ask["headers"]["Authorization"] = f"Bearer {first['key']}"
    if used:
        assert client.get("/v1/jobs", **ask).status_code == 200
    configure(SECRET_KEY="another-0123456789-9876543210")
    second = client.post(**asked)
    assert second.status_code == 201
    assert second.json["key"] != first["key"]
    assert client.get("/v1/jobs", **ask).status_code == (200 if used else 401)


@pytest.mark.parametrize("path", ["/v1/webhooks", "/v1/uploads", "/v1/invitations", "/v1/brand-kits"])
def test_another_secret_key_is_no_error_anywhere(client, configure, path):
    bodies = {
        "/v1/webhooks": {"url": "https://example.com/hook"},
        "/v1/uploads": {"filename": "a.mp4", "size": 9},
        "/v1/invitations": {"email": "bob@example.org", "role": "member"},
        "/v1/brand-kits": {"name": "ours", "intro": {"title": "Hello"}},
    }
    first = client.post(path, json=bodies[path], headers=KEY)
    configure(SECRET_KEY="another-0123456789-9876543210")
    again = client.post(path, json=bodies[path], headers=KEY)
    assert (first.status_code, again.status_code) == (201, 201)


def test_every_operation_that_creates_takes_a_key(client):
    """Public ones have no account to keep a key for; the others named here are repeated without harm as they are."""
    document = client.get("/openapi.json").json
    creating = {
        entry["post"]["operationId"]: [one.get("name") for one in entry["post"].get("parameters", [])]
        for path, entry in document["paths"].items()
        if "post" in entry and entry["post"]["security"] and {"201", "202"} & set(entry["post"]["responses"])
    }
    harmless = {"complete_upload", "retry_job", "redeliver_delivery", "create_job_ticket"}
    assert {name for name, parameters in creating.items() if "Idempotency-Key" not in parameters} <= harmless
