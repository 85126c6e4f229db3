"""A queue position is true: so many jobs less one are started before, on both databases."""

from contextlib import contextmanager

import pytest
from sqlalchemy import event, select

from core import admission, estimate, job_document, jobs, leases
from core.db import engine, reading
from core.leases import Lease
from core.models import Job, JobStage
from core.settings import get_settings
from tests.core.rows import artifact_of, make_account, make_job, stage_plan

pytestmark = pytest.mark.usefixtures("database", "two_at_once")
LONE = (stage_plan("probe"),)
PAIR = (stage_plan("probe"), stage_plan("trim", "probe"))


@pytest.fixture
def two_at_once(database, monkeypatch):
    monkeypatch.setenv("MAX_RUNNING_JOBS", "2")
    get_settings.cache_clear()


def submit(account, salt, stages=LONE, **order):
    return make_job(stages, salt=str(salt), account_id=account, **order)


def documents(made):
    with reading() as session:
        rows = {row.id: row for row in session.scalars(select(Job).where(Job.id.in_([job.id for job in made])))}
    return job_document.documents([rows[job.id] for job in made], None)


def places(*made):
    return [document["queue_position"] for document in documents(made)]


def claim(job_id):
    with reading() as session:
        job = session.get_one(Job, job_id)
        name = next(stage.name for stage in job.stages if stage.queued_at and stage.status == "queued")
    lease = Lease(job_id, name, job.epoch, "one")
    return lease, leases.claim(lease, seconds=15, attempts=3)


def start_next(queue="probe"):
    """What the worker of a queue does next, and the whole job with it; return the job's id."""
    with reading() as session:
        query = select(JobStage.job_id).where(JobStage.queue == queue, JobStage.status == "queued")
        job_id = session.scalars(query.where(JobStage.queued_at.is_not(None)).order_by(JobStage.queued_at)).first()
    if job_id:
        lease, row = claim(job_id)
        account_id = account_of(job_id)
        leases.commit(lease, artifact_of(row, account_id))
        admission.admit_next(account_id, "work")
    return job_id


def account_of(job_id):
    with reading() as session:
        return session.get_one(Job, job_id).account_id


def test_jobs_are_started_in_the_order_of_their_positions():
    account = make_account("one")
    words = ("normal", "normal", "low", "high", "normal")
    made = [submit(account, n, priority=admission.PRIORITIES[word]) for n, word in enumerate(words)]
    expected = places(*made)
    assert expected == [1, 2, 5, 3, 4]
    started = [start_next() for _ in made]
    assert [started.index(job.id) + 1 for job in made] == expected
    assert places(*made) == [None] * 5


def test_no_job_is_started_before_its_position():
    accounts = [make_account(str(n)) for n in range(3)]
    made = [submit(account, f"{account}{n}") for n in range(4) for account in accounts]
    assert places(*made) == [1, 2, 3, 4, 5, 6, *[7] * 3, *[8] * 3]
    told = {job.id: place for job, place in zip(made, places(*made), strict=True)}
    for turn in range(1, len(made) + 1):
        [first] = [job.id for job, place in zip(made, places(*made), strict=True) if place == 1]
        assert start_next() == first
        assert told[first] <= turn


def test_the_number_goes_down_as_others_are_started():
    account = make_account("one")
    made = [submit(account, n) for n in range(5)]
    seen = []
    for _ in range(5):
        seen.append(places(made[4])[0])
        start_next()
    assert seen == [5, 4, 3, 2, 1]


def test_a_waiting_job_is_counted_behind_the_queue_that_it_will_come_to():
    """Its first stage may be done: then others stand in another queue, which do not count."""
    one, two = make_account("one"), make_account("two")
    first = submit(one, "shared", PAIR)
    lease, row = claim(first.id)
    leases.commit(lease, artifact_of(row, one))
    for n in range(2):
        submit(two, n)
    held = submit(one, "held")
    cached, fresh = submit(one, "shared", PAIR), submit(one, "fresh")
    assert [stage.status for stage in cached.stages] == ["succeeded", "queued"]
    # `first` is at work; before `held` two probes stand in the queue.
    assert places(held, cached, fresh) == [3, 1, 5]


def test_lanes_are_lines_of_their_own():
    account = make_account("one")
    made = [submit(account, n) for n in range(3)]
    look = submit(account, "look", lane="inspect")
    assert places(*made, look) == [1, 2, 4, 3]


def test_a_job_that_waits_does_not_know_of_jobs_to_come():
    one, two = make_account("one"), make_account("two")
    made = [submit(one, n) for n in range(3)]
    assert places(made[2]) == [3]
    newer = submit(two, "newer")
    assert places(made[2], newer) == [4, 3]


@contextmanager
def counted():
    statements = []

    def note(_connection, _cursor, statement, *_):
        if statement.startswith("SELECT"):
            statements.append(statement)

    event.listen(engine(), "before_cursor_execute", note)
    try:
        yield statements
    finally:
        event.remove(engine(), "before_cursor_execute", note)


def test_a_page_of_jobs_costs_no_more_queries_than_one():
    account = make_account("one")
    made = [submit(account, n) for n in range(30)]
    rows = jobs.page(account, before=None, limit=30)
    with counted() as for_two:
        job_document.documents([rows[0], rows[-1]], None)
    with counted() as for_all:
        shown = job_document.documents(rows, None)
    # The database's time, and three for the positions.
    assert len(for_all) == len(for_two) == 4
    assert [document["queue_position"] for document in shown] == list(range(30, 0, -1))
    jobs.cancel(account, made[0].id)
    row = jobs.get(account, made[0].id)
    with counted() as for_ended:
        job_document.documents([row], None)
    assert for_ended == []


def test_a_heartbeat_asks_for_nothing_but_the_job(monkeypatch):
    """Every running stage tells its followers at each of them."""
    monkeypatch.setattr(estimate, "_KEPT_S", 10**9)
    job = submit(make_account("one"), 1)
    claim(job.id)
    with counted() as first:
        job_document.announce(job.id)
    with counted() as second:
        job_document.announce(job.id)
    # The row with its stages, and once a minute how long such stages took.
    assert (len(first), len(second)) == (2, 1)
