"""Webhooks by HTTP, from the endpoint to a receiver that checks signatures as Standard Webhooks' own library does."""

import json
import time
from datetime import timedelta

import pytest
from sqlalchemy import update
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from app.schemas.webhook import DeliveryWithAttemptsSchema
from core.db import transaction
from core.models import IdempotencyKey, WebhookDelivery, now
from tasks.webhook import webhook
from tests.app.conftest import upload
from tests.core.outgoing.servers import serving

pytestmark = pytest.mark.usefixtures("allowed")


@pytest.fixture
def allowed(configure):
    configure(OUTGOING_HTTP="true", OUTGOING_ALLOW="127.0.0.1/32")


@pytest.fixture
def receiver():
    """A server that keeps what it gets; `answers` are the statuses it gives first, then 204."""
    answers = []

    def answer(handler):
        handler.reply(answers.pop(0) if answers else 204, b"seen")

    with serving(answer) as (port, requests):
        yield f"http://127.0.0.1:{port}/hook", requests, answers


def make_webhook(client, url, **more):
    answer = client.post("/v1/webhooks", json={"url": url} | more)
    assert answer.status_code == 201, answer.json
    return answer.json


def canceled_job(client, **more):
    asset = upload(client, f"not a video {time.time_ns()}".encode())
    job = client.post("/v1/jobs/edit", json={"input": asset["id"], "keep": [{"start": 0}]} | more).json
    assert client.post(f"/v1/jobs/{job['id']}/cancel").status_code == 200
    return job["id"]


def deliver(client, **filters):
    """Do what a worker does with each delivery that is listed, newest first; return their ids."""
    data = client.get("/v1/deliveries", query_string=filters).json["data"]
    for one in data:
        webhook.apply(args=(one["id"],))
    return [one["id"] for one in data]


def test_the_end_of_a_job_is_told_as_get_tells_it(any_client, broker, receiver):
    url, requests, _ = receiver
    made = make_webhook(any_client, url)
    before = broker.llen("webhook")
    job_id = canceled_job(any_client)
    # The cancel has committed, then sent a message.
    assert broker.llen("webhook") == before + 1
    [delivery] = deliver(any_client)
    [request] = requests
    assert Webhook(made["secret"]).verify(request.body, dict(request.headers))
    with pytest.raises(WebhookVerificationError):
        Webhook(made["secret"]).verify(request.body + b" ", dict(request.headers))
    assert json.loads(request.body) == any_client.get(f"/v1/jobs/{job_id}").json
    assert request.headers["webhook-id"] == delivery
    assert request.headers["webhook-event"] == "job.canceled"
    assert request.headers["Content-Type"] == "application/json"
    assert "Authorization" not in request.headers
    document = any_client.get(f"/v1/deliveries/{delivery}").json
    assert (document["status"], document["webhook"], document["job"]) == ("succeeded", made["id"], job_id)
    [attempt] = document["attempts"]
    assert (attempt["number"], attempt["status"], attempt["body"], attempt["error"]) == (1, 204, "", None)
    assert attempt["latency_ms"] >= 0


def test_what_failed_is_tried_again_under_the_same_id(client, receiver):
    url, requests, answers = receiver
    answers += [500, 302]
    make_webhook(client, url)
    canceled_job(client)
    for _ in range(3):
        with transaction() as session:
            session.execute(update(WebhookDelivery).values(next_at=now() - timedelta(seconds=1)))
        [delivery] = deliver(client)
    assert {request.headers["webhook-id"] for request in requests} == {delivery}
    document = client.get(f"/v1/deliveries/{delivery}").json
    assert [attempt["status"] for attempt in document["attempts"]] == [500, 302, 204]
    assert document["attempts"][0]["body"] == "seen"
    again = client.post(f"/v1/deliveries/{delivery}/redeliver")
    assert (again.status_code, again.json["status"]) == (202, "pending")
    deliver(client)
    assert len(requests) == 4
    assert client.get("/v1/deliveries?status=succeeded").json["data"][0]["attempt_count"] == 4


def test_nobody_there_is_an_attempt_with_a_reason(client, configure):
    make_webhook(client, "http://127.0.0.1:1/")
    job_id = canceled_job(client)
    [delivery] = deliver(client, job=job_id)
    [attempt] = client.get(f"/v1/deliveries/{delivery}").json["attempts"]
    assert attempt["status"] is None
    assert "could not be reached" in attempt["error"]
    # Should the rules have become stricter since it was made, nothing is sent.
    configure(OUTGOING_ALLOW="")
    with transaction() as session:
        session.execute(update(WebhookDelivery).values(next_at=now()))
    deliver(client)
    assert "refused" in client.get(f"/v1/deliveries/{delivery}").json["attempts"][1]["error"]


