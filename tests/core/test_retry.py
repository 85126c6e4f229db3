"""A retry keeps what is done and runs the rest, on both databases."""

import threading

import pytest
from sqlalchemy import delete

from core import jobs, leases, parts, states
from core.db import transaction
from core.errors import ConflictError, InputError, NotFoundError
from core.leases import Lease
from core.models import Artifact, Asset, Job, JobStage, now
from core.parts import PartPlan
from core.refusals import Refused
from core.retry import retry
from core.settings import get_settings
from tests.core.rows import artifact_of, make_account, make_asset, make_job

pytestmark = pytest.mark.usefixtures("database")
ALL = ("probe", "trim", "preview", "brand", "publish")


def again(job):
    return jobs.get(job.account_id, job.id)


def row_of(job, name):
    return next(stage for stage in again(job).stages if stage.name == name)


def take(job, name, owner="one", attempts=3, seconds=15):
    lease = Lease(job.id, name, again(job).epoch, owner)
    return lease, leases.claim(lease, seconds=seconds, attempts=attempts)


def run(job, *names):
    for name in names:
        lease, row = take(job, name)
        assert leases.commit(lease, artifact_of(row, job.account_id))


def fail(job, name):
    lease, _ = take(job, name)
    assert leases.fail(lease, code="out_of_memory", message="Too much.", retryable=False)


def statuses(job):
    return {stage.name: stage.status for stage in again(job).stages}


def forget_artifact(stage):
    with transaction() as session:
        session.execute(delete(Artifact).where(Artifact.digest == stage.digest))


@pytest.fixture
def failed():
    """A job that failed in brand, while preview was at work."""
    job = make_job()
    run(job, "probe", "trim")
    take(job, "preview")
    fail(job, "brand")
    return job


def test_what_is_done_stays_and_the_rest_is_queued(failed):
    before = again(failed)
    job = retry(failed.account_id, failed.id)
    assert statuses(job) == {
        "probe": "succeeded", "trim": "succeeded", "preview": "queued", "brand": "queued", "publish": "queued"
    }  # fmt: skip
    assert (job.status, job.error, job.finished_at, job.started_at) == ("queued", None, None, None)
    assert job.epoch == before.epoch + 1
    assert job.progress == pytest.approx(0.52)
    assert job.admitted_at is not None
    assert job.dispatched_at is None
    for name in ("preview", "brand"):
        row = row_of(job, name)
        assert (row.attempt, row.progress, row.lease_owner) == (0, 0.0, None)
        assert row.queued_at is not None
    assert row_of(job, "trim").attempt == 1
    run(job, "preview", "brand", "publish")
    assert (again(job).status, again(job).progress) == (states.SUCCEEDED, 1.0)


def test_attempts_are_counted_anew():
    job = make_job()
    for _ in range(2):
        take(job, "probe", attempts=2, seconds=-1)
    assert take(job, "probe", attempts=2)[1] is Refused.EXHAUSTED
    assert again(job).error["code"] == "worker_lost"
    retry(job.account_id, job.id)
    assert take(job, "probe", attempts=2)[1].attempt == 1


def test_the_last_run_has_no_say_any_more(failed):
    """Its worker may still be at work, and its messages on their way."""
    old = Lease(failed.id, "preview", 1, "one")
    retry(failed.account_id, failed.id)
    row = row_of(failed, "preview")
    assert not leases.renew(old, seconds=15, progress=0.9)
    assert leases.commit(old, artifact_of(row, failed.account_id)) is None
    for epoch in (1, again(failed).epoch - 1):
        stale = Lease(failed.id, "brand", epoch, "two")
        assert leases.claim(stale, seconds=15, attempts=3) is Refused.STALE


def test_a_canceled_job_is_taken_up_again():
    job = make_job()
    run(job, "probe")
    jobs.cancel(job.account_id, job.id)
    retry(job.account_id, job.id)
    assert list(statuses(job).values()) == ["succeeded", *["queued"] * 4]
    run(job, *ALL[1:])
    assert again(job).status == states.SUCCEEDED


def test_what_another_job_made_meanwhile_is_taken(failed):
    other = make_job()
    run(other, "preview", "brand", "publish")
    retry(failed.account_id, failed.id)
    assert again(failed).status == states.SUCCEEDED
    assert [row_of(failed, name).cached for name in ALL] == [False, False, True, True, True]
    assert again(failed).admitted_at is None


def test_what_was_deleted_meanwhile_is_made_again(failed):
    forget_artifact(row_of(failed, "trim"))
    retry(failed.account_id, failed.id)
    assert statuses(failed)["trim"] == states.QUEUED
    assert take(failed, "brand")[1] is Refused.EARLY
    run(failed, "trim", "preview", "brand", "publish")
    assert again(failed).status == states.SUCCEEDED


def test_jobs_that_cannot_be_retried():
    job = make_job()
    for _ in range(2):
        with pytest.raises(ConflictError) as caught:
            retry(job.account_id, job.id)
        assert caught.value.code == "job_running"
        if again(job).status == states.QUEUED:
            take(job, "probe")
    done = make_job(salt="done")
    run(done, *ALL)
    with pytest.raises(ConflictError) as caught:
        retry(done.account_id, done.id, "brand")
    assert caught.value.code == "job_succeeded"
    with pytest.raises(NotFoundError) as caught:
        retry(make_account("two"), done.id)
    assert caught.value.code == "job_not_found"


