"""The time to go is near the truth, or not told: lives of jobs are simulated second by second."""

import random
from datetime import UTC, datetime, timedelta

import pytest

from core import estimate, job_document, leases, states
from core.db import transaction
from core.leases import Lease
from core.models import Job, JobStage
from core.settings import get_settings
from tests.core.rows import DIAMOND, artifact_of, make_account, make_job

START = datetime(2030, 1, 1, tzinfo=UTC)
USUAL = {"probe": 2.0, "trim": 100.0, "preview": 30.0, "brand": 80.0, "publish": 3.0}
NEEDS = {stage.name: list(stage.needs) for stage in DIAMOND}
WEIGHTS = {stage.name: stage.weight for stage in DIAMOND}


def at(seconds):
    return START + timedelta(seconds=seconds)


def stage_at(name, begin, end, second, *, weight=None, needs=None, part_of=None):
    """A stage's row as it is at a second of its job, when it runs from `begin` to `end` at an even pace."""
    row = JobStage(name=name, kind=name.partition("/")[2] or name, weight=weight or WEIGHTS[name], part_of=part_of)
    row.needs = NEEDS[name] if needs is None else needs
    row.cached, row.progress, row.status = False, 0.0, states.QUEUED
    if second >= begin:
        row.started_at = row.queued_at = at(begin)
        row.status, row.progress = states.RUNNING, (second - begin) / (end - begin)
        row.lease_expires_at = at(second + get_settings().lease_s)
    if second >= end:
        row.status, row.progress, row.finished_at, row.lease_expires_at = states.SUCCEEDED, 1.0, at(end), None
    return row


def job_of(*rows):
    return Job(id="job_x", status=states.RUNNING, started_at=START, stages=list(rows))


def go(job, second, usual=USUAL):
    return estimate.seconds_to_go(job, usual, at(second))


def life(took, waits=0.0):
    """When each stage of the diamond begins and ends; brand and preview run side by side."""
    spans, now = {}, 0.0
    for name in ("probe", "trim", "brand", "publish"):
        spans[name] = (now, now + took[name])
        now += took[name] + waits
    spans["preview"] = (spans["brand"][0], spans["brand"][0] + took["preview"])
    return spans


def job_at(spans, second):
    return job_of(*(stage_at(stage.name, *spans[stage.name], second) for stage in DIAMOND))


@pytest.mark.parametrize("seed", range(5))
def test_the_estimate_is_near_the_truth_at_every_second(seed):
    rng = random.Random(seed)
    spans = life({name: seconds * rng.uniform(0.85, 1.15) for name, seconds in USUAL.items()})
    end = spans["publish"][1]
    for second in range(1, int(end)):
        told = go(job_at(spans, second), second)
        assert told == pytest.approx(end - second, rel=0.2, abs=3), (second, told)


def test_a_job_that_is_three_times_as_long_is_noticed_by_its_pace():
    """What runs tells its own pace; what comes after is still taken to be as usual."""
    spans = life({name: 3 * seconds for name, seconds in USUAL.items()})
    assert go(job_at(spans, 156), 156) == pytest.approx(150 + 80 + 3, abs=2)
    assert go(job_at(spans, 426), 426) == pytest.approx(120 + 3, abs=2)


def test_without_a_history_only_what_runs_is_known():
    spans = life(USUAL)
    assert go(job_at(spans, 50), 50, {}) is None
    # Of what is left all runs, but a small rest.
    assert go(job_at(spans, 120), 120, {}) == pytest.approx(62, abs=1)


def test_the_time_without_a_worker_does_not_count():
    spans = life(USUAL)
    job = job_at(spans, 52)
    # Its worker died there; it is seen two minutes later, and still runs in the rows.
    assert go(job, 172) == go(job, 52) == pytest.approx(50 + 80 + 3, abs=1)
    # A new attempt began from nothing.
    later = {"probe": (0, 2), "trim": (1000, 1100), "brand": (1100, 1180), "preview": (1100, 1130)}
    job = job_at(later | {"publish": (1180, 1183)}, 1050)
    assert go(job, 1050) == pytest.approx(50 + 80 + 3, abs=1)


