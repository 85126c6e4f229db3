"""The lease and epoch protocol, on both databases."""

import threading
from datetime import timedelta

import pytest

from core import holders, jobs, leases, states
from core.db import transaction
from core.errors import ConflictError, NotFoundError
from core.leases import Claim, Lease
from core.models import Artifact, JobStage, now
from core.refusals import Later, Refused
from tests.core.rows import artifact_of, make_job, stage_plan

pytestmark = pytest.mark.usefixtures("database")


def take(job, name, owner="one", *, seconds=15, attempts=3, epoch=None):
    lease = Lease(job.id, name, epoch or job.epoch, owner)
    return lease, leases.claim(lease, seconds=seconds, attempts=attempts)


def run(job, *names):
    for name in names:
        lease, row = take(job, name)
        assert isinstance(row, Claim)
        assert leases.commit(lease, artifact_of(row, job.account_id))


def again(job):
    return jobs.get(job.account_id, job.id)


def stage_of(job, name):
    return next(stage for stage in again(job).stages if stage.name == name)


def test_a_whole_job():
    job = make_job()
    assert again(job).status == states.QUEUED
    run(job, "probe", "trim", "preview", "brand")
    assert again(job).status == states.RUNNING
    assert again(job).progress == pytest.approx(0.97)
    run(job, "publish")
    done = again(job)
    assert (done.status, done.progress) == (states.SUCCEEDED, 1.0)
    assert [stage.attempt for stage in done.stages] == [1] * 5
    assert all(not stage.cached and stage.lease_owner is None for stage in done.stages)


def test_a_held_stage_is_busy_for_everyone_else():
    job = make_job()
    take(job, "probe")
    assert take(job, "probe", "two")[1] is Refused.BUSY


def test_a_stage_waits_for_what_it_needs():
    assert take(make_job(), "trim")[1] is Refused.EARLY


def test_a_stage_that_was_handed_back_waits_for_its_time():
    """Also when the repair of another stage has sent it anew."""
    job = make_job()
    lease, _ = take(job, "probe")
    assert leases.release(lease, delay_s=60)
    early = take(job, "probe", "two")[1]
    assert isinstance(early, Later)
    assert 30 < early.seconds <= 60
    with transaction() as session:
        session.get_one(JobStage, (job.id, "probe")).queued_at = now() + timedelta(seconds=0.5)
    assert take(job, "probe", "two")[1].attempt == 2


def test_an_old_epoch_and_an_unknown_job_are_stale():
    job = make_job()
    assert take(job, "probe", epoch=job.epoch + 1)[1] is Refused.STALE
    unknown = Lease("job_none", "probe", 1, "one")
    assert leases.claim(unknown, seconds=1, attempts=1) is Refused.STALE


def test_an_expired_lease_goes_to_another_and_the_first_commits_nothing():
    job = make_job()
    slow, row = take(job, "probe", "slow", seconds=-1)
    assert holders.expired() == [(job.id, "probe")]
    quick, other = take(job, "probe", "quick")
    assert isinstance(other, Claim)
    assert other.attempt == 2
    assert not leases.renew(slow, seconds=15, progress=0.5)
    assert not leases.commit(slow, artifact_of(row, job.account_id))
    assert not leases.fail(slow, code="x", message="x", retryable=False)
    assert not leases.release(slow)
    assert leases.commit(quick, artifact_of(other, job.account_id))


def test_a_redelivered_message_after_the_commit_finds_the_stage_done():
    job = make_job()
    run(job, "probe")
    assert take(job, "probe", "two")[1] is Refused.DONE
    assert stage_of(job, "probe").attempt == 1


def test_renewing_saves_progress_that_never_goes_back():
    job = make_job()
    run(job, "probe")
    lease, _ = take(job, "trim")
    assert leases.renew(lease, seconds=15, progress=0.5)
    assert again(job).progress == pytest.approx(0.27)
    assert leases.renew(lease, seconds=15, progress=0.2)
    assert again(job).progress == pytest.approx(0.27)
    leases.release(lease)
    take(job, "trim", "two")
    assert stage_of(job, "trim").progress == 0
    assert again(job).progress == pytest.approx(0.27)


def test_failing_a_stage_fails_the_job_with_its_reason_and_cancels_the_rest():
    job = make_job()
    run(job, "probe", "trim")
    beside, _ = take(job, "preview", "beside")
    lease, _ = take(job, "brand")
    assert leases.fail(lease, code="unsupported_text", message="No glyph.", retryable=False)
    ended = again(job)
    assert ended.status == states.FAILED
    assert ended.error == {
        "code": "unsupported_text",
        "message": "No glyph.",
        "stage": "brand",
        "retryable": False,
    }
    assert {stage.name: stage.status for stage in ended.stages} == {
        "probe": "succeeded",
        "trim": "succeeded",
        "preview": "canceled",
        "brand": "failed",
        "publish": "canceled",
    }
    assert not leases.renew(beside, seconds=15, progress=0.5)
    assert ended.epoch == job.epoch + 1


def test_cancel_stops_everything_once():
    job = make_job()
    lease, row = take(job, "probe")
    canceled = jobs.cancel(job.account_id, job.id)
    assert canceled.status == states.CANCELED
    assert not leases.renew(lease, seconds=15, progress=0.1)
    assert not leases.commit(lease, artifact_of(row, job.account_id))
    assert take(job, "probe")[1] is Refused.STALE
    with pytest.raises(ConflictError) as caught:
        jobs.cancel(job.account_id, job.id)
    assert caught.value.code == "job_ended"


