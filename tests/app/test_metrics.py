"""What the API counts, and that nobody can make it count more kinds of things."""

import uuid

import pytest
from prometheus_client import REGISTRY

from core.settings import get_settings
from core.telemetry import metrics


def series(prefix="cutwork_"):
    return {
        (one.name, *sorted(one.labels.items()))
        for family in REGISTRY.collect()
        for one in family.samples
        if one.name.startswith(prefix)
    }


def value(name, **labels):
    return REGISTRY.get_sample_value(name, labels) or 0.0


def test_a_request_counts_under_the_template_of_its_route(client):
    labels = {"method": "GET", "route": "/v1/jobs/<job_id>"}
    before = value("cutwork_http_requests_total", status="404", **labels)
    client.get("/v1/jobs/job_nonsense")
    client.get("/v1/jobs/job_00000000000000000000000000")
    assert value("cutwork_http_requests_total", status="404", **labels) == before + 2
    assert value("cutwork_http_request_seconds_count", **labels) >= 2


def test_what_is_refused_counts_under_its_code(client, monkeypatch):
    monkeypatch.setenv("QUOTA_STORED_BYTES", "1")
    get_settings.cache_clear()
    before = value("cutwork_http_problems_total", code="storage_quota_exceeded")
    assert client.post("/v1/uploads", json={"filename": "a.mp4", "size": 2}).status_code == 403
    assert value("cutwork_http_problems_total", code="storage_quota_exceeded") == before + 1


def test_odd_requests_make_no_series_of_their_own(client):
    def ask(number):
        odd = uuid.uuid4().hex
        client.get(f"/{odd}")
        client.get(
            f"/v1/jobs/job_{odd}?{odd}={number}", headers={"X-Request-ID": odd, "Authorization": f"Bearer {odd}"}
        )
        client.open("/healthz", method=f"M{odd[:12].upper()}")
        client.open(f"/v1/{odd}/{odd}", method="PURGE")
        client.post("/v1/uploads", json={"filename": odd, "size": number + 1})

    # Tests before this one, in this process, have asked for much.
    before = len(series("cutwork_http"))
    ask(0)
    known = series()
    for number in range(1, 40):
        ask(number)
    assert series() == known
    assert len(series("cutwork_http")) - before < 200


def test_codes_are_labels_only_up_to_a_number(monkeypatch):
    monkeypatch.setattr(metrics, "_CODES", set())
    labels = {metrics.code_label(f"code_{number}") for number in range(1000)}
    assert len(labels) == metrics.MOST_CODES + 1
    assert metrics.code_label("code_1") == "code_1"
    assert metrics.code_label("one_more") == metrics.OTHER


@pytest.mark.parametrize("name", [name for name in dir(metrics) if name.isupper() and not name.startswith("_")])
def test_no_label_is_an_id_or_an_account(name):
    labels = getattr(getattr(metrics, name), "_labelnames", ())
    assert set(labels) <= {"method", "route", "status", "stage", "outcome", "code", "event", "kind", "operation"}
