"""What must not work: a clear code, nothing left behind, and a worker that goes on."""

import threading
import time
from fractions import Fraction
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from media.sample import make_sample
from tests.clips import HOSTILE, hostile_files
from tests.e2e.client import TERMINAL
from tests.services.process import wait_until

pytestmark = pytest.mark.e2e
TRIES = 5


def refusal(client, asset):
    """The error of the first job that the asset cannot do."""
    job = client.wait(client.edit(asset, [{"start": 0, "end": 1}], preview=False))
    assert job["status"] == "failed"
    assert job["outputs"] == []
    assert all(stage["status"] in {"failed", "canceled"} for stage in job["stages"].values())
    return job["error"]


@pytest.fixture
def asset_of_a_minute(client, tmp_path):
    path = tmp_path / "minute.mp4"
    make_sample(path, seconds=Fraction(60), fps=Fraction(25), size=(640, 360))
    return client.upload(path)


@pytest.fixture
def truncated(sample, tmp_path):
    path = tmp_path / "truncated.mp4"
    path.write_bytes(sample.read_bytes()[:-2000][:4000])
    return path


def test_a_truncated_file(client, truncated):
    assert refusal(client, client.upload(truncated))["code"] in {"damaged_file", "truncated_file"}


def test_text_that_is_named_mp4(client, tmp_path):
    path = tmp_path / "notes.mp4"
    path.write_text("These are my notes.\n" * 100)
    error = refusal(client, client.upload(path))
    assert (error["code"], error["stage"], error["retryable"]) == ("unsupported_format", "probe", False)


@pytest.fixture
def listener():
    """A server that must never be asked."""
    asked = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            self.send_response(200)
            self.end_headers()

        def log_message(self, *args):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/canary", asked
    server.shutdown()
    thread.join()


def test_a_playlist_that_is_named_mp4_opens_nothing(client, tmp_path, listener):
    url, asked = listener
    path = tmp_path / "playlist.mp4"
    path.write_text(f"#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\n{url}\n#EXT-X-ENDLIST\n")
    assert refusal(client, client.upload(path))["code"] == "unsupported_format"
    assert asked == []


def test_an_asset_that_was_refused_says_so(client, tmp_path):
    path = tmp_path / "notes.mp4"
    path.write_text("Other notes.\n" * 100)
    asset = client.upload(path)
    refusal(client, asset)
    path = f"/v1/assets/{asset['id']}/probe"
    wait_until(lambda: client.http.get(path).status_code != 202)
    answer = client.http.get(path)
    assert (answer.status_code, answer.json()["code"]) == (422, "unsupported_format")


@pytest.mark.parametrize("path", hostile_files(), ids=lambda path: path.name)
def test_hostile_files_end_with_a_code(local_client, path):
    asset = local_client.upload(path)
    job = local_client.edit(asset, [{"start": 0}], preview=False)
    if HOSTILE[path.name]["category"] == "bomb":
        job = cancel_once_it_moves(local_client, job)
    else:
        job = local_client.wait(job)
    if HOSTILE[path.name]["outcome"] == "REJECT":
        assert job["status"] == "failed"
    if job["status"] == "failed":
        assert job["error"]["code"] not in {"internal_error", "worker_lost", "time_limit", "out_of_memory"}
        assert "/" not in job["error"]["message"]


def cancel_once_it_moves(client, job):
    """A file that is allowed to take long: it must show progress, and end within two seconds of a cancel."""

    def moved():
        return read()["status"] in TERMINAL or read()["stages"]["trim"]["progress"] > 0

    def read():
        return client.get(f"/v1/jobs/{job['id']}")

    wait_until(moved)
    if read()["status"] not in TERMINAL:
        assert client.post(f"/v1/jobs/{job['id']}/cancel", 200)["status"] == "canceled"
    return read()


def test_a_canceled_stage_frees_its_worker_at_once(client, asset_of_a_minute):
    # Two seconds to notice, and what another process of the pool takes to begin. The machine may stand still meanwhile,
    # but not each time.
    assert any(seconds_until_free(client, asset_of_a_minute, Fraction(number, 10)) < 4 for number in range(TRIES))


def seconds_until_free(client, asset, start):
    """Cancel a long encode, and let another job begin that waits for its worker; return how long that took."""
    job = client.edit(asset, [{"start": str(float(start))}], mode="exact", preview=False)
    wait_until(lambda: client.get(f"/v1/jobs/{job['id']}")["stages"]["trim"]["progress"] > 0)
    canceled = client.post(f"/v1/jobs/{job['id']}/cancel", 200)
    begun = time.monotonic()
    assert (canceled["status"], canceled["outputs"]) == ("canceled", [])
    assert {stage["status"] for stage in canceled["stages"].values()} == {"succeeded", "canceled"}
    other = client.edit(asset, [{"start": str(float(start + 1)), "end": str(float(start + 2))}], preview=False)
    wait_until(lambda: client.get(f"/v1/jobs/{other['id']}")["stages"]["trim"]["status"] != "queued")
    took = time.monotonic() - begun
    assert client.wait(other)["status"] == "succeeded"
    assert client.http.post(f"/v1/jobs/{job['id']}/cancel").json()["code"] == "job_ended"
    assert client.get(f"/v1/jobs/{job['id']}")["outputs"] == []
    return took


def test_nothing_is_left_in_the_scratch_folder(stack):
    wait_until(lambda: list((stack[1] / "scratch").iterdir()) == [])


def test_the_workers_went_on(client, sample):
    asset = client.upload(sample, filename="after.mp4")
    assert client.wait(client.edit(asset, [{"start": 0, "end": 1}], preview=False))["status"] == "succeeded"
