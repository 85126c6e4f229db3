"""One account's many jobs stay out of the broker, and out of the way of another account's one."""

import base64
import json
from dataclasses import replace
from datetime import timedelta

import pytest

from core import admission, jobs, leases, states
from core.db import transaction
from core.leases import Lease
from core.models import Job, now
from core.plan import JobPlan
from core.settings import get_settings
from pipelines import canvas, inspect, maintenance, reconciler, submit
from tasks.probe import probe
from tests.core.rows import DIAMOND, artifact_of, make_account, make_asset

assert maintenance  # connected to the signal by being imported
pytestmark = pytest.mark.usefixtures("database")
MOST = 3


@pytest.fixture(autouse=True)
def _three_at_once(broker, monkeypatch):
    monkeypatch.setenv("MAX_RUNNING_JOBS", str(MOST))
    get_settings.cache_clear()


class Owner:
    """An account with one asset, which asks for much."""

    def __init__(self, name):
        self.id = make_account(name)
        self.asset = make_asset(account_id=self.id)

    def submit(self, number):
        salted = tuple(replace(stage, digest=f"{self.id[-6:]}{number}{stage.digest}"[:64]) for stage in DIAMOND)
        plan = JobPlan(pipeline="edit", input_asset_id=self.asset.id, params={}, filename="a.mov", stages=salted)
        return submit.submit(self.id, plan)


def sent(broker):
    """The ids of the jobs that have messages, in the order in which workers would take them."""
    queues = [key for key in broker.scan_iter() if broker.type(key) == "list"]
    bodies = [json.loads(raw)["body"] for queue in queues for raw in reversed(broker.lrange(queue, 0, -1))]
    return [json.loads(base64.b64decode(body))[0][0] for body in bodies]


def again(job):
    return jobs.get(job.account_id, job.id)


def finish(job_id, account_id):
    """Do all that a worker does, but the work."""
    for name in ("probe", "trim", "preview", "brand", "publish"):
        lease = Lease(job_id, name, jobs.get(account_id, job_id).epoch, "one")
        row = leases.claim(lease, seconds=15, attempts=3)
        assert leases.commit(lease, artifact_of(row, account_id))
    reconciler.go_on(job_id)


def test_two_hundred_jobs_of_one_account_do_not_starve_the_one_of_another(broker):
    many, one = Owner("many"), Owner("one")
    of_many = [many.submit(n).id for n in range(200)]
    assert sent(broker) == of_many[:MOST]
    job = one.submit(0)
    # No more stand before it than one account may have at work.
    assert sent(broker) == [*of_many[:MOST], job.id]
    finish(job.id, one.id)
    assert sent(broker) == [*of_many[:MOST], job.id]
    broker.flushdb()
    for place, job_id in enumerate(of_many[:20]):
        finish(job_id, many.id)
        # Each end brings the next, oldest first, and no other.
        assert sent(broker) == of_many[MOST : MOST + place + 1]
    assert not any(reconciler.run().values())


def test_a_cancel_makes_room_at_once(broker):
    owner = Owner("one")
    made = [owner.submit(n).id for n in range(MOST + 3)]
    submit.cancel(owner.id, made[-1])
    assert sent(broker) == made[:MOST]
    submit.cancel(owner.id, made[0])
    assert sent(broker) == made[: MOST + 1]


def test_a_worker_that_ends_a_job_sends_the_next(broker, monkeypatch, tmp_path):
    """The stage is the real one; the file that it should read is not there."""
    monkeypatch.setenv("STORAGE_DIR", str(tmp_path))
    get_settings.cache_clear()
    owner = make_account("one")
    assets = [make_asset(account_id=owner, sha256=str(n) * 64) for n in range(MOST + 1)]
    made = [submit.submit(owner, inspect.plan(owner, asset)) for asset in assets]
    assert sent(broker) == [job.id for job in made[:MOST]]
    probe.apply(args=(made[1].id, 1, "probe"))
    assert again(made[1]).status == states.FAILED
    assert sent(broker) == [job.id for job in made]


def test_a_stage_that_is_found_exhausted_makes_room(broker):
    owner = Owner("one")
    made = [owner.submit(n) for n in range(MOST + 1)]
    with transaction() as session:
        session.get_one(Job, made[0].id).stages[0].attempt = 4
    probe.apply(args=(made[0].id, 1, "probe"))
    assert again(made[0]).error["code"] == "worker_lost"
    assert sent(broker) == [job.id for job in made]


def test_the_reconciler_moves_a_line_that_was_left_standing(broker):
    owner = Owner("one")
    made = [owner.submit(n).id for n in range(MOST + 2)]
    # As when the process dies after it has ended the job.
    jobs.cancel(owner.id, made[0])
    assert sent(broker) == made[:MOST]
    assert reconciler.run()["overlooked"] == 1
    assert sent(broker) == made[: MOST + 1]
    assert not any(reconciler.run().values())


def test_the_reconciler_leaves_those_who_wait_alone(broker, monkeypatch):
    owner = Owner("one")
    made = [owner.submit(n) for n in range(MOST + 1)]
    broker.flushdb()
    long_ago = now() - timedelta(hours=1)
    with transaction() as session:
        for job in made:
            row = session.get_one(Job, job.id)
            row.created_at = long_ago
            if row.admitted_at:
                row.admitted_at = row.dispatched_at = row.stages[0].queued_at = long_ago
    assert reconciler.run() == {"message_lost": MOST}
    assert sent(broker) == [job.id for job in made[:MOST]]
    assert canvas.dispatch(again(made[-1]))
    assert again(made[-1]).dispatched_at is None
    assert len(sent(broker)) == MOST


def test_an_admitted_job_that_was_not_sent_is_sent_later(broker):
    owner = Owner("one")
    made = [owner.submit(n).id for n in range(MOST + 1)]
    broker.flushdb()
    jobs.cancel(owner.id, made[0])
    [admitted] = admission.admit_next(owner.id, "work")
    assert not any(reconciler.run().values())
    with transaction() as session:
        session.get_one(Job, admitted.id).admitted_at = now() - timedelta(minutes=1)
    assert reconciler.run()["never_sent"] == 1
    assert sent(broker) == [admitted.id] == made[-1:]
