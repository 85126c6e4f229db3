"""Lost work is found in the rows and sent again, once."""

import base64
import json
import threading
from datetime import timedelta

import pytest
from sqlalchemy import text

from core import jobs, leases, parts, states
from core.db import transaction
from core.leases import Claim, Lease
from core.models import Job, JobStage, now
from core.parts import PartPlan
from core.refusals import Refused
from pipelines import canvas, reconciler
from tasks.app import celery_app
from tests.broker import forget_connections
from tests.core.rows import artifact_of, make_job
from tests.services.ports import free_port

pytestmark = pytest.mark.usefixtures("database")
LONG_AGO = now() - timedelta(hours=1)


def change(job, **values):
    with transaction() as session:
        row = session.get_one(Job, job.id)
        for name, value in values.items():
            setattr(row, name, value)
        return row


def change_stage(job, name, **values):
    with transaction() as session:
        row = session.get_one(JobStage, (job.id, name))
        for field, value in values.items():
            setattr(row, field, value)


def again(job):
    return jobs.get(job.account_id, job.id)


def messages(broker, queue):
    """The `(job id, epoch)` of every message in a queue."""
    bodies = [json.loads(raw)["body"] for raw in broker.lrange(queue, 0, -1)]
    return [tuple(json.loads(base64.b64decode(body))[0][:2]) for body in bodies]


def claim(job, name, *, seconds=15, attempts=4):
    lease = Lease(job.id, name, again(job).epoch, f"{name}-owner")
    return lease, leases.claim(lease, seconds=seconds, attempts=attempts)


def run(job, *names):
    for name in names:
        lease, row = claim(job, name)
        leases.commit(lease, artifact_of(row, job.account_id))


def test_a_healthy_job_is_left_alone(broker):
    job = make_job()
    canvas.dispatch(job)
    assert not any(reconciler.run().values())
    assert messages(broker, "probe") == [(job.id, 1)]


def test_a_job_that_was_never_sent_is_sent(broker):
    job = make_job()
    change(job, admitted_at=LONG_AGO)
    assert reconciler.run()["never_sent"] == 1
    assert messages(broker, "probe") == [(job.id, 2)]
    assert again(job).dispatched_at is not None
    assert not any(reconciler.run().values())


def test_a_job_that_is_being_sent_right_now_is_left_alone(broker):
    make_job()
    assert not any(reconciler.run().values())


def test_a_lost_worker_costs_its_stage_only(broker):
    job = make_job()
    canvas.dispatch(job)
    run(job, "probe")
    claim(job, "trim", seconds=-1)
    assert reconciler.run()["lease_expired"] == 1
    assert messages(broker, "trim") == [(job.id, 2)]
    stage = next(stage for stage in again(job).stages if stage.name == "trim")
    assert (stage.status, stage.attempt) == (states.QUEUED, 1)


def test_the_stage_beside_a_lost_one_goes_on_and_the_rest_follows(broker):
    job = make_job()
    canvas.dispatch(job)
    run(job, "probe", "trim")
    claim(job, "brand", seconds=-1)
    beside, row = claim(job, "preview")
    assert reconciler.run()["lease_expired"] == 1
    assert messages(broker, "brand") == [(job.id, 2)]
    assert messages(broker, "preview") == []
    assert not any(reconciler.run().values())
    assert leases.commit(beside, artifact_of(row, job.account_id))
    run(job, "brand")
    assert reconciler.run()["never_sent"] == 1
    assert messages(broker, "publish") == [(job.id, 3)]
    run(job, "publish")
    assert again(job).status == states.SUCCEEDED


def test_a_stage_that_loses_every_worker_fails_the_job(broker):
    job = make_job()
    canvas.dispatch(job)
    change_stage(job, "probe", attempt=3)
    claim(job, "probe", seconds=-1)
    assert reconciler.run()["lease_expired"] == 1
    assert again(job).error["code"] == "worker_lost"
    assert again(job).status == states.FAILED


def test_a_message_that_the_broker_lost_is_sent_again(broker):
    job = make_job()
    canvas.dispatch(job)
    broker.flushdb()
    change(job, dispatched_at=LONG_AGO)
    change_stage(job, "probe", queued_at=LONG_AGO)
    assert reconciler.run()["message_lost"] == 1
    assert messages(broker, "probe") == [(job.id, 2)]
    assert not any(reconciler.run().values())


def test_a_lost_message_is_noticed_behind_a_queue_that_is_never_empty(broker):
    lost, later, waiting = (make_job(salt=salt) for salt in "abc")
    canvas.dispatch(lost)
    broker.flushdb()
    change(lost, dispatched_at=LONG_AGO)
    change_stage(lost, "probe", queued_at=LONG_AGO)
    canvas.dispatch(waiting)
    assert not any(reconciler.run().values())
    claim(later, "probe")
    assert reconciler.run()["message_lost"] == 1
    assert (lost.id, 2) in messages(broker, "probe")
    assert not any(reconciler.run().values())


def test_what_runs_again_overtook_nobody(broker):
    first, second = (make_job(salt=salt) for salt in "ab")
    for job in (first, second):
        canvas.dispatch(job)
        change(job, dispatched_at=LONG_AGO)
        change_stage(job, "probe", queued_at=LONG_AGO)
    claim(first, "probe")
    assert not any(reconciler.run().values())


def test_a_long_queue_is_not_a_lost_message(broker):
    job = make_job()
    canvas.dispatch(job)
    change(job, dispatched_at=LONG_AGO)
    change_stage(job, "probe", queued_at=LONG_AGO)
    assert not any(reconciler.run().values())


