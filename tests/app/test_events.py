"""Server-Sent Events against the real server: gunicorn with threads, as in production."""

import shutil
import time

import httpx
import pytest

from app import create_app, live, streams
from cli.client import Api
from cli.events import follow, parse_events
from core import job_document, jobs, leases
from core.db import transaction
from core.errors import TransientError
from core.models import Job
from tests.app.following import Listener, advance, claim, document_of, finish, make_job
from tests.app.served import serve
from tests.app.test_problems import problem
from tests.core.rows import DIAMOND, artifact_of
from tests.keys import HEADERS, KEY, with_key
from tests.services.process import wait_until


@pytest.fixture(params=["embedded", "servers"])
def server(request, tmp_path):
    """The address of a server on each kind of stack."""
    request.getfixturevalue(request.param)
    with serve(tmp_path) as url:
        yield url


@pytest.fixture(scope="module")
def shared_server(tmp_path_factory, empty_sqlite, valkey_url):
    """The address of a server that these tests share, and its settings."""
    folder = tmp_path_factory.mktemp("server")
    shutil.copy(empty_sqlite, folder / "cutwork.db")
    settings = {
        "DATABASE_URL": f"sqlite:///{folder / 'cutwork.db'}",
        "STORAGE_DIR": str(folder / "storage"),
        "PUBLIC_URL": "http://localhost",
        "BROKER_URL": valkey_url(),
    }
    with serve(folder, **settings) as url:
        yield url, settings


@pytest.fixture
def embedded_server(broker, configure, shared_server):
    """The shared server, on the rows and files that the test sees."""
    url, settings = shared_server
    configure(**settings)
    return url


def test_a_job_is_followed_to_its_end(server):
    job = make_job()
    listener = Listener(server, job.id)
    assert listener.wait_for(1)["status"] == "queued"
    assert listener.headers["Content-Type"] == "text/event-stream"
    assert listener.headers["X-Accel-Buffering"] == "no"
    lease = claim(job, "probe")
    assert listener.wait_for(2)["stages"]["probe"]["status"] == "running"
    lags = []
    for step in range(1, 6):
        started = time.monotonic()
        advance(lease, step / 10)
        assert listener.wait_for(2 + step)["stages"]["probe"]["progress"] == step / 10
        lags.append(listener.times[1 + step] - started)
    # Told at once; a look at the row in passing would come after a quiet while alone.
    assert min(lags) < 1
    assert leases.commit(lease, artifact_of(job.stages[0], job.account_id))
    job_document.announce(job.id)
    finish(job, {"trim", "preview", "brand", "publish"})
    documents = listener.wait_for_end()
    assert documents[-1]["status"] == "succeeded"
    assert [document["progress"] for document in documents] == sorted(document["progress"] for document in documents)
    assert {event.name for event in listener.events} == {"job"}
    ids = [event.id for event in listener.events]
    assert len(set(ids)) == len(ids)


def test_a_client_resumes_after_the_event_it_had(embedded_server):
    job = make_job()
    first = Listener(embedded_server, job.id)
    first.wait_for(1)
    lease = claim(job, "probe")
    first.wait_for(2)
    had = first.events[0].id
    advance(lease, 0.5)
    advance(lease, 0.6)
    resumed = Listener(embedded_server, job.id, **{"Last-Event-ID": had})
    resumed.wait_for(3)
    assert [document["stages"]["probe"]["progress"] for document in resumed.documents] == [0, 0.5, 0.6]
    address = f"{embedded_server}/v1/jobs/{job.id}/events?last_event_id={first.events[1].id}"
    by_query = httpx.stream("GET", address, headers=HEADERS)
    with by_query as response:
        assert next(parse_events(response.iter_bytes())).id == resumed.events[1].id
    jobs.cancel(job.account_id, job.id)
    job_document.announce(job.id)
    assert resumed.wait_for_end()[-1]["status"] == first.wait_for_end()[-1]["status"] == "canceled"


def test_an_unknown_job_has_no_events(client):
    for job_id in ("job_" + "0" * 26, "job_x"):
        problem(client.get(f"/v1/jobs/{job_id}/events"), 404, "job_not_found")


@pytest.mark.parametrize("given", ["", "abc", "9" * 40 + "-0", "1-1\r"])
def test_an_id_that_is_not_ours_starts_with_the_document(client, given):
    job = make_job()
    jobs.cancel(job.account_id, job.id)
    answer = client.get(f"/v1/jobs/{job.id}/events", query_string={"last_event_id": given})
    [event] = parse_events([answer.data])
    assert '"status":"canceled"' in event.data


def test_a_job_that_has_ended_answers_at_once(embedded_server, tmp_path, storage):
    """Its last document carries signed addresses, whatever the event said."""
    made = tmp_path / "video.mp4"
    made.write_bytes(b"a finished cut")
    storage.put_file("artifacts/ab/video.mp4", made, content_type="video/mp4")
    stage = DIAMOND[0]
    job = make_job((stage,))
    with transaction() as session:
        session.get(Job, job.id).stages[0].outputs = {"video": {"file": "video.mp4", "suffix": "-cut"}}
    artifact = artifact_of(job.stages[0], job.account_id)
    entry = {"key": "artifacts/ab/video.mp4", "size": 14, "sha256": "0" * 64, "content_type": "video/mp4"}
    artifact.files = {"video.mp4": entry}
    listener = Listener(embedded_server, job.id)
    listener.wait_for(1)
    lease = claim(job, stage.name)
    assert leases.commit(lease, artifact)
    job_document.announce(job.id)
    [output] = listener.wait_for_end()[-1]["outputs"]
    path = output["url"].removeprefix("http://localhost")
    assert httpx.get(f"{embedded_server}{path}").content == b"a finished cut"

    for headers in ({}, {"Last-Event-ID": listener.events[-1].id}, {"Last-Event-ID": "999999999999999-0"}):
        again = httpx.get(f"{embedded_server}/v1/jobs/{job.id}/events", headers=HEADERS | headers)
        documents = [event.data for event in parse_events([again.content])]
        assert len(documents) == 1
        assert '"name":"video"' in documents[0]


