"""Stages that ask for parts: rows, epochs, weights and what the document tells, on both databases."""

import pytest

from core import job_document, jobs, leases, parts, states
from core.leases import Lease
from core.models import Artifact
from core.parts import PartPlan
from core.refusals import Refused
from tests.core.rows import artifact_of, make_asset, make_job

pytestmark = pytest.mark.usefixtures("database")


def take(job, name, owner="one"):
    lease = Lease(job.id, name, again(job).epoch, owner)
    return lease, leases.claim(lease, seconds=15, attempts=3)


def again(job):
    return jobs.get(job.account_id, job.id)


def row_of(job, name):
    return next(stage for stage in again(job).stages if stage.name == name)


def run(job, name):
    lease, row = take(job, name)
    assert leases.commit(lease, artifact_of(row, job.account_id))


def part(name, share=1.0, **params):
    source = {"source": {"asset": make_asset().id}}
    return PartPlan(name=name, kind="segment", version=1, params=params or {"n": name}, inputs=source, share=share)


def split(job, *pieces, stage="trim"):
    lease, _ = take(job, stage)
    assert parts.expand(lease, pieces, {"plan": [1, 2]})
    return lease


@pytest.fixture
def job():
    made = make_job()
    run(made, "probe")
    return made


def test_a_stage_runs_again_when_its_parts_are_done(job):
    before = again(job).epoch
    split(job, part("a"), part("b", 3.0))
    assert again(job).epoch == before + 1
    assert again(job).dispatched_at is None
    trim = row_of(job, "trim")
    assert (trim.status, trim.attempt, trim.notes) == (states.QUEUED, 0, {"plan": [1, 2]})
    assert (trim.lease_owner, trim.queued_at) == (None, None)
    assert take(job, "trim")[1] is Refused.EARLY
    run(job, "trim/a")
    assert take(job, "trim")[1] is Refused.EARLY
    run(job, "trim/b")
    assert row_of(job, "trim").queued_at is not None
    run(job, "trim")
    assert row_of(job, "trim").attempt == 1
    for name in ("preview", "brand", "publish"):
        run(job, name)
    assert (again(job).status, again(job).progress) == (states.SUCCEEDED, 1.0)


def test_parts_share_the_weight_of_their_stage(job):
    whole = sum(stage.weight for stage in again(job).stages)
    split(job, part("a"), part("b", 3.0))
    assert sum(stage.weight for stage in again(job).stages) == pytest.approx(whole)
    assert row_of(job, "trim/b").weight == pytest.approx(3 * row_of(job, "trim/a").weight)
    before = again(job).progress
    run(job, "trim/b")
    assert again(job).progress == pytest.approx(before + 0.5 * 0.95 * 0.75)


def test_a_part_that_was_made_before_is_done(job):
    split(job, part("a", n="x"), part("b"))
    run(job, "trim/a")
    other = make_job(salt="other")
    run(other, "probe")
    split(other, part("a", n="x"), part("b", n="other"))
    assert row_of(other, "trim/a").cached
    assert row_of(other, "trim/b").status == states.QUEUED


def test_a_lost_lease_asks_for_nothing(job):
    lease, _ = take(job, "trim")
    assert leases.release(lease)
    assert not parts.expand(lease, [part("a")], {})
    assert len(again(job).stages) == 5


def test_the_first_lease_is_gone_once_the_parts_stand(job):
    lease = split(job, part("a"))
    assert not leases.renew(lease, seconds=15, progress=0.5)
    made = Artifact(digest="0" * 64, account_id=job.account_id, stage="trim", version=1, files={}, result={})
    assert leases.commit(lease, made) is None


def test_a_part_that_fails_fails_its_stage_in_the_document(job):
    split(job, part("a"), part("b"))
    lease, _ = take(job, "trim/a")
    assert leases.fail(lease, code="damaged_file", message="It is damaged.", retryable=False)
    assert again(job).error["stage"] == "trim"
    assert row_of(job, "trim/b").status == states.CANCELED


def test_the_document_shows_a_stage_with_its_parts_as_one(job):
    split(job, part("a"), part("b"))
    shown = job_document.document(again(job), None)["stages"]
    assert list(shown) == ["probe", "trim", "preview", "brand", "publish"]
    assert shown["probe"]["parts"] is None
    assert (shown["trim"]["status"], shown["trim"]["parts"]["total"]) == ("queued", 2)
    run(job, "trim/a")
    take(job, "trim/b")
    shown = job_document.document(again(job), None)["stages"]["trim"]
    assert (shown["status"], shown["attempt"]) == ("running", 1)
    assert shown["parts"] == {"total": 2, "running": 1, "succeeded": 1}
    assert shown["progress"] == pytest.approx(0.475)
    assert shown["run_ms"] is not None
