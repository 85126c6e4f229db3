"""What a process held goes on elsewhere at once: for free when its worker was told to stop."""

import os
import subprocess
import sys

import pytest

from core import jobs, leases, states
from core.db import transaction
from core.leases import Lease
from core.models import Job
from core.refusals import Refused
from pipelines import canvas, handover
from tasks import holder
from tests.core.rows import artifact_of, make_job
from tests.pipelines.test_reconciler import again, messages

pytestmark = pytest.mark.usefixtures("database")


def claim(job, name, owner, *, attempts=4):
    lease = Lease(job.id, name, again(job).epoch, owner)
    return lease, leases.claim(lease, seconds=15, attempts=attempts)


def stage(job, name):
    return next(row for row in again(job).stages if row.name == name)


@pytest.fixture
def sent(broker):
    """A job whose canvas was sent, and taken from its queue."""
    job = make_job()
    with transaction() as session:
        session.get_one(Job, job.id).dispatched_at = job.created_at
    broker.flushdb()
    return job


def test_an_owner_names_its_process():
    name = "encode@" + "a" * 80
    assert holder.owner(name).startswith(holder.prefix(name, os.getpid()))
    assert len(holder.owner(name)) <= 80
    assert not holder.owner("encode@host").startswith(holder.prefix("encode@host", 1))


def test_workers_whose_names_and_processes_are_alike_are_two():
    script = "from tasks import holder; print(holder.prefix('encode@' + 'a' * 80, 8))"
    told = {subprocess.run([sys.executable, "-c", script], capture_output=True, check=True).stdout for _ in range(2)}
    assert len(told) == 2


def test_a_stopping_worker_hands_over_at_no_cost(sent, broker):
    lease, _ = claim(sent, "probe", "light@a/7/x")
    assert handover.hand_over("light@a/7/") == 1
    probe = stage(sent, "probe")
    assert (probe.status, probe.attempt, probe.lease_owner) == (states.QUEUED, 0, None)
    assert messages(broker, "probe") == [(sent.id, 2)]
    # The old message, should the broker deliver it again, runs nothing, and the old process commits nothing.
    assert leases.claim(lease, seconds=15, attempts=4) is Refused.STALE
    assert leases.commit(lease, artifact_of(probe, sent.account_id)) is None
    assert handover.hand_over("light@a/7/") == 0


def test_only_that_process_is_meant(sent):
    claim(sent, "probe", "light_a/77/x")
    for other in ("light_a/7/", "lightxa/77/", "light_b/77/"):
        assert handover.hand_over(other) == 0
    assert stage(sent, "probe").status == states.RUNNING


def test_what_runs_beside_it_keeps_its_lease(sent, broker):
    for name in ("probe", "trim"):
        lease, row = claim(sent, name, f"w/1/{name}")
        leases.commit(lease, artifact_of(row, sent.account_id))
    claim(sent, "preview", "w/1/preview")
    brand, row = claim(sent, "brand", "w/2/brand")
    assert handover.hand_over("w/1/") == 1
    assert messages(broker, "preview") == [(sent.id, 2)]
    assert messages(broker, "brand") == []
    assert leases.commit(brand, artifact_of(row, sent.account_id))


def test_a_broker_that_is_away_leaves_it_to_the_reconciler(sent, monkeypatch):
    monkeypatch.setattr(canvas, "dispatch", lambda _: False)
    claim(sent, "probe", "w/1/x")
    assert handover.hand_over("w/1/") == 1
    assert again(sent).dispatched_at is None


def test_a_process_that_died_costs_an_attempt(sent, broker):
    claim(sent, "probe", "w/1/x")
    assert handover.recover("w/1/") == 1
    assert (stage(sent, "probe").status, stage(sent, "probe").attempt) == (states.QUEUED, 1)
    assert messages(broker, "probe") == [(sent.id, 2)]


def test_the_last_attempt_that_dies_ends_the_job(sent):
    for number in range(1, 5):
        claim(sent, "probe", f"w/{number}/x")
        assert handover.recover(f"w/{number}/") == 1
    ended = jobs.get(sent.account_id, sent.id)
    assert (ended.status, ended.error["code"], ended.error["stage"]) == (states.FAILED, "worker_lost", "probe")
