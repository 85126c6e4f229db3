"""Jobs on files that a moderator does not let through."""

import hashlib

import pytest

from app import create_app
from core import accounts, jobs
from pipelines import delivery
from tasks.image import image
from tasks.moderate import moderate
from tasks.probe import probe
from tests.app.conftest import upload
from tests.app.test_image_jobs import OUTPUTS, png
from tests.keys import with_key


@pytest.fixture
def hashes(tmp_path):
    path = tmp_path / "hashes"
    path.write_text("")
    return path


@pytest.fixture
def client(embedded, configure, hashes):
    configure(MODERATION="rules", MODERATION_HASHES=hashes)
    return with_key(create_app())


def start(client, asset, **body):
    answer = client.post("/v1/jobs/image", json={"input": asset["id"], "outputs": OUTPUTS} | body)
    assert answer.status_code == 202, answer.json
    return answer.json


def work(job):
    row = jobs.get(accounts.default_account().id, job["id"])
    for stage in (probe, moderate, image):
        stage.apply(args=(row.id, row.epoch))
    return row.id


def test_what_is_let_through_is_worked_on(client):
    job = start(client, upload(client, png()))
    assert list(job["stages"]) == ["probe", "moderate", "image"]
    done = client.get(f"/v1/jobs/{work(job)}").json
    assert (done["status"], done["stages"]["moderate"]["result"]["moderator"]) == ("succeeded", "rules")


def test_what_is_blocked_is_not_published(client, hashes):
    asset = upload(client, png())
    hashes.write_text(hashlib.sha256(png()).hexdigest())
    done = client.get(f"/v1/jobs/{work(start(client, asset))}").json
    assert (done["status"], done["error"]["code"], done["outputs"]) == ("failed", "asset_blocked", [])
    assert done["error"]["stage"] == "moderate"
    assert not done["error"]["retryable"]


def test_every_file_that_a_job_reads_is_judged(client, hashes):
    asset, mark = upload(client, png("red")), upload(client, png("blue"), filename="mark.png")
    hashes.write_text(hashlib.sha256(png("blue")).hexdigest())
    job = start(client, asset, operations=[{"op": "overlay", "asset": mark["id"]}])
    error = client.get(f"/v1/jobs/{work(job)}").json["error"]
    assert (error["code"], "mark.png" in error["message"]) == ("asset_blocked", True)


def test_what_was_let_through_is_judged_again_by_new_rules(client, hashes):
    asset = upload(client, png())
    work(start(client, asset))
    assert start(client, asset)["stages"]["moderate"]["cached"]
    hashes.write_text("f" * 64)
    assert not start(client, asset)["stages"]["moderate"]["cached"]


def test_what_was_made_before_new_rules_is_not_shown_before_their_verdict(client, hashes):
    asset = upload(client, png())
    assert client.get(f"/v1/jobs/{work(start(client, asset))}").json["outputs"]
    hashes.write_text(hashlib.sha256(png()).hexdigest())
    job = start(client, asset)
    assert (job["stages"]["image"]["cached"], job["outputs"]) == (True, [])
    done = client.get(f"/v1/jobs/{work(job)}").json
    assert (done["error"]["code"], done["outputs"]) == ("asset_blocked", [])


def test_an_image_is_not_delivered_from_before_new_rules(client, hashes, monkeypatch):
    submit = delivery.submit.submit
    monkeypatch.setattr(delivery.submit, "submit", lambda *given: jobs.get(given[0], work({"id": submit(*given).id})))
    asset = upload(client, png())
    url = client.post(f"/v1/assets/{asset['id']}/image-links", json={"w": 16, "format": "webp"}).json["url"]
    path = url.removeprefix("http://localhost")
    shown = client.get(path)
    assert shown.status_code == 200
    known = {"If-None-Match": shown.headers["ETag"]}
    assert client.get(path, headers=known).status_code == 304
    hashes.write_text(hashlib.sha256(png()).hexdigest())
    # Nor is a copy told to be good, and nobody judges again at each request.
    for _ in range(3):
        answer = client.get(path, headers=known)
        assert (answer.status_code, answer.json["code"]) == (422, "asset_blocked")
    assert len(client.get("/v1/jobs?pipeline=image").json["data"]) == 2


def test_an_edit_waits_for_the_verdict(client, sample):
    asset = upload(client, sample.read_bytes())
    body = {"input": asset["id"], "keep": [{"start": 0, "end": 1}]}
    plan = client.post("/v1/jobs/edit?dry_run=true", json=body).json["plan"]
    assert [stage["stage"] for stage in plan][:4] == ["probe", "moderate", "trim", "seams"]
    assert next(stage for stage in plan if stage["stage"] == "trim")["after"] == ["probe", "moderate"]


def test_workers_with_other_rules_say_so(client, hashes, configure):
    job = start(client, upload(client, png()))
    configure(MODERATION="rules", MODERATION_HASHES=hashes, MODERATION_KINDS="mp4")
    error = client.get(f"/v1/jobs/{work(job)}").json["error"]
    assert error["code"] == "moderation_differs"
