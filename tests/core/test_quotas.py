"""Quotas under concurrency, on a real server: who comes at the same time cannot both have the last of it."""

import threading
from datetime import UTC, datetime

import pytest

from core import accounts, jobs, quotas, uploads
from core.db import transaction
from core.errors import CutworkError, ForbiddenError
from core.models import JobStage, now
from core.plan import JobPlan
from core.retry import retry
from core.settings import get_settings
from core.storage import storage_from
from tests.core.rows import make_asset, stage_plan
from tests.services.process import LONG_S

AT_ONCE = 16


@pytest.fixture
def server(migrated_database, monkeypatch, tmp_path):
    monkeypatch.setenv("DATABASE_URL", migrated_database())
    monkeypatch.setenv("STORAGE_DIR", str(tmp_path / "storage"))
    monkeypatch.setenv("QUOTA_STORED_BYTES", "105")
    monkeypatch.setenv("QUOTA_MINUTES", "1")
    monkeypatch.setenv("QUOTA_JOBS", "5")
    get_settings.cache_clear()
    return accounts.default_account().id


def at_once(act):
    """Do it sixteen times at the same moment; return what succeeded and the codes of what did not."""
    start, made, refused = threading.Barrier(AT_ONCE), [], []

    def run(number):
        start.wait(LONG_S)
        try:
            made.append(act(number))
        except CutworkError as error:
            refused.append(error.code)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(AT_ONCE)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(LONG_S)
    assert len(made) + len(refused) == AT_ONCE
    return made, refused


def job_of(account_id, asset_id, media_ms):
    def make(number):
        stage = stage_plan("trim", digest=str(number))
        plan = JobPlan(
            pipeline="edit", input_asset_id=asset_id, params={}, filename="a", stages=(stage,), media_ms=media_ms
        )
        return jobs.create(account_id, plan)

    return make


def test_bytes_are_spent_once(server):
    storage = storage_from(get_settings())

    def open_one(_):
        return uploads.create(server, storage, filename="a.mp4", size=10, content_type=None, sha256=None)

    made, refused = at_once(open_one)
    assert (len(made), set(refused)) == (10, {"storage_quota_exceeded"})
    assert quotas.usage(server, now()).stored_bytes == 100


def test_minutes_are_spent_once(server, monkeypatch):
    monkeypatch.setenv("QUOTA_JOBS", "0")
    get_settings.cache_clear()
    made, refused = at_once(job_of(server, make_asset().id, 14_000))
    assert (len(made), set(refused)) == (4, {"minutes_quota_exceeded"})
    assert quotas.usage(server, now()).media_ms == 56_000


def test_what_was_made_counts_though_its_job_was_canceled(server):
    """Else whoever cancels a job after its trim has the result from cache, and the minutes back."""
    make = job_of(server, make_asset().id, 50_000)
    jobs.cancel(server, make(1).id)
    assert quotas.usage(server, now()).media_ms == 0
    job = make(2)
    with transaction() as session:
        session.get_one(JobStage, (job.id, "trim")).status = "succeeded"
    jobs.cancel(server, job.id)
    assert quotas.usage(server, now()).media_ms == 50_000
    with pytest.raises(ForbiddenError) as caught:
        make(3)
    assert caught.value.code == "minutes_quota_exceeded"
    # Nor are they asked for again.
    retry(server, job.id)
    assert quotas.usage(server, now()).media_ms == 50_000


def test_jobs_are_counted_once(server):
    made, refused = at_once(job_of(server, make_asset().id, 0))
    assert (len(made), set(refused)) == (5, {"too_many_jobs"})


@pytest.mark.parametrize(
    ("moment", "since", "until"),
    [
        ((2026, 12, 31, 23, 59), (2026, 12, 1), (2027, 1, 1)),
        ((2026, 11, 1), (2026, 11, 1), (2026, 12, 1)),
        ((2028, 2, 29, 12), (2028, 2, 1), (2028, 3, 1)),
    ],
)
def test_a_month_is_one_of_the_calendar(moment, since, until):
    found = quotas.month(datetime(*moment, tzinfo=UTC))
    assert found == (datetime(*since, tzinfo=UTC), datetime(*until, tzinfo=UTC))
