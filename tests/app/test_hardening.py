"""Headers, CORS, and what a run of the served API leaves in its logs."""

import re

import httpx
import pytest

from app import create_app
from core.settings import get_settings
from tests.app.served import serve
from tests.app.test_problems import problem
from tests.keys import HEADERS, KEY, SECRET, with_key

ORIGIN = "https://app.example"


@pytest.mark.parametrize("path", ["/v1/jobs", "/v1/nothing", "/healthz", "/openapi.json"])
def test_answers_are_data_and_nothing_else(client, path):
    headers = client.get(path).headers
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert headers["Cache-Control"] == "no-store"
    assert "Strict-Transport-Security" not in headers


def test_https_is_for_good(embedded, configure):
    configure(PUBLIC_URL="https://cutwork.example", SECRET_KEY=SECRET)
    assert "max-age=31536000" in create_app().test_client().get("/healthz").headers["Strict-Transport-Security"]


def test_no_page_of_another_origin_may_ask(client):
    answer = client.get("/v1/jobs", headers={"Origin": ORIGIN})
    assert not [name for name, _ in answer.headers if name.startswith("Access-Control")]


def test_origins_that_are_named_may_ask(embedded, configure):
    configure(CORS_ORIGINS=f"https://other.example, {ORIGIN}")
    client = with_key(create_app())
    asked = {"Origin": ORIGIN, "Access-Control-Request-Method": "POST"}
    asked["Access-Control-Request-Headers"] = "authorization, content-type, idempotency-key"
    allowed = create_app().test_client().options("/v1/jobs/edit", headers=asked)
    assert allowed.status_code == 200
    assert allowed.headers["Access-Control-Allow-Origin"] == ORIGIN
    assert {"authorization", "idempotency-key"} <= set(
        re.split(r",\s*", allowed.headers["Access-Control-Allow-Headers"].lower())
    )
    answer = client.get("/v1/nothing", headers={"Origin": ORIGIN})
    problem(answer, 404, "not_found")
    assert answer.headers["Access-Control-Allow-Origin"] == ORIGIN
    assert "Retry-After" in answer.headers["Access-Control-Expose-Headers"]
    assert "Access-Control-Allow-Credentials" not in answer.headers
    for stranger in ("https://evil.example", "null", "https://app.example.evil.example"):
        assert "Access-Control-Allow-Origin" not in client.get("/v1/jobs", headers={"Origin": stranger}).headers


def test_logs_of_a_run_hold_no_secret(embedded, tmp_path):
    """Good requests and bad ones, with tokens, signed addresses and e-mail addresses wherever one may put them."""
    wrong, mail = "cw_wrong000_" + "f" * 48, "somebody@example.com"
    with serve(tmp_path, LOG_JSON="true", PUBLIC_URL="http://localhost") as url:
        client = httpx.Client(base_url=url, headers=HEADERS)
        body = {"filename": f"{mail}.mp4", "size": 3, "metadata": {"mail": mail}, "external_id": mail}
        upload = client.post("/v1/uploads", json=body).json()
        signed = upload["parts"][0]["url"].removeprefix("http://localhost")
        token = signed.removeprefix("/v1/storage/")
        assert client.put(signed, content=b"abc").is_success
        assert client.put(signed + "x", content=b"abc").status_code == 403
        assert client.post(f"/v1/uploads/{upload['id']}/complete").is_success
        assert client.get("/v1/jobs", params={"external_id": mail}).is_success
        assert client.get(f"/v1/{mail}").status_code == 404
        assert client.get("/v1/jobs", headers={"Authorization": f"Bearer {wrong}"}).status_code == 401
        assert client.get("/v1/jobs", headers={"Authorization": f"Basic {mail}:{wrong}"}).status_code == 401
        assert client.post("/v1/uploads", content=f'{{"password": "{SECRET}"').status_code in (400, 415)
        assert client.get("/v1/jobs", params={"cursor": token[:400]}).status_code == 422
        client.get("/v1/jobs", headers={"X-Request-ID": "seen-in-the-log"})
    said = (tmp_path / "gunicorn.log").read_text()
    assert "seen-in-the-log" in said
    for secret in (KEY, KEY[12:], wrong, token, token[:60], SECRET, mail, get_settings().signing_secret):
        assert secret not in said, said
