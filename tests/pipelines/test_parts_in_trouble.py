"""Parts of a stage, when what makes them dies, is canceled, fails, is repeated, or meets another job's."""

from dataclasses import replace

import pytest

from core import holders, jobs, leases, parts, states
from core.errors import TransientError
from core.leases import Lease
from core.models import Artifact
from core.parts import PartPlan
from core.refusals import Refused
from pipelines import (
    canvas,
    handover,
    maintenance,  # noqa: F401 - it listens to what stages tell
    reconciler,
    submit,
)
from tasks import base
from tasks.app import celery_app
from tasks.context import Part
from tasks.stages import STAGES
from tests.core.rows import artifact_of, make_job, stage_plan
from tests.pipelines.test_reconciler import LONG_AGO, again, change, messages

pytestmark = pytest.mark.usefixtures("database")


def lease_of(job, name, owner="one"):
    return Lease(job.id, name, again(job).epoch, f"w/1/{owner}")


def take(job, name, owner="one", seconds=15):
    lease = lease_of(job, name, owner)
    return lease, leases.claim(lease, seconds=seconds, attempts=4)


def run(job, *names):
    for name in names:
        lease, claim = take(job, name)
        assert leases.commit(lease, artifact_of(claim, job.account_id))


def plans(job, names="ab"):
    source = {"source": {"asset": job.input_asset_id}}
    return [
        PartPlan(name=name, kind="segment", version=1, params={"n": name}, inputs=source, share=1) for name in names
    ]


def splitting(salt=""):
    """A job whose trim is being looked at, and the lease of that."""
    job = make_job(salt=salt)
    canvas.dispatch(job)
    run(job, "probe")
    return job, take(job, "trim")[0]


@pytest.fixture
def split(broker):
    job, lease = splitting()
    assert parts.expand(lease, plans(job), {"plan": 1})
    reconciler.go_on(job.id)
    return job


def statuses(job):
    return {stage.name: stage.status for stage in again(job).stages}


def test_parts_whose_worker_died_before_it_sent_them_are_sent(broker):
    job, lease = splitting()
    assert parts.expand(lease, plans(job), {"plan": 1})
    assert messages(broker, "segment") == []
    change(job, admitted_at=LONG_AGO)
    assert reconciler.run()["never_sent"] == 1
    assert messages(broker, "segment") == [(job.id, again(job).epoch)] * 2
    assert not any(reconciler.run().values())


def test_a_worker_that_died_while_it_looked_has_made_no_parts(broker):
    job, lease = splitting()
    assert handover.recover("w/1/") == 1
    assert not parts.expand(lease, plans(job), {"plan": 1})
    assert "trim/a" not in statuses(job)
    lease, claim = take(job, "trim", "two")
    assert (claim.attempt, claim.notes) == (2, None)
    assert parts.expand(lease, plans(job), {"plan": 1})
    assert {name for name in statuses(job) if "/" in name} == {"trim/a", "trim/b"}


def test_a_copy_of_the_message_that_asked_for_parts_starts_nothing(split):
    stale = Lease(split.id, "trim", split.epoch, "w/1/copy")
    assert leases.claim(stale, seconds=15, attempts=4) is Refused.STALE
    assert take(split, "trim", "early")[1] is Refused.EARLY


def test_a_cancel_takes_parts_from_who_makes_them(broker, split):
    lease, claim = take(split, "trim/a")
    epoch = again(split).epoch
    submit.cancel(split.account_id, split.id)
    assert set(statuses(split).values()) == {states.SUCCEEDED, states.CANCELED}
    assert not leases.renew(lease, seconds=15, progress=0.5)
    assert leases.commit(lease, artifact_of(claim, split.account_id)) is None
    waiting = Lease(split.id, "trim/b", epoch, "w/1/late")
    assert leases.claim(waiting, seconds=15, attempts=4) is Refused.STALE
    assert not any(reconciler.run().values())


