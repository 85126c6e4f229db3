"""Hosts' clocks may be wrong: leases and the reconciler go by the database's."""

import json
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from unittest.mock import patch

import pytest

from core import holders, leases, states
from core.db import transaction
from core.leases import Claim, Lease
from core.models import Job, now
from core.refusals import Refused
from pipelines import canvas, reconciler
from tasks.app import celery_app
from tests.core.rows import make_job
from tests.pipelines.test_reconciler import again

pytestmark = pytest.mark.usefixtures("database", "broker")
# On SQLite the host's clock is the database's.
on_a_server = pytest.mark.parametrize("database", ["postgresql"], indirect=True)
wrong = pytest.mark.parametrize("seconds", [60, -60])


@contextmanager
def clock_off_by(seconds):
    class Wrong(datetime):
        @classmethod
        def now(cls, zone=None):
            return datetime.now(zone) + timedelta(seconds=seconds)

    with patch("core.models.base.datetime", Wrong):
        yield


def claim(job, owner, *, seconds=15):
    lease = Lease(job.id, "probe", job.epoch, owner)
    return lease, leases.claim(lease, seconds=seconds, attempts=4)


def probe(job):
    return next(stage for stage in again(job).stages if stage.name == "probe")


@on_a_server
@wrong
def test_a_lease_lasts_as_long_whoever_takes_it(database, seconds):
    job = make_job()
    with clock_off_by(seconds):
        lease, taken = claim(job, "one")
        assert isinstance(taken, Claim)
        assert leases.renew(lease, seconds=15, progress=0.5)
        assert abs((now() - timedelta(seconds=seconds)) - probe(job).started_at) < timedelta(seconds=10)
    left = probe(job).lease_expires_at - now()
    assert timedelta(seconds=5) < left <= timedelta(seconds=15)
    assert claim(job, "two")[1] is Refused.BUSY


@on_a_server
@wrong
def test_who_has_a_wrong_clock_takes_nothing_from_others(database, seconds):
    job = make_job()
    assert canvas.dispatch(job)
    assert isinstance(claim(job, "one")[1], Claim)
    with clock_off_by(seconds):
        assert claim(job, "two")[1] is Refused.BUSY
        assert holders.expired() == []
        assert not any(reconciler.run().values())
    assert (probe(job).status, probe(job).lease_owner) == (states.RUNNING, "one")


@on_a_server
@wrong
def test_who_has_a_wrong_clock_finds_what_is_lost(database, broker, seconds):
    job = make_job()
    with clock_off_by(seconds):
        assert canvas.dispatch(job)
        claim(job, "one", seconds=-1)
        assert reconciler.run()["lease_expired"] == 1
        broker.flushdb()
        assert not any(reconciler.run().values())
        with transaction() as session:
            row = session.get_one(Job, job.id)
            for stamp, stamped in (("dispatched_at", row), ("queued_at", row.stages[0])):
                setattr(stamped, stamp, getattr(stamped, stamp) - timedelta(seconds=70))
        assert reconciler.run()["message_lost"] == 1


@pytest.mark.parametrize("behind", [10, 1800])
def test_what_beat_asks_for_is_done_though_its_clock_is_behind(broker, behind):
    entry = celery_app.conf.beat_schedule["reconcile"]
    with patch.object(type(celery_app), "now", lambda self: datetime.now(UTC) - timedelta(seconds=behind)):
        celery_app.send_task(entry["task"], **entry["options"])
    headers = json.loads(broker.lindex("reconcile", 0))["headers"]
    assert datetime.fromisoformat(headers["expires"]) > datetime.now(UTC)
