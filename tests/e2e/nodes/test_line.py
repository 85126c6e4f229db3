"""The line of an account moves from worker to worker, with nobody else to look after it."""

from itertools import pairwise

import pytest

from core import jobs, states
from pipelines import edit, submit
from pipelines.edit_schema import EditSchema
from tests.services.process import wait_until

pytestmark = pytest.mark.e2e


@pytest.fixture
def changes():
    return {"MAX_RUNNING_JOBS": "1"}


@pytest.fixture
def celery_worker_specs(worker_spec):
    return [worker_spec("light", "light", "probe"), worker_spec("encode", "encode", "trim")]


@pytest.fixture
def asset(system, stored, recording):
    return stored(recording)


def start(asset, begin, **changes):
    body = {"input": asset.id, "keep": [{"start": begin, "end": 50}], "mode": "copy", "preview": False}
    return submit.submit(asset.account_id, edit.plan(asset.account_id, EditSchema().load(body | changes)))


def again(job):
    return jobs.get(job.account_id, job.id)


def test_one_after_the_other_without_a_reconciler(system, asset):
    workers = system.worker_cluster[0], system.worker_cluster[1]
    workers[1].kill()
    made = [start(asset, begin) for begin in (1, 5)]
    urgent = start(asset, 9, priority="high")
    assert [again(job).admitted_at is not None for job in (*made, urgent)] == [True, False, False]
    workers[1].restart()
    wait_until(lambda: all(again(job).status in states.TERMINAL for job in (*made, urgent)))
    order = sorted(map(again, (*made, urgent)), key=lambda job: job.admitted_at)
    assert [job.id for job in order] == [made[0].id, urgent.id, made[1].id]
    assert {job.status for job in order} == {states.SUCCEEDED}
    for before, after in pairwise(order):
        assert before.finished_at <= after.admitted_at
