"""Who is admitted, who waits and who comes next, on both databases."""

import threading
from datetime import timedelta
from functools import partial

import pytest

from core import admission, jobs, leases, states
from core.db import transaction
from core.leases import Lease
from core.models import Job, now
from core.settings import get_settings
from tests.core.rows import artifact_of, make_account, make_job, stage_plan

pytestmark = pytest.mark.usefixtures("database", "two_at_once")
LONE = (stage_plan("probe"),)


@pytest.fixture
def two_at_once(database, monkeypatch):
    monkeypatch.setenv("MAX_RUNNING_JOBS", "2")
    get_settings.cache_clear()


@pytest.fixture
def account():
    return make_account("one")


def submit(account, salt, **order):
    return make_job(LONE, salt=str(salt), account_id=account, **order)


def again(job):
    return jobs.get(job.account_id, job.id)


def admitted(*made):
    return [again(job).admitted_at is not None for job in made]


def finish(job):
    lease = Lease(job.id, "probe", again(job).epoch, "one")
    row = leases.claim(lease, seconds=15, attempts=3)
    assert leases.commit(lease, artifact_of(row, job.account_id))


def admit_next(account, lane="work"):
    return [job.id for job in admission.admit_next(account, lane)]


def test_a_job_waits_when_its_account_has_no_room(account):
    made = [submit(account, n) for n in range(3)]
    assert admitted(*made) == [True, True, False]
    assert [again(job).stages[0].queued_at is not None for job in made] == [True, True, False]
    assert admit_next(account) == []


def test_accounts_do_not_wait_for_each_other(account):
    made = [submit(account, n) for n in range(5)]
    assert admitted(*made, submit(make_account("two"), 0)) == [True, True, False, False, False, True]


def test_lanes_do_not_wait_for_each_other(account):
    made = [submit(account, n) for n in range(3)]
    looks = [submit(account, f"look {n}", lane="inspect") for n in range(3)]
    assert admitted(*made, *looks) == [True, True, False, True, True, False]
    finish(looks[0])
    assert admit_next(account, "inspect") == [looks[2].id]
    assert admitted(made[2]) == [False]


@pytest.mark.parametrize("end", ["succeed", "fail", "cancel"])
def test_the_next_one_comes_when_a_job_ends(account, end):
    made = [submit(account, n) for n in range(4)]
    match end:
        case "succeed":
            finish(made[1])
        case "fail":
            lease = Lease(made[1].id, "probe", 1, "one")
            leases.claim(lease, seconds=15, attempts=3)
            assert leases.fail(lease, code="bad", message="Bad.", retryable=False)
        case _:
            jobs.cancel(account, made[1].id)
    assert admit_next(account) == [made[2].id]
    assert again(made[2]).stages[0].queued_at >= again(made[1]).finished_at
    assert admit_next(account) == []


def test_priority_goes_first_then_age(account):
    made = [submit(account, n) for n in range(2)]
    words = ("normal", "low", "high", "normal", "high")
    rest = [submit(account, word + str(n), priority=admission.PRIORITIES[word]) for n, word in enumerate(words)]
    order = []
    for _ in rest:
        finish(made.pop(0))
        [job_id] = admit_next(account)
        made += [job for job in rest if job.id == job_id]
        order.append(rest.index(made[-1]))
    assert order == [2, 4, 0, 3, 1]


def test_a_waiting_job_that_is_canceled_is_passed_over(account):
    made = [submit(account, n) for n in range(5)]
    jobs.cancel(account, made[2].id)
    finish(made[0])
    assert admit_next(account) == [made[3].id]


def test_a_job_that_is_answered_from_cache_takes_no_room(account):
    finish(submit(account, "same"))
    made = [submit(account, "same") for _ in range(3)]
    assert {again(job).status for job in made} == {states.SUCCEEDED}
    assert admitted(submit(account, 1), submit(account, 2)) == [True, True]


def test_a_late_comer_does_not_take_the_place_of_who_waits(account):
    made = [submit(account, n) for n in range(3)]
    finish(made[0])
    late = submit(account, "late")
    assert admitted(late) == [False]
    assert admit_next(account) == [made[2].id]


def test_a_smaller_bound_admits_nobody_until_it_is_met(account, monkeypatch):
    made = [submit(account, n) for n in range(4)]
    monkeypatch.setenv("MAX_RUNNING_JOBS", "1")
    get_settings.cache_clear()
    finish(made[0])
    assert admit_next(account) == []
    finish(made[1])
    assert admit_next(account) == [made[2].id]


def test_lines_that_somebody_forgot_are_found(account):
    made = [submit(account, n) for n in range(4)]
    other = make_account("two")
    submit(other, 1)
    assert admission.lines_with_room() == []
    finish(made[0])
    assert admission.lines_with_room() == [(account, "work")]
    admit_next(account)
    assert admission.lines_with_room() == []


def at_once(*calls):
    barrier = threading.Barrier(len(calls))

    def run(call):
        barrier.wait()
        call()

    threads = [threading.Thread(target=run, args=(call,)) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)


def running(account):
    with transaction() as session:
        rows = session.query(Job).where(Job.account_id == account, Job.status.in_(("queued", "running")))
        return [row.admitted_at is not None for row in rows.order_by(Job.id)]


def test_many_who_submit_and_admit_at_once_neither_exceed_the_bound_nor_lose_a_job(account):
    for turn in range(3):
        submits = [partial(submit, account, f"{turn} {n}") for n in range(4)]
        at_once(*submits, *[partial(admit_next, account)] * 2)
        live = running(account)
        assert sum(live) == 2, live
        assert len(live) == 4 * (turn + 1)
    with transaction() as session:
        ids = [row.id for row in session.query(Job).where(Job.account_id == account, Job.admitted_at.is_not(None))]
    at_once(*(partial(jobs.cancel, account, job_id) for job_id in ids), *[partial(admit_next, account)] * 3)
    admit_next(account)
    live = running(account)
    assert (sum(live), len(live)) == (2, 10)


def test_a_job_is_canceled_while_it_is_admitted(account):
    """Whichever is first, the next one in line has the place."""
    made = [submit(account, n) for n in range(4)]
    finish(made[0])
    at_once(lambda: jobs.cancel(account, made[2].id), lambda: admit_next(account))
    admit_next(account)
    assert again(made[2]).status == states.CANCELED
    assert admitted(made[3]) == [True]


def test_the_wait_in_the_database_is_no_wait_in_a_queue(account):
    made = [submit(account, n) for n in range(3)]
    with transaction() as session:
        session.get_one(Job, made[2].id).created_at = now() - timedelta(hours=1)
    finish(made[0])
    admit_next(account)
    assert now() - again(made[2]).stages[0].queued_at < timedelta(minutes=1)
