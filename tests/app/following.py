"""Clients that follow jobs, and what happens to the jobs meanwhile."""

import json
import threading
import time
import uuid

import httpx

from cli.events import parse_events
from core import job_document, jobs, leases
from core.leases import Lease
from tests.core import rows
from tests.core.rows import DIAMOND, artifact_of
from tests.keys import HEADERS
from tests.services.process import LONG_S


class Listener:
    """A client that reads events in a thread and notes when each came."""

    def __init__(self, url, job_id, **headers):
        self.events = []
        self.times = []
        self.headers = None
        self._response = None
        self._new = threading.Condition()
        self._thread = threading.Thread(target=self._run, args=(f"{url}/v1/jobs/{job_id}/events", headers), daemon=True)
        self._thread.start()

    def _run(self, url, headers):
        with httpx.stream("GET", url, headers=HEADERS | headers) as response:
            self.headers = response.headers
            for event in parse_events(response.iter_bytes()):
                with self._new:
                    self.events.append(event)
                    self.times.append(time.monotonic())
                    self._new.notify_all()

    def wait_for(self, count):
        with self._new:
            assert self._new.wait_for(lambda: len(self.events) >= count, timeout=LONG_S), self.documents
        return self.documents[count - 1]

    def wait_for_end(self):
        self._thread.join(LONG_S)
        assert not self._thread.is_alive(), "the stream goes on"
        return self.documents

    @property
    def documents(self):
        return [json.loads(event.data) for event in self.events]


def make_job(stages=DIAMOND):
    """A job that shares no artifact with any other."""
    return rows.make_job(stages, salt=uuid.uuid4().hex)


def document_of(job):
    return job_document.document(jobs.get(job.account_id, job.id), None)


def claim(job, name):
    lease = Lease(job.id, name, job.epoch, "test")
    leases.claim(lease, seconds=60, attempts=4)
    job_document.announce(job.id)
    return lease


def advance(lease, progress):
    assert leases.renew(lease, seconds=60, progress=progress)
    job_document.announce(lease.job_id)


def finish(job, names=None):
    for stage in job.stages:
        if names is None or stage.name in names:
            lease = claim(job, stage.name)
            assert leases.commit(lease, artifact_of(stage, job.account_id))
            job_document.announce(job.id)
