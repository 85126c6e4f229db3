"""Images by signed addresses: who may, in which format, and that each is made once."""

import io
import threading
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import ExitStack
from datetime import timedelta
from urllib.parse import parse_qsl, urlencode, urlsplit

import httpx
import pytest
from PIL import Image
from sqlalchemy import select

from app.patience import Places, patience
from core import accounts, image_links, jobs, leases
from core.db import transaction
from core.leases import Lease
from core.models import Job
from pipelines import delivery
from tasks.image import image
from tasks.probe import probe
from tests.app.conftest import inspect, upload
from tests.app.served import serve
from tests.app.test_problems import problem
from tests.keys import HEADERS
from tests.services.process import LONG_S

BROWSER = {"Accept": "image/avif,image/webp,image/*,*/*;q=0.8"}


def picture(kind="PNG", mode="RGB", size=(64, 48)):
    file = io.BytesIO()
    Image.new(mode, size, "teal").save(file, kind)
    return file.getvalue()


@pytest.fixture
def asset(client):
    return upload(client, picture(), filename="a.png", content_type="image/png")


@pytest.fixture
def at_once(monkeypatch):
    """Run what is submitted in this process, as workers would."""
    submitted = []

    def run(account_id, plan, submit=delivery.submit.submit):
        job = submit(account_id, plan)
        if plan.pipeline == "image":
            submitted.append(job.id)
        for stage in (probe, image):
            stage.apply(args=(job.id, job.epoch))
        return jobs.get(account_id, job.id)

    monkeypatch.setattr(delivery.submit, "submit", run)
    return submitted


def link(client, asset, **body):
    answer = client.post(f"/v1/assets/{asset['id']}/image-links", json=body)
    assert answer.status_code == 200, answer.json
    return answer.json


def path(url):
    return url.removeprefix("http://localhost")


def fetch(client, url, **headers):
    """As a browser does: without a key."""
    return client.application.test_client().get(path(url), headers=BROWSER | headers)


def test_an_image_is_made_once(client, asset, at_once):
    made = link(client, asset, w=32, format="webp")
    assert made["expires_at"] is None
    first, again = fetch(client, made["url"]), fetch(client, made["url"])
    for answer in (first, again):
        assert (answer.status_code, answer.content_type) == (200, "image/webp")
        assert Image.open(io.BytesIO(answer.data)).size == (32, 24)
        assert answer.headers["Cache-Control"] == "public, max-age=86400"
    assert len(at_once) == 1
    tag = first.headers["ETag"]
    known = fetch(client, made["url"], **{"If-None-Match": tag})
    assert (known.status_code, known.data, known.headers["ETag"]) == (304, b"", tag)


def test_the_format_is_one_that_the_browser_names(client, asset, at_once):
    url = link(client, asset, w=16)["url"]
    kinds = {
        accept: fetch(client, url, Accept=accept)
        for accept in ("image/avif,image/webp", "image/webp,*/*", "image/avif;q=0,image/webp", "*/*")
    }
    expected = ["image/avif", "image/webp", "image/webp", "image/jpeg"]
    assert [answer.content_type for answer in kinds.values()] == expected
    assert all(answer.headers["Vary"] == "Accept" for answer in kinds.values())
    assert len({answer.headers["ETag"] for answer in kinds.values()}) == 3


@pytest.mark.parametrize(
    ("kind", "mode", "expected"), [("PNG", "RGB", "jpeg"), ("PNG", "RGBA", "png"), ("JPEG", "RGB", "jpeg")]
)
def test_what_everybody_reads_follows_the_facts(client, at_once, kind, mode, expected):
    body = picture(kind, mode)
    if mode == "RGBA":
        image = Image.new(mode, (64, 48), (0, 0, 0, 0))
        file = io.BytesIO()
        image.save(file, kind)
        body = file.getvalue()
    asset = upload(client, body, filename="a", content_type=f"image/{kind.lower()}")
    inspect(asset)
    answer = fetch(client, link(client, asset, w=16)["url"], Accept="*/*")
    assert answer.content_type == f"image/{expected}"