def test_another_account_sees_no_job():
    job = make_job()
    with pytest.raises(NotFoundError):
        jobs.get("acc_other", job.id)
    with pytest.raises(NotFoundError):
        jobs.cancel("acc_other", job.id)


def test_the_second_job_of_the_same_work_runs_nothing():
    first = make_job()
    run(first, "probe", "trim", "preview", "brand", "publish")
    second = make_job()
    assert second.status == states.SUCCEEDED
    assert all(stage.cached and stage.attempt == 0 for stage in second.stages)
    assert stage_of(second, "trim").result == {"made": "trim"}


def test_work_that_appeared_meanwhile_is_not_done_again():
    first, second = make_job(), make_job()
    run(first, "probe")
    assert take(second, "probe")[1] is Refused.DONE
    assert stage_of(second, "probe").cached


def test_two_jobs_that_make_the_same_artifact_at_once_both_succeed():
    first, second = make_job((stage_plan("probe"),)), make_job((stage_plan("probe"),))
    held = [take(job, "probe") for job in (first, second)]
    barrier = threading.Barrier(2)
    answers = []

    def finish(job, lease, row):
        barrier.wait()
        answers.append(bool(leases.commit(lease, artifact_of(row, job.account_id))))

    threads = [
        threading.Thread(target=finish, args=(job, *one)) for job, one in zip((first, second), held, strict=True)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [True, True]
    assert {again(first).status, again(second).status} == {states.SUCCEEDED}
    with transaction() as session:
        assert session.query(Artifact).count() == 1


def test_a_commit_whose_answer_was_lost_may_be_asked_again():
    job = make_job()
    lease, row = take(job, "probe")
    made = artifact_of(row, job.account_id)
    assert leases.commit(lease, made)
    assert leases.commit(lease, artifact_of(row, job.account_id)).artifact.digest == made.digest


@pytest.mark.parametrize("done", [(), ("probe",)], ids=["of a job that waits", "of a job that runs"])
def test_only_one_of_many_claims_at_once_wins(done):
    job = make_job()
    run(job, *done)
    barrier = threading.Barrier(8)
    answers = []

    def claim(number):
        barrier.wait()
        answers.append(take(job, "trim" if done else "probe", f"worker-{number}")[1])

    threads = [threading.Thread(target=claim, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == 8
    assert sum(isinstance(answer, Claim) for answer in answers) == 1
    assert sum(answer is Refused.BUSY for answer in answers) == 7


def cancel(job, _stage):
    jobs.end(job, states.CANCELED, job.as_of)


def give_to_another(job, stage):
    stage.status, stage.attempt, stage.lease_owner = states.RUNNING, 1, "another"
    stage.lease_expires_at = job.as_of + timedelta(seconds=15)


@pytest.mark.parametrize(
    ("change", "answer", "row"),
    [
        (cancel, Refused.STALE, (states.CANCELED, 0, None)),
        (give_to_another, Refused.BUSY, (states.RUNNING, 1, "another")),
    ],
)
def test_a_claim_that_waited_for_who_held_the_job_goes_by_what_he_did(change, answer, row):
    job, answers = make_job(), []
    run(job, "probe")
    late = threading.Thread(target=lambda: answers.append(take(job, "trim", "late")[1]))
    with transaction() as session:
        held = jobs.lock(session, job.id)
        late.start()
        late.join(0.5)
        assert late.is_alive()
        change(held, next(stage for stage in held.stages if stage.name == "trim"))
    late.join()
    stage = stage_of(job, "trim")
    assert (answers, (stage.status, stage.attempt, stage.lease_owner)) == ([answer], row)


def test_a_stage_that_loses_every_worker_fails():
    job = make_job()
    for _ in range(2):
        assert isinstance(take(job, "probe", seconds=-1, attempts=2)[1], Claim)
    assert take(job, "probe", attempts=2)[1] is Refused.EXHAUSTED
    assert again(job).error["code"] == "worker_lost"
    assert again(job).status == states.FAILED


def test_a_released_stage_waits_and_keeps_its_count():
    job = make_job()
    lease, _ = take(job, "probe")
    leases.release(lease, delay_s=30)
    stage = stage_of(job, "probe")
    assert (stage.status, stage.attempt) == (states.QUEUED, 1)
    assert stage.queued_at > now() + timedelta(seconds=20)


def test_queue_clock_starts_when_a_stage_becomes_ready():
    job = make_job()
    assert [stage.queued_at is not None for stage in again(job).stages] == [True, False, False, False, False]
    run(job, "probe", "trim")
    assert [stage.queued_at is not None for stage in again(job).stages] == [True, True, True, True, False]


def test_pages_go_from_new_to_old():
    made = [make_job(salt=str(number)) for number in range(3)]
    account = made[0].account_id
    assert [job.id for job in jobs.page(account, before=None, limit=2)] == [made[2].id, made[1].id]
    assert [job.id for job in jobs.page(account, before=made[1].id, limit=2)] == [made[0].id]
    assert jobs.page("acc_other", before=None, limit=2) == []