def test_a_broker_that_is_away_only_delays(broker, monkeypatch):
    job = make_job()
    with monkeypatch.context() as away:
        for name in ("broker_url", "broker_read_url", "broker_write_url"):
            away.setitem(celery_app.conf, name, f"redis://127.0.0.1:{free_port()}/0")
        forget_connections()
        assert canvas.dispatch(job) is False
    forget_connections()
    change(job, admitted_at=LONG_AGO)
    assert reconciler.run()["never_sent"] == 1
    assert messages(broker, "probe") == [(job.id, 2)]


def test_an_old_message_after_the_repair_is_stale(broker):
    job = make_job()
    canvas.dispatch(job)
    old = again(job).epoch
    claim(job, "probe", seconds=-1)
    reconciler.run()
    lease = Lease(job.id, "probe", old, "late")
    assert leases.claim(lease, seconds=15, attempts=4) is Refused.STALE


def forgotten(job, broker, *names):
    """The broker has lost the messages of stages that have been ready for long."""
    broker.flushdb()
    change(job, dispatched_at=LONG_AGO)
    for name in names:
        change_stage(job, name, queued_at=LONG_AGO)


def test_a_lost_message_is_found_beside_a_stage_that_runs(broker):
    job = make_job()
    canvas.dispatch(job)
    run(job, "probe", "trim")
    claim(job, "brand", seconds=-1)
    claim(job, "preview", seconds=3600)
    assert reconciler.run()["lease_expired"] == 1
    forgotten(job, broker, "brand")
    assert reconciler.run()["message_lost"] == 1
    assert messages(broker, "brand") == [(job.id, 3)]
    assert not any(reconciler.run().values())


def test_parts_are_sent_beside_a_stage_that_runs(broker):
    job = make_job()
    canvas.dispatch(job)
    run(job, "probe", "trim")
    claim(job, "preview", seconds=3600)
    lease, _ = claim(job, "brand")
    source = {"source": {"asset": job.input_asset_id}}
    asked = [
        PartPlan(name=name, kind="segment", version=1, params={"n": name}, inputs=source, share=1) for name in "ab"
    ]
    assert parts.expand(lease, asked, {})
    reconciler.go_on(job.id)
    assert len(messages(broker, "segment")) == 2
    reconciler.go_on(job.id)
    assert len(messages(broker, "segment")) == 2
    assert not any(reconciler.run().values())


def test_a_repair_that_was_not_sent_is_sent_at_the_next_beat(broker, monkeypatch):
    job = make_job()
    canvas.dispatch(job)
    broker.flushdb()
    claim(job, "probe", seconds=-1)
    with monkeypatch.context() as away:
        away.setattr(canvas, "dispatch", lambda job: False)
        assert reconciler.run()["lease_expired"] == 1
    assert messages(broker, "probe") == []
    assert reconciler.run()["never_sent"] == 1
    assert messages(broker, "probe") == [(job.id, again(job).epoch)]


@pytest.mark.parametrize(
    "trouble", [KeyError("unknown"), TypeError("no list"), ZeroDivisionError(), AttributeError("x")]
)
def test_a_row_that_nobody_foresaw_stops_no_other_repair(broker, monkeypatch, trouble):
    strange, usual = (make_job(salt=salt) for salt in "ab")
    for job in (strange, usual):
        canvas.dispatch(job)
        claim(job, "probe", seconds=-1)
    broker.flushdb()
    build = canvas.build

    def breaks(job):
        if job.id == strange.id:
            raise trouble
        return build(job)

    monkeypatch.setattr(canvas, "build", breaks)
    assert reconciler.run()["lease_expired"] == 1
    assert messages(broker, "probe") == [(usual.id, 2)]


def test_needs_that_are_none_stop_no_other_repair(broker):
    strange, usual = (make_job(salt=salt) for salt in "ab")
    for job in (strange, usual):
        canvas.dispatch(job)
        claim(job, "probe", seconds=-1)
    broker.flushdb()
    with transaction() as session:
        session.execute(text("UPDATE job_stages SET needs = 'null' WHERE job_id = :job"), {"job": strange.id})
    assert reconciler.run()["lease_expired"] == 1
    assert messages(broker, "probe") == [(usual.id, 2)]


def test_a_stage_of_a_newer_release_is_handed_back(broker):
    job = make_job()
    canvas.dispatch(job)
    claim(job, "probe", seconds=-1)
    change_stage(job, "probe", kind="of a newer release")
    reconciler.run()
    assert again(job).stages[0].status == states.QUEUED


def test_what_became_ready_at_about_the_same_time_overtook_nobody(broker):
    first, second = (make_job(salt=salt) for salt in "ab")
    for job, behind in ((first, 0), (second, 5)):
        canvas.dispatch(job)
        change(job, dispatched_at=LONG_AGO - timedelta(minutes=1))
        change_stage(job, "probe", queued_at=LONG_AGO + timedelta(milliseconds=behind))
    claim(second, "probe")
    assert not any(reconciler.run().values())


def test_two_at_once_do_no_harm(broker):
    made = [make_job(salt=salt) for salt in "abcdef"]
    for job in made:
        canvas.dispatch(job)
        claim(job, "probe", seconds=-1)
    broker.flushdb()
    both = [threading.Thread(target=reconciler.run) for _ in range(2)]
    for one in both:
        one.start()
    for one in both:
        one.join(60)
    live = {(job.id, again(job).epoch) for job in made}
    # Each job has a message that still counts, and no more than one that may be claimed.
    assert live <= set(messages(broker, "probe"))
    assert all(isinstance(claim(job, "probe")[1], Claim) for job in made)
    assert {claim(job, "probe")[1] for job in made} == {Refused.BUSY}
