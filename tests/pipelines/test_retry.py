"""A retried job is sent: only what is left of it, under a new epoch, and when its account has room."""

import base64
import json

import pytest

from core import jobs, leases, states
from core.leases import Lease
from core.settings import get_settings
from pipelines import canvas, reconciler, submit
from tests.core.rows import artifact_of, make_job

pytestmark = pytest.mark.usefixtures("database")


def again(job):
    return jobs.get(job.account_id, job.id)


def messages(broker):
    queues = [key for key in broker.scan_iter() if broker.type(key) == "list"]
    bodies = [json.loads(raw)["body"] for queue in queues for raw in broker.lrange(queue, 0, -1)]
    return sorted(json.loads(base64.b64decode(body))[0] for body in bodies)


def run(job, *names):
    for name in names:
        lease = Lease(job.id, name, again(job).epoch, "one")
        row = leases.claim(lease, seconds=15, attempts=3)
        assert leases.commit(lease, artifact_of(row, job.account_id))


@pytest.fixture
def failed(broker):
    job = make_job()
    canvas.dispatch(job)
    run(job, "probe", "trim")
    lease = Lease(job.id, "brand", 1, "one")
    leases.claim(lease, seconds=15, attempts=3)
    leases.fail(lease, code="out_of_memory", message="Too much.", retryable=False)
    broker.flushdb()
    return job


def test_what_is_left_is_sent(broker, failed):
    job = submit.retry(failed.account_id, failed.id, None)
    assert messages(broker) == [[job.id, 3, "brand"], [job.id, 3, "preview"]]
    assert again(job).dispatched_at is not None
    assert not any(reconciler.run().values())


def test_it_is_sent_when_there_is_room(broker, failed, monkeypatch):
    monkeypatch.setenv("MAX_RUNNING_JOBS", "1")
    get_settings.cache_clear()
    other = make_job(salt="other")
    submit.retry(failed.account_id, failed.id, "brand")
    assert messages(broker) == []
    assert not any(reconciler.run().values())
    submit.cancel(other.account_id, other.id)
    assert [message[0] for message in messages(broker)] == [failed.id] * 2


def test_a_job_with_nothing_left_is_not_sent(broker, failed):
    run(make_job(), "preview", "brand", "publish")
    assert submit.retry(failed.account_id, failed.id, None).status == states.SUCCEEDED
    assert messages(broker) == []