def test_clients_that_wait_hold_no_database_session(embedded_server):
    """More than there are connections in the pool, or threads in the server, and the API still answers."""
    job = make_job()
    listeners = [Listener(embedded_server, job.id) for _ in range(40)]
    for listener in listeners:
        listener.wait_for(1)
    answer = httpx.get(f"{embedded_server}/readyz")
    assert answer.is_success
    assert httpx.get(f"{embedded_server}/v1/jobs/{job.id}", headers=HEADERS).is_success
    jobs.cancel(job.account_id, job.id)
    job_document.announce(job.id)
    for listener in listeners:
        assert listener.wait_for_end()[-1]["status"] == "canceled"


def test_without_redis_the_database_is_asked(embedded, tmp_path):
    with serve(tmp_path, REDIS_URL="redis://127.0.0.1:1/0") as url:
        job = make_job()
        listener = Listener(url, job.id)
        assert listener.wait_for(1)["status"] == "queued"
        lease = claim(job, "probe")
        advance(lease, 0.5)
        wait_until(lambda: listener.documents[-1]["stages"]["probe"]["progress"] == 0.5)
        jobs.cancel(job.account_id, job.id)
        assert listener.wait_for_end()[-1]["status"] == "canceled"


def test_a_stream_that_is_too_many_is_refused(configure, embedded):
    configure(SSE_MAX_STREAMS=2)
    client = with_key(create_app())
    job = make_job()
    path = f"/v1/jobs/{job.id}/events"
    first, second = client.get(path), client.get(path)
    assert first.status_code == second.status_code == 200
    refused = client.get(path)
    assert problem(refused, 503, "too_many_streams")["retryable"]
    assert int(refused.headers["Retry-After"]) > 0
    first.close()
    third = client.get(path)
    assert third.status_code == 200
    problem(client.get(path), 503, "too_many_streams")
    second.close()
    third.close()


def test_a_stream_that_was_dropped_before_it_began_leaves_its_place(configure, embedded):
    configure(SSE_MAX_STREAMS=1)
    job = make_job()
    with create_app().app_context():
        hub = streams.hub()
        for _ in range(3):
            following = live.Following(hub.fanout, job.id, lambda: document_of(job), after=None)
            stream = streams.Stream(following, hub, {}, seconds=60)
            with pytest.raises(TransientError):
                streams.Stream(following, hub, {}, seconds=60)
            del stream


def test_a_stream_that_ended_leaves_its_place_as_does_a_head(configure, embedded):
    configure(SSE_MAX_STREAMS=1)
    client = with_key(create_app())
    job = make_job()
    jobs.cancel(job.account_id, job.id)
    path = f"/v1/jobs/{job.id}/events"
    for method in ("HEAD", "HEAD", "GET", "GET", "HEAD"):
        answer = client.open(path, method=method, buffered=True)
        assert answer.status_code == 200
        assert ('"status":"canceled"' in answer.text) == (method == "GET")


def test_a_client_that_went_away_leaves_its_place(embedded, tmp_path):
    with serve(tmp_path, SSE_MAX_STREAMS="1") as url:
        job = make_job()
        with httpx.stream("GET", f"{url}/v1/jobs/{job.id}/events", headers=HEADERS) as response:
            events = parse_events(response.iter_bytes())
            assert next(events).name == "job"
            assert httpx.get(f"{url}/v1/jobs/{job.id}/events", headers=HEADERS).status_code == 503
            assert httpx.get(f"{url}/v1/jobs/{job.id}", headers=HEADERS).is_success

        # Nothing is sent meanwhile: that the client is gone is seen at his socket.
        def status():
            with httpx.stream("GET", f"{url}/v1/jobs/{job.id}/events", headers=HEADERS) as response:
                return response.status_code

        wait_until(lambda: status() == 200)


def test_the_command_line_goes_on_over_streams_that_end(embedded, tmp_path, monkeypatch):
    opened = []
    stream = Api.stream

    def noted(api, path, headers):
        opened.append(headers.get("Last-Event-ID"))
        return stream(api, path, headers)

    monkeypatch.setattr(Api, "stream", noted)
    with serve(tmp_path, SSE_MAX_S="0.3") as url:
        job = make_job()
        documents = follow(Api(url, KEY), job.id)
        assert next(documents)["status"] == "queued"
        lease = claim(job, "probe")
        seen = []
        for step in range(1, 5):
            time.sleep(0.4)
            advance(lease, step / 10)
            while step / 10 not in seen:
                seen.append(next(documents)["stages"]["probe"]["progress"])
        jobs.cancel(job.account_id, job.id)
        job_document.announce(job.id)
        assert list(documents)[-1]["status"] == "canceled"
    assert seen == sorted(seen)
    assert len(opened) > 2
    assert opened[0] is None
    assert all(opened[1:])
