"""Jobs whose input is an address: planned at once, joined to what is known of the bytes once these are there."""

from importlib import import_module

import pytest
from sqlalchemy import select

from core.db import reading
from core.models import Asset, Job
from tasks.probe import probe
from tests.app.conftest import inspect, upload
from tests.core.imports.files import served

fetch = import_module("tasks.import").fetch
KEEP = [{"start": "1", "end": "2"}]


@pytest.fixture(autouse=True)
def allowed(configure):
    configure(OUTGOING_HTTP="true", OUTGOING_ALLOW="127.0.0.1/32")


def edit(client, url, **more):
    answer = client.post("/v1/jobs/edit", json={"input": {"url": url}, "keep": KEEP, "preview": False} | more)
    assert answer.status_code == 202, answer.json
    return answer.json


def row_of(job) -> Job:
    with reading() as session:
        return session.get_one(Job, job["id"])


def test_the_file_becomes_an_asset_and_the_job_goes_on(any_client, sample):
    with served(sample.read_bytes()) as file:
        job = edit(any_client, file.url)
        assert list(job["stages"]) == ["import", "probe", "trim", "publish"]
        fetch.apply(args=(job["id"], 1))
    document = any_client.get(f"/v1/jobs/{job['id']}").json
    told = document["stages"]["import"]["result"]
    asset = any_client.get(f"/v1/assets/{told['asset']}").json
    assert (asset["filename"], asset["size"], asset["sha256"]) == ("talk.mp4", told["size"], told["sha256"])
    assert document["stages"]["probe"]["status"] == "queued"
    probe.apply(args=(job["id"], 1))
    assert any_client.get(f"/v1/jobs/{job['id']}").json["stages"]["probe"]["status"] == "succeeded"
    # The stages are those of an edit of that asset, by digest too.
    usual = any_client.post("/v1/jobs/edit", json={"input": asset["id"], "keep": KEEP, "preview": False}).json
    assert usual["stages"]["probe"]["cached"]
    digests = {stage.name: stage.digest for stage in row_of(job).stages if stage.name != "import"}
    assert digests == {stage.name: stage.digest for stage in row_of(usual).stages}
    assert row_of(job).input_asset_id == asset["id"]


def test_what_is_known_of_the_same_bytes_is_not_made_again(client, sample):
    inspect(upload(client, sample.read_bytes()))
    with served(sample.read_bytes()) as file:
        job = edit(client, file.url)
        fetch.apply(args=(job["id"], 1))
    stages = client.get(f"/v1/jobs/{job['id']}").json["stages"]
    assert (stages["probe"]["status"], stages["probe"]["cached"]) == ("succeeded", True)
    assert stages["trim"]["queued_ms"] is not None


def test_each_import_is_its_own(client, sample):
    """What is behind an address may be another file tomorrow."""
    with served(sample.read_bytes()) as file:
        for _ in range(2):
            fetch.apply(args=(edit(client, file.url)["id"], 1))
    assert len(file.asked) == 2
    with reading() as session:
        assert len(session.scalars(select(Asset.sha256)).all()) == 2


def test_an_image_too(client):
    job = client.post(
        "/v1/jobs/image", json={"input": {"url": "https://example.com/a.png"}, "outputs": [{"name": "a"}]}
    )
    assert list(job.json["stages"]) == ["import", "probe", "image"]


@pytest.mark.parametrize("url", ["http://169.254.169.254/", "https://user:pw@example.com/", "ftp://example.com/a", "x"])
def test_an_address_that_may_not_be_asked_is_refused_at_once(client, url):
    answer = client.post("/v1/jobs/edit", json={"input": {"url": url}, "keep": KEEP})
    assert (answer.status_code, answer.json["code"]) == (422, "url_refused")
    assert list(answer.json["errors"]) == ["input.url"]


@pytest.mark.parametrize("source", [{}, {"url": ""}, {"url": 7}, {"url": "https://example.com/", "and": 1}, 7, None])
def test_what_is_no_input(client, source):
    answer = client.post("/v1/jobs/edit", json={"input": source, "keep": KEEP})
    assert (answer.status_code, answer.json["code"]) == (422, "invalid_request")
    assert list(answer.json["errors"]) == ["input"]


def test_a_dry_run_fetches_nothing(client):
    with served(b"abc") as file:
        body = {"input": {"url": file.url}, "keep": KEEP}
        answer = client.post("/v1/jobs/edit?dry_run=true", json=body)
    assert [stage["stage"] for stage in answer.json["plan"]][:2] == ["import", "probe"]
    assert answer.json["forecast"] is None
    assert file.asked == []


def test_a_file_that_is_not_there_fails_the_job_with_its_reason(client):
    with served(b"abc", statuses=[404]) as file:
        job = edit(client, file.url)
        fetch.apply(args=(job["id"], 1))
    document = client.get(f"/v1/jobs/{job['id']}").json
    error = document["error"]
    assert (document["status"], error["code"], error["stage"]) == ("failed", "url_not_served", "import")
    assert not error["retryable"]
    # What is secret of an address is in its path and query.
    assert "talk.mp4" not in error["message"]
    assert client.post(f"/v1/jobs/{job['id']}/retry", json={}).status_code == 202


def test_where_files_are_judged_first_an_address_is_refused(client, monkeypatch):
    monkeypatch.setattr("pipelines.sources.stamp", lambda _: "rules of a moderator")
    answer = client.post("/v1/jobs/edit", json={"input": {"url": "https://example.com/a.mp4"}, "keep": KEEP})
    assert (answer.status_code, answer.json["code"]) == (422, "url_not_moderated")
