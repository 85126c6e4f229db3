"""A broker that says nothing any more, and closes no connection: a host that is gone, a process that is frozen."""

import os
import signal
import subprocess
import sys

import psutil
import pytest

from core.settings import get_settings
from tests.core.rows import make_job
from tests.services import valkey

pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)

# Far beyond the five seconds that are waited for, and far less than for ever.
ENDS_S = 90
SEND = """
import sys
from core import jobs
from core.db import reading
from pipelines import canvas

for job_id in sys.argv[1:]:
    with reading() as session:
        job = jobs.find(session, job_id)
    print(canvas.dispatch(job), flush=True)
    sys.stdin.readline()
"""


def listening(port):
    """The process that listens to a port."""
    return next(
        psutil.Process(found.pid)
        for found in psutil.net_connections("tcp")
        if found.status == psutil.CONN_LISTEN and found.laddr.port == port and found.pid
    )


def test_who_sends_to_a_frozen_broker_does_not_wait_for_ever(database, broker, tmp_path):
    # Live events go by another server, as they do beside RabbitMQ: that it answers says nothing of the broker.
    environment = os.environ | {"REDIS_URL": get_settings().events_url, "DATABASE_URL": database}
    jobs = [make_job(salt=salt).id for salt in "ab"]
    with (
        valkey.running(tmp_path) as port,
        subprocess.Popen(
            [sys.executable, "-c", SEND, *jobs],
            env=environment | {"BROKER_URL": f"redis://127.0.0.1:{port}/0"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        ) as sender,
    ):
        try:
            assert sender.stdout.readline() == "True\n"
            server = listening(port)
            server.send_signal(signal.SIGSTOP)
            try:
                rest, _ = sender.communicate("\n\n", timeout=ENDS_S)
            finally:
                server.send_signal(signal.SIGCONT)
            assert rest.splitlines()[-1] == "False"
        finally:
            sender.kill()
