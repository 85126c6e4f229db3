"""Hypothesis searches the protocol for a history that breaks a promise; the model sees it when a guard is missing."""

import os

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test
from sqlalchemy import and_, func, or_, select

from core import clock, holders, jobs, leases, retry, states
from core.errors import IllegalTransition
from core.models import Job, JobStage
from core.settings import get_settings
from pipelines import handover, reconciler
from tests.pipelines.lease_model import LEASE_S, RUNNING_JOBS, SmallLeaseModel
from tests.pipelines.lease_recovery import RecoveryModel, SmallRecoveryModel
from tests.pipelines.lease_world import let_time_be_told

pytestmark = pytest.mark.usefixtures("few_at_once", "told_time")
SEARCH = settings(
    stateful_step_count=40, deadline=None, database=None, print_blob=False, suppress_health_check=list(HealthCheck)
)
# More of them, for a night: LEASE_HISTORIES=5000.
HISTORIES = int(os.environ.get("LEASE_HISTORIES", "20"))
on_sqlite = pytest.mark.parametrize("database", ["sqlite"], indirect=True)


@pytest.fixture
def few_at_once(monkeypatch):
    monkeypatch.setenv("MAX_RUNNING_JOBS", str(RUNNING_JOBS))
    get_settings.cache_clear()


@pytest.fixture
def told_time(database):
    if not database.startswith("sqlite"):
        let_time_be_told()


@pytest.mark.timeout(0 if HISTORIES > 100 else 900)
@pytest.mark.parametrize("model", [RecoveryModel, SmallRecoveryModel])
def test_no_history_breaks_a_promise(database, model):
    """PostgreSQL sees fewer of them: they take longer there."""
    some = HISTORIES if database.startswith("sqlite") else HISTORIES // 4
    run_state_machine_as_test(model, settings=settings(SEARCH, max_examples=some))


_take, _send_again = leases._take, handover._send_again
_STAGES = JobStage.__table__


def obeys_any_epoch(connection, asked):
    now = connection.execute(select(Job.epoch).where(Job.id == asked["job"])).scalar_one()
    return _take(connection, asked | {"epoch": now})


def counts_no_attempts(connection, asked):
    return _take(connection, asked | {"attempts": 10**6})


def held_by_anybody(job, lease):
    return jobs.stage_of(job, lease.stage)


_queued = _STAGES.c.status == states.QUEUED
takes_a_held_stage = leases._taking(or_(leases._DUE, _STAGES.c.status == states.RUNNING))
takes_before_its_time = leases._taking(or_(leases._EXPIRED, and_(_queued, _STAGES.c.queued_at.is_not(None))))
takes_what_is_not_ready = leases._taking(
    or_(leases._EXPIRED, and_(_queued, func.coalesce(_STAGES.c.queued_at, clock.TIME) <= clock.TIME))
)


def leaves_stages_at_work(job, status, moment, error=None):
    states.move(job, status)
    job.epoch += 1
    job.error, job.finished_at = error, moment


def counts_a_stop(lease, *, counted):
    return _send_again(lease, counted=True)


def knows_no_artifact(*_):
    return {}


def finds_nothing(*_):
    return []


def a_zombie_commits(model):
    model.deliver(0)
    model.freeze(0)
    model.wait(LEASE_S + 1)
    model.redeliver(0)
    model.deliver(0)
    model.thaw(0)
    model.commit(1, answer_lost=False, mood="well")


def an_old_message_comes_after_a_repair(model):
    model.deliver(0)
    model.commit(0, answer_lost=False, mood="well")
    model.look_again()
    model.lose(0, everything=True)
    model.wait(70)
    model.reconcile("well")
    model.redeliver(1)
    model.deliver(1)


def a_message_comes_twice(model):
    model.redeliver(0)
    model.deliver(0)
    model.deliver(0)


def every_worker_dies(model):
    for _ in range(3):
        model.deliver(0)
        model.busy.clear()
        model.wait(LEASE_S + 1)
        model.redeliver(0)


def a_worker_commits_after_the_cancel(model):
    model.deliver(0)
    model.cancel(0, really=True, mood="well")
    model.commit(0, answer_lost=False, mood="well")


def a_message_comes_before_its_time(model):
    model.deliver(0)
    model.redeliver(1)
    model.deliver(0)


def a_stage_is_handed_back_for_a_while(model):
    model.deliver(0)
    model.hand_back(0, delay_s=300)
    model.deliver(0)


def a_worker_stops(model):
    model.deliver(0)
    model.stop(0, mood="well")


def a_process_dies(model):
    model.deliver(0)
    model.die(0, mood="well")


def a_job_is_canceled_and_retried(model):
    model.deliver(0)
    model.commit(0, answer_lost=False, mood="well")
    model.look_again()
    model.cancel(0, really=True, mood="well")
    model.look_again()
    model.retry(0, start=None, mood="well")


def a_worker_dies(model):
    model.deliver(0)
    model.crash(0)


def the_queue_is_flushed(model):
    model.lose(0, everything=True)


@on_sqlite
@pytest.mark.parametrize(
    ("module", "name", "broken", "mood", "history", "found"),
    [
        (leases, "held", held_by_anybody, "well", a_zombie_commits, "zombie"),
        (leases, "_take", obeys_any_epoch, "well", an_old_message_comes_after_a_repair, "stale message"),
        (leases, "_TAKE", takes_a_held_stage, "well", a_message_comes_twice, "two workers"),
        (leases, "_TAKE", takes_what_is_not_ready, "well", a_message_comes_before_its_time, "before what it needs"),
        (leases, "_TAKE", takes_before_its_time, "well", a_stage_is_handed_back_for_a_while, "too soon"),
        (leases, "_take", counts_no_attempts, "well", every_worker_dies, "too often"),
        (jobs, "end", leaves_stages_at_work, "well", a_worker_commits_after_the_cancel, "zombie"),
        (holders, "expired", finds_nothing, "well", a_worker_dies, "never ends"),
        (handover, "_send_again", counts_a_stop, "well", a_worker_stops, "cost an attempt"),
        (holders, "held_by", finds_nothing, "well", a_process_dies, "not taken back"),
        (retry.artifacts, "find", knows_no_artifact, "well", a_job_is_canceled_and_retried, "undid finished work"),
        (reconciler, "_never_sent", finds_nothing, "away", lambda model: None, "never ends"),
        (reconciler, "_forgotten", finds_nothing, "well", the_queue_is_flushed, "never ends"),
    ],
)
def test_the_model_notices_a_missing_guard(database, monkeypatch, module, name, broken, mood, history, found):
    """The same history passes with the guard, and fails by the right check without it."""
    play(mood, history)
    monkeypatch.setattr(module, name, broken)
    with pytest.raises(AssertionError, match=found):
        play(mood, history)


def play(mood, history):
    with RecoveryModel.at_play() as model:
        model.first(mood)
        model.look_again()
        history(model)
        model.look_again()
        model.heal()


@on_sqlite
def test_the_search_finds_a_missing_guard_by_itself(database, monkeypatch):
    monkeypatch.setattr(leases, "held", held_by_anybody)
    quick = settings(SEARCH, max_examples=2000, phases=[Phase.generate], derandomize=True)
    with pytest.raises((AssertionError, IllegalTransition)):
        run_state_machine_as_test(SmallLeaseModel, settings=quick)
