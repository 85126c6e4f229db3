"""The same events over WebSocket, against the real server."""

import json
from contextlib import suppress

import pytest
from simple_websocket import Client, ConnectionClosed, ConnectionError

from core import job_document, jobs
from tests.app.following import advance, claim, finish, make_job
from tests.app.served import serve
from tests.app.test_problems import problem
from tests.keys import HEADERS
from tests.services.process import LONG_S, wait_until


@pytest.fixture
def socket_server(embedded, tmp_path):
    """The address of a server with room for two sockets."""
    with serve(tmp_path, LIVE_MAX_THREADS="2") as url:
        yield url.replace("http:", "ws:")


class PromptClient(Client):
    """A client that reads the first message where it arrives in one piece with the answer to its handshake.

    simple-websocket takes the answer alone out of what it has received, and looks at the rest only when more comes.
    """

    def handshake(self):
        super().handshake()
        self._handle_events()
        # A close that came along ends the connection where the thread that reads it finds nothing more.
        self.connected = True


def connect(path):
    return PromptClient.connect(path, headers=HEADERS)


def receive(client):
    message = json.loads(client.receive(timeout=LONG_S))
    assert message["event"] == "job"
    return message["id"], message["data"]


def test_a_job_is_followed_to_its_end_by_socket(socket_server):
    job = make_job()
    client = connect(f"{socket_server}/v1/jobs/{job.id}/ws")
    first, document = receive(client)
    assert document["status"] == "queued"
    lease = claim(job, "probe")
    advance(lease, 0.5)
    assert receive(client)[1]["stages"]["probe"]["status"] == "running"
    last, document = receive(client)
    assert document["stages"]["probe"]["progress"] == 0.5
    resumed = connect(f"{socket_server}/v1/jobs/{job.id}/ws?last_event_id={first}")
    receive(resumed)
    assert receive(resumed)[0] == last
    jobs.cancel(job.account_id, job.id)
    job_document.announce(job.id)
    for one in (client, resumed):
        assert receive(one)[1]["status"] == "canceled"
        with pytest.raises(ConnectionClosed):
            one.receive(timeout=LONG_S)
        assert one.close_reason == 1000


def test_a_job_that_has_ended_is_told_at_once(socket_server):
    job = make_job()
    finish(job)
    client = connect(f"{socket_server}/v1/jobs/{job.id}/ws")
    assert receive(client)[1]["status"] == "succeeded"
    with pytest.raises(ConnectionClosed):
        client.receive(timeout=LONG_S)


def test_a_socket_that_went_away_leaves_its_place(socket_server):
    job = make_job()
    path = f"{socket_server}/v1/jobs/{job.id}/ws"
    clients = [connect(path) for _ in range(2)]
    for client in clients:
        receive(client)
    with pytest.raises(ConnectionError, match="503"):
        connect(path)
    clients[0].close()
    again = []

    def is_free():
        with suppress(ConnectionError):
            again.append(connect(path))
        return again

    wait_until(is_free)
    assert receive(again[0])[1]["id"] == job.id


def test_what_the_client_says_is_bounded(socket_server):
    job = make_job()
    client = connect(f"{socket_server}/v1/jobs/{job.id}/ws")
    receive(client)
    client.send("hello")
    client.send("x" * 5000)
    with pytest.raises(ConnectionClosed):
        client.receive(timeout=LONG_S)
    assert client.close_reason == 1009


def test_what_cannot_be_followed_is_a_problem_before_the_handshake(client):
    handshake = {"Connection": "Upgrade", "Upgrade": "websocket"}
    for job_id in ("job_" + "0" * 26, "job_x"):
        problem(client.get(f"/v1/jobs/{job_id}/ws", headers=handshake), 404, "job_not_found")
    problem(client.get(f"/v1/jobs/{make_job().id}/ws"), 400, "bad_request")
