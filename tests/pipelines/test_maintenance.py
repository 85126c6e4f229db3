"""Housekeeping takes turns, so that a process of its worker stays free for recovery."""

import fcntl
import multiprocessing

import pytest
from celery.exceptions import Retry

from pipelines import maintenance
from tasks.stages import PERIODIC, queues
from tests.services.process import LONG_S


def hold(ready, go):
    """Keep house in another process."""
    fcntl.lockf(maintenance._TURN, fcntl.LOCK_EX)
    ready.set()
    go.wait(600)


@pytest.mark.usefixtures("database")
def test_one_housekeeping_task_runs_at_a_time(broker):
    context = multiprocessing.get_context("fork")
    ready, go = context.Event(), context.Event()
    other = context.Process(target=hold, args=(ready, go))
    other.start()
    assert ready.wait(LONG_S)
    with pytest.raises(Retry):
        maintenance.expire_uploads()
    maintenance.reconcile()
    # The end of a process ends its turn, however it comes.
    other.kill()
    other.join()
    maintenance.expire_uploads()
    maintenance.expire_uploads()


def test_recovery_stands_in_no_queue_behind_housekeeping():
    assert queues("maintenance") == ["reconcile", "housekeeping"]
    beside = [task for task in PERIODIC.values() if task.queue == "reconcile"]
    # Both only look for rows that are due and send messages.
    assert [task.name for task in beside] == ["reconcile", "deliver_due"]
    assert all(task.limit_s <= 120 for task in beside)