def test_an_address_may_look_at_the_picture(client, asset, at_once):
    looks = {
        gravity: link(client, asset, w=24, h=40, fit="cover", gravity=gravity)["url"] for gravity in ("left", "face")
    }
    assert "gravity=face" in looks["face"]
    for url in looks.values():
        assert Image.open(io.BytesIO(fetch(client, url).data)).size == (24, 40)
    problem(
        client.post(f"/v1/assets/{asset['id']}/image-links", json={"w": 9, "gravity": "nose"}), 422, "invalid_request"
    )
    assert len(at_once) == 2


def test_nothing_of_an_address_can_be_changed(client, asset, at_once):
    url = link(client, asset, w=16, h=16, fit="cover", expires_s=60)["url"]
    split = urlsplit(url)
    query = dict(parse_qsl(split.query))
    for change in ({"w": "9999"}, {"expires": "99999999999"}, {"s": "x"}, {"fit": "fill"}):
        problem(fetch(client, f"{split.path}?{urlencode(query | change)}"), 403, "signature_invalid")
    without = {name: value for name, value in query.items() if name != "expires"}
    problem(fetch(client, f"{split.path}?{urlencode(without)}"), 403, "signature_invalid")
    other = upload(client, picture(size=(10, 10)))
    problem(fetch(client, f"/v1/images/{other['id']}?{split.query}"), 403, "signature_invalid")
    assert at_once == []
    assert fetch(client, url).status_code == 200


def test_addresses_expire(client, asset, monkeypatch):
    made = link(client, asset, w=16, expires_s=1)
    later = image_links.time.time() + 2
    monkeypatch.setattr(image_links.time, "time", lambda: later)
    problem(fetch(client, made["url"]), 403, "signature_expired")


def test_what_cannot_be_made_is_refused_when_it_is_signed(client, asset, sample):
    recording = upload(client, sample.read_bytes())
    inspect(recording)
    answer = client.post(f"/v1/assets/{recording['id']}/image-links", json={"w": 10})
    problem(answer, 422, "no_image")
    for body in ({"w": 0}, {"fit": "cover", "w": 5}, {"format": "bmp"}, {"expires_s": 0}):
        problem(client.post(f"/v1/assets/{asset['id']}/image-links", json=body), 422, "invalid_request")


def test_a_file_that_is_no_image_says_so(client, at_once):
    asset = upload(client, b"not a picture at all", content_type="image/png")
    problem(fetch(client, link(client, asset, w=16)["url"]), 422, "unsupported_format")


def image_jobs(client):
    return [job for job in client.get("/v1/jobs").json["data"] if job["pipeline"] == "image"]


def test_what_cannot_be_made_is_known_for_a_while(client, at_once):
    cut_off = picture(size=(640, 480))[:600]
    asset = upload(client, cut_off, content_type="image/png")
    small, large = (link(client, asset, w=width, format="webp")["url"] for width in (16, 32))
    # Its upload was looked at.
    for url in (small, large):
        problem(fetch(client, url), 422, "damaged_file")
    assert image_jobs(client) == []
    for made in (1, 1, 2):
        if len(image_jobs(client)) < made:
            age(minutes=11)
        for url in (small, large, small):
            problem(fetch(client, url), 422, "damaged_file")
        assert len(image_jobs(client)) == made


def age(**time):
    """Let what has ended have ended longer ago."""
    with transaction() as session:
        for job in session.scalars(select(Job).where(Job.finished_at.is_not(None))):
            job.finished_at -= timedelta(**time)