def test_all_secrets_sign_after_rotations(client, receiver):
    url, requests, _ = receiver
    made = make_webhook(client, url)
    rotated = [client.post(f"/v1/webhooks/{made['id']}/rotate").json for _ in range(2)]
    secrets = [one["secret"] for one in (made, *rotated)]
    assert len(set(secrets)) == 3
    assert rotated[-1]["old_secret_until"] is not None
    canceled_job(client)
    deliver(client)
    for secret in secrets:
        Webhook(secret).verify(requests[0].body, dict(requests[0].headers))


def test_what_nothing_signs_is_told_as_the_document_says(client, receiver, configure):
    url, requests, _ = receiver
    make_webhook(client, url)
    canceled_job(client)
    configure(SECRET_KEY="another-0123456789-9876543210")
    with transaction() as session:
        session.execute(update(WebhookDelivery).values(deadline=now()))
    [delivery] = deliver(client)
    found = client.get(f"/v1/deliveries/{delivery}").json
    assert DeliveryWithAttemptsSchema().validate(found) == {}
    assert (found["status"], found["error"], requests) == ("failed", "secret_unreadable", [])
    assert "SECRET_KEY" in found["attempts"][0]["error"]


@pytest.mark.parametrize("which", ["one", "job_urls"])
def test_a_rotation_whose_answer_was_lost_is_not_made_twice(client, which):
    target = make_webhook(client, "https://example.com/hook")["id"] if which == "one" else which
    key = {"Idempotency-Key": "rotate-1"}

    def rotate(**headers):
        return client.post(f"/v1/webhooks/{target}/rotate", headers=headers).json["secret"]

    first = rotate(**key)
    assert rotate(**key) == first
    # The process died between its commit and its answer.
    with transaction() as session:
        session.execute(update(IdempotencyKey).values(status=None, answer=None, claimed_until=now()))
    assert rotate(**key) == first
    acts = [one["action"] for one in client.get("/v1/audit").json["data"]]
    assert acts.count("webhook.secret_rotated") == 1
    assert rotate() != first


def test_a_job_may_name_an_address_of_its_own(client, receiver):
    url, requests, _ = receiver
    asset = upload(client, b"not a video, which nobody looks at here")
    body = {"input": asset["id"], "keep": [{"start": 0}], "webhook_url": url}
    refused = client.post("/v1/jobs/edit", json=body)
    assert (refused.status_code, refused.json["code"]) == (422, "webhook_secret_missing")
    secret = client.post("/v1/webhooks/job_urls/rotate").json["secret"]
    refused = client.post("/v1/jobs/edit", json=body | {"webhook_url": "http://169.254.169.254/"})
    assert (refused.status_code, refused.json["code"]) == (422, "url_refused")
    job_id = canceled_job(client, webhook_url=url)
    [delivery] = deliver(client)
    Webhook(secret).verify(requests[0].body, dict(requests[0].headers))
    assert json.loads(requests[0].body)["id"] == job_id
    assert client.get(f"/v1/deliveries/{delivery}").json["webhook"] is None


def test_a_webhook_is_read_changed_and_deleted(client):
    made = make_webhook(client, "http://127.0.0.1:1/", description="ours", events=["job.failed"])
    path = f"/v1/webhooks/{made['id']}"
    assert made["secret"].startswith("whsec_")
    shown = {name: value for name, value in made.items() if name != "secret"}
    assert client.get(path).json == shown
    assert client.get("/v1/webhooks").json["data"] == [shown]
    changed = client.patch(path, json={"events": ["job.running"], "status": "disabled"}).json
    assert (changed["events"], changed["status"], changed["disabled_reason"]) == (["job.running"], "disabled", "asked")
    assert client.patch(path, json={"status": "enabled"}).json["disabled_at"] is None
    assert client.delete(path).status_code == 204
    assert client.get(path).json["code"] == "webhook_not_found"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"url": "http://10.0.0.1/"}, "url_refused"),
        ({"url": "https://user:pw@example.com/"}, "url_refused"),
        ({"url": "not an address"}, "url_refused"),
        ({"url": ""}, "invalid_request"),
        ({"url": "https://example.com/", "events": []}, "invalid_request"),
        ({"url": "https://example.com/", "events": ["job.exploded"]}, "invalid_request"),
        ({}, "invalid_request"),
    ],
)
def test_what_is_no_webhook_is_refused(client, body, code):
    answer = client.post("/v1/webhooks", json=body)
    assert (answer.status_code, answer.json["code"]) == (422, code)


def test_a_secret_is_made_once_for_a_key(client):
    headers = {"Idempotency-Key": "one"}
    made = client.post("/v1/webhooks", json={"url": "https://example.com/"}, headers=headers).json
    again = client.post("/v1/webhooks", json={"url": "https://example.com/"}, headers=headers)
    assert (again.json, again.headers["Idempotency-Replayed"]) == (made, "true")
    assert len(client.get("/v1/webhooks").json["data"]) == 1
