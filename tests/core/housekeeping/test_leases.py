"""Rows that say what cannot be are put right, and no other."""

from datetime import timedelta

import pytest

from core import jobs, states
from core.housekeeping import leases as dead
from core.models import Job, JobStage, now
from tests.core.housekeeping.conftest import again, change, claim, names
from tests.core.rows import make_job

pytestmark = pytest.mark.usefixtures("database")


def probe(job):
    return again(job).stages[0]


def held(**values):
    """A job whose first stage is held, and then changed by hand."""
    job = make_job()
    claim(job, "probe")
    if values:
        change(JobStage, (job.id, "probe"), **values)
    return job


def test_what_is_sound_is_left_alone():
    job = held()
    late = held(lease_expires_at=now() - timedelta(hours=1))
    jobs.cancel(*_ids(held()))
    assert list(dead.sweep()) == []
    assert probe(job).lease_owner is not None
    assert probe(late).status == states.RUNNING, "the reconciler's to take back"


def test_a_stage_that_runs_in_a_job_that_ended_is_canceled():
    job = held()
    change(Job, job.id, status=states.FAILED)
    assert names(dead.sweep()) == [f"{job.id}/probe"]
    assert (probe(job).status, probe(job).lease_owner, probe(job).lease_expires_at) == (states.CANCELED, None, None)
    assert probe(job).finished_at is not None


def test_a_stage_that_runs_without_a_lease_goes_back_to_its_queue():
    job = held(lease_expires_at=None, lease_owner=None)
    assert names(dead.sweep()) == [f"{job.id}/probe"]
    assert (probe(job).status, again(job).status) == (states.QUEUED, states.RUNNING)
    assert claim(job, "probe")[1].attempt == 2


def test_a_lease_of_what_does_not_run_is_cleared():
    job = held(status=states.SUCCEEDED)
    assert names(dead.sweep()) == [f"{job.id}/probe"]
    assert (probe(job).status, probe(job).lease_owner) == (states.SUCCEEDED, None)


def test_a_dry_run_changes_nothing():
    job = held(status=states.SUCCEEDED)
    assert names(dead.sweep(dry_run=True)) == [f"{job.id}/probe"]
    assert probe(job).lease_owner is not None


def test_many_are_found_page_by_page(monkeypatch):
    monkeypatch.setattr(dead, "_BATCH", 2)
    wrong = sorted(held(status=states.SUCCEEDED).id for _ in range(5))
    assert names(dead.sweep(dry_run=True)) == [f"{job_id}/probe" for job_id in wrong]
    assert names(dead.sweep()) == [f"{job_id}/probe" for job_id in wrong]
    assert list(dead.sweep()) == []


def _ids(job):
    return job.account_id, job.id