def test_a_stage_that_is_not_there(failed):
    for name in ("segment", ""):
        with pytest.raises(InputError) as caught:
            retry(failed.account_id, failed.id, name)
        assert caught.value.code == "unknown_stage"
        assert "probe, trim, preview, brand, publish" in caught.value.message
    assert again(failed).status == states.FAILED


def test_a_deleted_asset_refuses_only_who_reads_it():
    job = make_job()
    asset = make_asset()
    with transaction() as session:
        session.get_one(JobStage, (job.id, "trim")).inputs = {"source": {"asset": asset.id}}
    jobs.cancel(job.account_id, job.id)
    with transaction() as session:
        session.get_one(Asset, asset.id).deleted_at = now()
    with pytest.raises(NotFoundError) as caught:
        retry(job.account_id, job.id)
    assert caught.value.code == "asset_not_found"
    assert again(job).status == states.CANCELED
    other = make_job()
    run(other, "probe", "trim")
    assert retry(job.account_id, job.id).status == states.QUEUED


def test_a_retry_waits_for_room(monkeypatch, failed):
    monkeypatch.setenv("MAX_RUNNING_JOBS", "1")
    get_settings.cache_clear()
    make_job(salt="other")
    job = retry(failed.account_id, failed.id)
    assert (job.status, job.admitted_at) == ("queued", None)
    assert row_of(job, "brand").queued_at is None


def test_two_retries_at_once_are_one(failed):
    answers = []

    def ask():
        try:
            answers.append(retry(failed.account_id, failed.id).epoch)
        except ConflictError as error:
            answers.append(error.code)

    threads = [threading.Thread(target=ask) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(answers, key=str) == [3, "job_running"]


# Parts.


def part(name, **params):
    return PartPlan(name=name, kind="segment", version=1, params=params or {"n": name}, inputs={}, share=1.0)


@pytest.fixture
def split():
    """A job whose trim was split into three, of which one is done and one failed."""
    job = make_job()
    run(job, "probe")
    lease, _ = take(job, "trim")
    assert parts.expand(lease, [part("a"), part("b"), part("c")], {"plan": 1})
    run(job, "trim/a")
    fail(job, "trim/b")
    return job


def test_parts_that_are_done_stay(split):
    retry(split.account_id, split.id)
    found = statuses(split)
    assert [found[name] for name in ("trim", "trim/a", "trim/b", "trim/c")] == ["queued", "succeeded", *["queued"] * 2]
    assert row_of(split, "trim").notes == {"plan": 1}
    assert take(split, "trim")[1] is Refused.EARLY
    run(split, "trim/b", "trim/c", *ALL[1:])
    assert again(split).status == states.SUCCEEDED


@pytest.mark.parametrize("start", ["trim", "probe"])
def test_a_stage_that_begins_anew_forgets_its_parts(split, start):
    whole = make_job(salt="whole")
    retry(split.account_id, split.id, start)
    assert list(statuses(split)) == list(ALL)
    trim, plain = row_of(split, "trim"), row_of(whole, "trim")
    assert (trim.needs, trim.notes, trim.attempt) == (plain.needs, None, 0)
    assert trim.weight == pytest.approx(plain.weight)
    assert again(split).progress == pytest.approx(0.02)
    # It may be split again, otherwise; what is the same is not made again.
    lease, _ = take(split, "trim")
    assert parts.expand(lease, [part("a"), part("d")], {"plan": 2})
    assert [statuses(split)[name] for name in ("trim/a", "trim/d")] == ["succeeded", "queued"]


def test_a_stage_after_it_begins_anew_and_the_parts_stay(split):
    retry(split.account_id, split.id, "brand")
    assert statuses(split)["trim/a"] == states.SUCCEEDED


def test_parts_of_what_another_job_made_are_forgotten(split):
    other = make_job()
    run(other, "trim")
    retry(split.account_id, split.id)
    assert statuses(split) == {
        "probe": "succeeded", "trim": "succeeded", "preview": "queued", "brand": "queued", "publish": "queued"
    }  # fmt: skip
    run(split, *ALL[2:])
    assert again(split).status == states.SUCCEEDED


def test_parts_that_were_joined_are_not_made_again(split):
    retry(split.account_id, split.id)
    run(split, "trim/b", "trim/c", "trim")
    fail(split, "brand")
    forget_artifact(row_of(split, "trim/a"))
    retry(split.account_id, split.id)
    assert statuses(split)["trim/a"] == states.SUCCEEDED
    fail(split, "brand")
    forget_artifact(row_of(split, "trim"))
    retry(split.account_id, split.id)
    assert [statuses(split)[name] for name in ("trim/a", "trim/b", "trim")] == ["queued", "succeeded", "queued"]


def test_no_row_of_a_retried_job_is_left_behind(split):
    retry(split.account_id, split.id, "trim")
    with transaction() as session:
        assert session.query(JobStage).where(JobStage.job_id == split.id).count() == len(ALL)
        assert session.get_one(Job, split.id).status == states.QUEUED