def test_a_job_that_waits_for_a_worker_does_not_tell():
    spans = life(USUAL, waits=60)
    job = job_at(spans, 30)
    trim = job.stages[1]
    trim.queued_at = at(2)
    assert go(job, 4) == pytest.approx(100 + 80 + 3, abs=1)
    assert go(job, 30) is None


def test_what_waits_beside_what_runs_comes_after_it():
    """One encode process: brand runs, preview waits for it."""
    spans = life(USUAL) | {"preview": (182, 212), "publish": (212, 215)}
    job = job_at(spans, 142)
    job.stages[2].queued_at = at(102)
    assert go(job, 142) == pytest.approx(215 - 142, abs=1)


def parts_at(second, width):
    """A trim of four parts, each 40 s, of which `width` run at once."""
    names = [f"trim/segment-{n}" for n in range(4)]
    spans = [(2 + 40 * (n // width), 42 + 40 * (n // width)) for n in range(4)]
    weight = 50 * 0.95 / 4
    rows = [
        stage_at(name, *span, second, weight=weight, needs=["probe"], part_of="trim")
        for name, span in zip(names, spans, strict=True)
    ]
    trim = stage_at("trim", 10**6, 10**6 + 1, second, weight=2.5, needs=["probe", *names])
    rest = [stage_at(name, 10**6, 10**6 + 1, second) for name in ("preview", "brand", "publish")]
    return job_of(stage_at("probe", 0, 2, second), trim, *rest, *rows)


@pytest.mark.parametrize(("width", "left"), [(4, 30), (2, 70), (1, 150)])
def test_parts_take_as_long_as_those_that_run_at_once_allow(width, left):
    assert go(parts_at(12, width), 12) == pytest.approx(left + 80 + 3, abs=1)


def test_parts_that_have_told_nothing_yet():
    assert go(parts_at(2, 4), 2) is None
    assert go(parts_at(42, 1), 42) == pytest.approx(120 + 83, abs=1)


def test_jobs_that_do_not_run_tell_nothing():
    job = job_at(life(USUAL), 50)
    for status in (states.QUEUED, *states.TERMINAL):
        job.status = status
        assert go(job, 50) is None


def past(account, took, salt):
    """A job that succeeded, whose stages took so many seconds."""
    job = make_job(salt=salt, account_id=account)
    for stage in job.stages:
        lease = Lease(job.id, stage.name, 1, "one")
        row = leases.claim(lease, seconds=15, attempts=3)
        leases.commit(lease, artifact_of(row, account))
    with transaction() as session:
        for stage in session.get_one(Job, job.id).stages:
            stage.started_at, stage.finished_at = START, at(took[stage.name])
    return job


@pytest.mark.usefixtures("database")
def test_the_usual_is_learnt_from_the_last_jobs():
    account, rng = make_account("one"), random.Random(1)
    for n in range(6):
        took = {name: seconds * rng.uniform(0.9, 1.1) for name, seconds in USUAL.items()}
        past(account, took | {"brand": 10 * 3**n}, f"{n}")
        if n == 3:
            assert estimate._usual(account, "a", 0) == {}
    # Answered from cache: no work, and no sample.
    make_job(salt="0", account_id=account)
    learnt = estimate._usual(account, "b", 0)
    # Brand took anything between ten seconds and an hour.
    assert set(learnt) == {"probe", "trim", "preview", "publish"}
    for name, seconds in learnt.items():
        assert seconds == pytest.approx(USUAL[name], rel=0.1)
    assert estimate._usual(make_account("two"), "a", 0) == {}


@pytest.mark.usefixtures("database")
def test_a_document_looks_at_the_history_once_a_minute(monkeypatch):
    job = make_job()
    leases.claim(Lease(job.id, "probe", 1, "one"), seconds=15, attempts=3)
    estimate._usual.cache_clear()
    for _ in range(5):
        job_document.announce(job.id)
    assert estimate._usual.cache_info().misses <= 2