def test_a_part_that_fails_ends_those_beside_it(split):
    beside, claim = take(split, "trim/b", "two")
    lease, _ = take(split, "trim/a")
    assert leases.fail(lease, code="damaged_file", message="It is damaged.", retryable=False)
    assert (again(split).status, again(split).error["stage"]) == (states.FAILED, "trim")
    assert not leases.renew(beside, seconds=15, progress=0.5)
    assert leases.commit(beside, artifact_of(claim, split.account_id)) is None
    assert holders.held_by("w/1/") == []


def test_a_retry_makes_only_the_parts_that_are_not_there(broker, split):
    run(split, "trim/b")
    lease, _ = take(split, "trim/a")
    assert leases.fail(lease, code="damaged_file", message="It is damaged.", retryable=True)
    broker.delete("segment")
    submit.retry(split.account_id, split.id, None)
    assert messages(broker, "segment") == [(split.id, again(split).epoch)]
    assert (statuses(split)["trim/a"], statuses(split)["trim/b"]) == (states.QUEUED, states.SUCCEEDED)
    run(split, "trim/a", "trim")
    assert again(split).status == states.RUNNING


def test_a_part_whose_worker_died_costs_that_part_alone(broker, split):
    run(split, "trim/b")
    take(split, "trim/a", seconds=-1)
    broker.delete("segment")
    assert reconciler.run()["lease_expired"] == 1
    assert messages(broker, "segment") == [(split.id, again(split).epoch)]
    assert take(split, "trim/a", "two")[1].attempt == 2


def test_a_part_that_two_jobs_make_at_once_counts_once_for_both(broker, split):
    other, lease = splitting(salt="other ")
    assert parts.expand(lease, plans(other), {"plan": 1})
    reconciler.go_on(other.id)
    held = [(job, *take(job, "trim/a", owner)) for job, owner in ((split, "first"), (other, "second"))]
    assert held[0][2].digest == held[1][2].digest
    for job, lease, claim in held:
        made = leases.commit(lease, by(claim, job.account_id, lease.owner))
        assert made.artifact.files == {"video.mp4": {"by": "w/1/first"}}
    # The other part is begun by one of them and found by the other.
    lease, claim = take(split, "trim/b")
    assert leases.commit(lease, artifact_of(claim, split.account_id))
    assert take(other, "trim/b")[1] is Refused.DONE
    assert [take(job, "trim")[1].attempt for job in (split, other)] == [1, 1]


def by(claim, account_id, owner):
    files = {"video.mp4": {"by": owner}}
    return Artifact(digest=claim.digest, account_id=account_id, stage="segment", version=1, files=files, result={})


@pytest.fixture
def asking(monkeypatch):
    """A stage that asks for two parts."""

    def ask(ctx):
        shares = {"kind": "segment", "inputs": {}, "share": 1.0}
        ctx.expand([Part(name=name, params={"n": name}, **shares) for name in "ab"], {"plan": 1})

    monkeypatch.setitem(STAGES, "asking", replace(STAGES["trim"], name="asking"))
    yield base.stage("asking")(ask)
    celery_app.tasks.unregister("asking")


def test_an_answer_that_was_lost_has_the_parts_sent_all_the_same(broker, asking, monkeypatch):
    """The database committed, and its connection broke before it said so."""
    job = make_job((stage_plan("asking"),))
    expand = parts.expand

    def lost(*what):
        assert expand(*what)
        raise TransientError("database_unavailable", "The database did not answer.")

    monkeypatch.setattr(parts, "expand", lost)
    asking.apply(args=(job.id, job.epoch))
    assert messages(broker, "segment") == [(job.id, again(job).epoch)] * 2
    asked = next(stage for stage in again(job).stages if stage.name == "asking")
    assert (asked.status, asked.attempt, asked.setbacks) == (states.QUEUED, 0, 0)
    assert jobs.get(job.account_id, job.id).status == states.RUNNING