def test_what_broke_down_is_tried_again_after_a_minute(client, asset):
    url = link(client, asset, w=16, format="webp")["url"]
    client.application.extensions["cutwork_patience"] = Places(0, 0)
    problem(fetch(client, url), 503, "image_pending")
    [job] = image_jobs(client)
    lease = Lease(job["id"], "probe", 1, "a worker")
    leases.claim(lease, seconds=60, attempts=3)
    leases.fail(lease, code="time_limit", message="It took too long.", retryable=True)
    problem(fetch(client, url), 503, "image_pending")
    assert len(image_jobs(client)) == 1
    age(minutes=2)
    problem(fetch(client, url), 503, "image_pending")
    assert len(image_jobs(client)) == 2


def test_a_crowd_that_waits_for_images_keeps_nobody_out(client, asset, tmp_path):
    """More than the server has threads, and no worker: two wait, the others are answered."""
    crowd, waiting = 36, 2
    paths = [path(link(client, asset, w=8 + number, format="webp")["url"]) for number in range(crowd)]
    bounds = {"IMAGE_MAX_WAITING": "3", "IMAGE_MAX_WAITING_EACH": str(waiting)}
    with ThreadPoolExecutor(crowd) as pool, serve(tmp_path, **bounds) as url:
        asking = [pool.submit(httpx.get, f"{url}{one}") for one in paths]
        for done in as_completed(asking):
            answer = done.result()
            assert (answer.status_code, answer.json()["code"]) == (503, "image_pending")
            assert int(answer.headers["Retry-After"]) > 0
            if sum(one.done() for one in asking) >= crowd - waiting:
                break
        assert sum(not one.done() for one in asking) == waiting
        assert httpx.get(f"{url}/v1/jobs", headers=HEADERS).status_code == 200
    assert len(image_jobs(client)) > 0


def test_neither_an_account_nor_an_address_takes_all_places(client):
    app = client.application
    app.extensions["cutwork_patience"] = Places(4, 2)

    with ExitStack() as leaving:

        def seconds(account_id, address):
            """For how long one more may wait, who stays while the others ask."""
            with app.test_request_context(environ_base={"REMOTE_ADDR": address}):
                return leaving.enter_context(patience(10, account_id=account_id))

        assert [seconds("one", "192.0.2.1"), seconds("one", "192.0.2.2"), seconds("one", "192.0.2.3")] == [10, 10, 0]
        # Of other accounts, by an address that has one already.
        assert [seconds("two", "192.0.2.1"), seconds("three", "192.0.2.1")] == [10, 0]
        assert [seconds("two", "2001:db8::1"), seconds("four", "192.0.2.9")] == [10, 0]
        leaving.close()
        # A network of IPv6 counts as one address.
        assert [seconds("five", "2001:db8::1"), seconds("six", "2001:db8::2")] == [10, 10]
        assert [seconds("seven", "2001:db8::3"), seconds("five", "192.0.2.4")] == [0, 10]


def test_who_comes_while_it_is_made_waits_for_the_same_job(client, asset, monkeypatch):
    account_id = accounts.default_account().id
    url = link(client, asset, w=24, format="png")["url"]
    monkeypatch.setattr("app.resources.images._PATIENCE_S", 0.2)
    answer = problem(fetch(client, url), 503, "image_pending")
    assert answer["retryable"]
    problem(fetch(client, url), 503, "image_pending")
    [job] = [one for one in client.get("/v1/jobs").json["data"] if one["pipeline"] == "image"]
    row = jobs.get(account_id, job["id"])
    monkeypatch.setattr("app.resources.images._PATIENCE_S", LONG_S)

    def work():
        for stage in (probe, image):
            stage.apply(args=(row.id, row.epoch))

    worker = threading.Timer(0.3, work)
    worker.start()
    try:
        assert fetch(client, url).content_type == "image/png"
    finally:
        worker.join()


def test_a_deleted_asset_is_gone(client, asset):
    inspect(asset)
    url = link(client, asset, w=16)["url"]
    assert client.delete(f"/v1/assets/{asset['id']}").status_code == 204
    problem(fetch(client, url), 404, "asset_not_found")
