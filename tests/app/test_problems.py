import json

import pytest

from app import create_app
from app.schemas.problem import ProblemSchema
from core.errors import TransientError
from tests.keys import with_key


def problem(answer, status, code):
    """Check that an answer is a problem, whole and true to its schema; return it."""
    assert answer.status_code == status, answer.get_data()
    assert answer.content_type == "application/problem+json"
    document = json.loads(answer.get_data())
    assert not ProblemSchema().validate(document)
    assert document["code"] == code
    assert document["status"] == status
    assert document["request_id"] == answer.headers["X-Request-ID"]
    return document


def test_an_unknown_address(client):
    problem(client.get("/v1/nothing"), 404, "not_found")


def test_a_method_that_is_not_there(client):
    answer = client.put("/v1/jobs")
    problem(answer, 405, "method_not_allowed")
    assert "GET" in answer.headers["Allow"]


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b'{"filename": "a", "size": NaN}',
        b'{"filename": "a", "size": 1e999}',
        b'{"filename": "a\\u0000", "size": 1}',
        b'{"filename": "\\ud800", "size": 1}',
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"size": ' + b"1" * 10_000 + b"}",
        b"[" * 40 + b"]" * 40,
    ],
)
def test_a_body_that_is_no_json(client, body):
    problem(client.post("/v1/uploads", data=body, content_type="application/json"), 400, "bad_request")


def test_a_body_of_another_type(client):
    problem(client.post("/v1/uploads", data=b"a=1", content_type="text/plain"), 415, "unsupported_media_type")
    problem(client.post("/v1/uploads", data={"filename": "a"}), 415, "unsupported_media_type")


def test_a_body_that_is_too_large(client):
    body = json.dumps({"filename": "a" * 2**20, "size": 1})
    problem(client.post("/v1/uploads", data=body, content_type="application/json"), 413, "request_too_large")


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({}, {"filename", "size"}),
        ([], {"request"}),
        ("text", {"request"}),
        ({"filename": "a.mp4", "size": "10"}, {"size"}),
        ({"filename": "a.mp4", "size": 1.5}, {"size"}),
        ({"filename": "a.mp4", "size": True}, {"size"}),
        ({"filename": "a.mp4", "size": -1}, {"size"}),
        ({"filename": 7, "size": 1}, {"filename"}),
        ({"filename": "", "size": 1}, {"filename"}),
        ({"filename": "a" * 256, "size": 1}, {"filename"}),
        ({"filename": "../a.mp4", "size": 1}, {"filename"}),
        ({"filename": "a\\b.mp4", "size": 1}, {"filename"}),
        ({"filename": "..", "size": 1}, {"filename"}),
        ({"filename": "a\nb.mp4", "size": 1}, {"filename"}),
        ({"filename": "a.mp4", "size": 1, "sha256": "abc"}, {"sha256"}),
        ({"filename": "a.mp4", "size": 1, "sha256": "g" * 64}, {"sha256"}),
        ({"filename": "a.mp4", "size": 1, "content_type": "video/mp4\r\nX: y"}, {"content_type"}),
        ({"filename": "a.mp4", "size": 1, "content_type": "video/mp4\n"}, {"content_type"}),
        ({"filename": "a.mp4", "size": 1, "sha256": "0" * 64 + "\n"}, {"sha256"}),
        ({"filename": "a.mp4", "size": 1, "what": 1}, {"what"}),
    ],
)
def test_fields_at_fault_are_named(client, body, fields):
    document = problem(client.post("/v1/uploads", json=body), 422, "invalid_request")
    assert set(document["errors"]) == fields
    assert all(isinstance(text, str) for messages in document["errors"].values() for text in messages)


@pytest.mark.parametrize("given", ["abc-123_X.y", "a" * 64])
def test_a_sane_request_id_is_kept(client, given):
    answer = client.get("/v1/nothing", headers={"X-Request-ID": given})
    assert problem(answer, 404, "not_found")["request_id"] == given


@pytest.mark.parametrize("given", ["", "a b", "a" * 65, "é"])
def test_another_request_id_is_replaced(client, given):
    answer = client.get("/healthz", headers={"X-Request-ID": given})
    assert len(answer.headers["X-Request-ID"]) == 32


def test_an_error_that_nobody_expected_tells_nothing(embedded, caplog):
    app = create_app()
    app.add_url_rule("/broken", "broken", lambda: 1 / 0)
    document = problem(with_key(app).get("/broken"), 500, "internal_error")
    assert "division" not in json.dumps(document)
    assert not document["retryable"]


def test_trouble_that_passes_says_when_to_come_back(embedded):
    def away():
        raise TransientError("storage_unavailable", "The storage did not answer.")

    app = create_app()
    app.add_url_rule("/away", "away", away)
    answer = with_key(app).get("/away")
    assert problem(answer, 503, "storage_unavailable")["retryable"]
    assert int(answer.headers["Retry-After"]) > 0


def test_a_database_that_is_away(configure, client, tmp_path):
    configure(DATABASE_URL="postgresql+psycopg2://127.0.0.1:1/none")
    assert problem(client.get("/v1/jobs"), 503, "database_unavailable")["retryable"]


def test_nothing_is_sniffed(client):
    assert client.get("/healthz").headers["X-Content-Type-Options"] == "nosniff"
