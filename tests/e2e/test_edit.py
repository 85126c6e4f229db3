"""The whole job by HTTP only, on SQLite with a folder and on PostgreSQL with S3."""

import hashlib
import json
from fractions import Fraction

import av
import httpx
import pytest
from PIL import Image

from tests.media.measure import clicks, flashes, numbers

pytestmark = pytest.mark.e2e

FPS = 25
KEEP = [{"start": "1.2", "end": "3.4"}, {"start": "00:00:07", "end": "8.04"}]
KEPT = [*range(30, 85), *range(175, 201)]
BRAND = {"intro": {"title": "Cutwork", "duration": "1"}, "transition": {"type": "cut"}}


@pytest.fixture(scope="module")
def assets():
    return {}


@pytest.fixture
def asset(stack, client, sample, assets):
    """The sample, uploaded once to each system."""
    if stack[0] not in assets:
        assets[stack[0]] = client.upload(sample)
    return assets[stack[0]]


def test_the_whole_job(client, asset, tmp_path):
    job = client.wait(client.edit(asset, KEEP, brand=BRAND, metadata={"course": "LA1"}))
    assert job["status"] == "succeeded", job["error"]
    assert list(job["stages"]) == ["probe", "trim", "seams", "proxy", "preview", "brand", "publish"]
    assert {stage["status"] for stage in job["stages"].values()} == {"succeeded"}
    assert (job["progress"], job["metadata"]) == (1.0, {"course": "LA1"})
    beside = ["poster", "sprite", "thumbnails", "teaser", "waveform", "waveform_image"]
    assert [output["name"] for output in job["outputs"]] == ["preview", *beside, "video"]
    for output in job["outputs"]:
        path = client.download(job, output["name"], tmp_path)
        assert hashlib.sha256(path.read_bytes()).hexdigest() == output["sha256"]
    video = tmp_path / "lecture one-cut.mp4"
    with av.open(str(video)) as container:
        frames = sum(1 for _ in container.decode(video=0))
    assert frames == FPS + len(KEPT)
    assert (tmp_path / "lecture one-thumbnails.vtt").read_text().startswith("WEBVTT")
    assert (tmp_path / "lecture one-teaser.webp").read_bytes()[8:12] == b"WEBP"
    wave = json.loads((tmp_path / "lecture one-waveform.json").read_text())
    assert (wave["version"], len(wave["data"])) == (2, 2 * wave["length"])
    assert Image.open(tmp_path / "lecture one-waveform.png").size == (1800, 140)


def test_exactly_the_frames_that_were_asked_for(client, asset, tmp_path):
    job = client.wait(client.edit(asset, KEEP, preview=False))
    assert list(job["stages"]) == ["probe", "trim", "publish"]
    video = client.download(job, "video", tmp_path)
    assert numbers(video) == KEPT
    heard, seen = clicks(video), flashes(video)
    assert len(heard) == len(seen) >= 2
    assert max(abs(a - b) for a, b in zip(heard, seen, strict=True)) <= Fraction(1024, 48000)


def test_a_cut_copies_what_it_can_and_proves_its_seams(client, asset):
    trim = client.wait(client.edit(asset, [{"start": 1, "end": 11}], preview=False))["stages"]["trim"]["result"]
    assert (trim["mode"], trim["fallback"]) == ("smart", None)
    assert Fraction(trim["copied_s"]) > Fraction(trim["reencoded_s"])
    assert 0 < trim["bytes_read"] < 3 * asset["size"]
    assert trim["bytes_written"] > 0
    assert all(seam["psnr_db"] is None or seam["psnr_db"] >= 40 for seam in trim["seams"])


def test_the_same_again_is_answered_from_cache(client, asset):
    first = client.wait(client.edit(asset, [{"start": 2, "end": 3}], preview=False))
    again = client.edit(asset, [{"start": "00:00:02", "end": "3.0"}], preview=False)
    assert again["status"] == "succeeded"
    assert all(stage["cached"] and stage["attempt"] == 0 for stage in again["stages"].values())
    shas = [[output["sha256"] for output in client.get(f"/v1/jobs/{job['id']}")["outputs"]] for job in (first, again)]
    assert shas[0] == shas[1] != []


def test_a_new_brand_runs_brand_and_publish_only(client, asset):
    keep = [{"start": 4, "end": 5}]
    client.wait(client.edit(asset, keep, brand=BRAND))
    other = {"outro": {"title": "The end", "duration": "1"}}
    job = client.wait(client.edit(asset, keep, brand=other))
    assert job["status"] == "succeeded"
    cached = {name for name, stage in job["stages"].items() if stage["cached"]}
    assert cached == {"probe", "trim", "seams", "proxy", "preview"}


def test_another_cut_has_its_preview_from_the_same_proxy(client, asset, tmp_path):
    client.wait(client.edit(asset, KEEP, brand=BRAND))
    for mode, keep in (("smart", [{"start": "2.2", "end": "6.2"}, {"start": "9"}]), ("copy", [{"start": "4.5"}])):
        job = client.wait(client.edit(asset, keep, mode=mode))
        assert job["status"] == "succeeded", job["error"]
        assert {name for name, stage in job["stages"].items() if stage["cached"]} == {"probe", "proxy"}
        # The sample is so short that its proxy has all its frames.
        film, preview = (client.download(job, name, tmp_path) for name in ("video", "preview"))
        assert numbers(preview) == numbers(film)
        lengths = [Fraction(job["stages"][name]["result"]["duration"]) for name in ("trim", "preview")]
        assert lengths[0] == lengths[1]


def test_facts_and_keyframes_of_an_asset(client, asset):
    facts = client.get(f"/v1/assets/{asset['id']}/probe")
    assert facts["kind"] == "video"
    assert Fraction(facts["duration"]) == 12
    assert client.get(f"/v1/assets/{asset['id']}")["media"] == facts
    assert client.get(f"/v1/assets/{asset['id']}/keyframes")


def test_a_dry_run_plans_and_does_nothing(client, asset):
    before = [job["id"] for job in client.get("/v1/jobs")["data"]]
    body = {"input": asset["id"], "keep": [{"start": 9, "end": 10}], "brand": BRAND}
    answer = client.http.post("/v1/jobs/edit", params={"dry_run": "true"}, json=body)
    assert answer.status_code == 200
    planned = [step["stage"] for step in answer.json()["plan"]]
    assert planned == ["probe", "trim", "seams", "proxy", "preview", "brand", "publish"]
    forecast = answer.json()["forecast"]
    assert (forecast["mode"], forecast["frames"]) == ("smart", FPS)
    assert 0 < forecast["reencoded_frames"] <= FPS
    assert [job["id"] for job in client.get("/v1/jobs")["data"]] == before


def test_a_range_past_the_end_is_refused_before_anything_runs(client, asset):
    answer = client.post("/v1/jobs/edit", 422, input=asset["id"], keep=[{"start": 11, "end": 99}])
    assert answer["code"] == "range_past_end"
    assert "keep.0" in answer["errors"]


def test_an_altered_download_url_is_refused(client, asset):
    job = client.wait(client.edit(asset, KEEP, preview=False))
    url = client.get(f"/v1/jobs/{job['id']}")["outputs"][0]["url"]
    assert httpx.get(url, headers={"Range": "bytes=0-9"}).status_code == 206
    broken = url[:-3] + ("aaa" if not url.endswith("aaa") else "bbb")
    assert httpx.get(broken).status_code in {401, 403, 422}
