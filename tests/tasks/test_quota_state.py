"""What accounts use of their quotas: sums that agree with what each account is told, and few series of them."""

import time
from dataclasses import replace
from datetime import timedelta

import pytest
from prometheus_client import CollectorRegistry
from sqlalchemy import event, select

from core import jobs, quotas
from core.db import engine, transaction
from core.ids import new_id
from core.models import Account, Job, Upload, now
from core.plan import JobPlan
from core.settings import get_settings
from tasks.quota_state import QuotaState
from tests.core.rows import make_account, make_asset, stage_plan

OLD = {"pipeline": "edit", "params": {}, "filename": "a", "media_ms": 9_000, "status": "succeeded"}
QUOTAS = {"QUOTA_STORED_BYTES": "1000", "QUOTA_MINUTES": "1", "QUOTA_JOBS": "5"}


@pytest.fixture
def configure(database, monkeypatch):
    def configure(**changes):
        for name, value in changes.items():
            monkeypatch.setenv(name, value)
        get_settings.cache_clear()

    return configure


@pytest.fixture
def statements(database):
    made = []

    def note(_connection, _cursor, statement, *_):
        made.append(statement)

    event.listen(engine(), "before_cursor_execute", note)
    yield made
    event.remove(engine(), "before_cursor_execute", note)


def scrape(state):
    registry = CollectorRegistry()
    registry.register(state)
    return {
        (sample.name.removeprefix("cutwork_"), *sample.labels.values()): sample.value
        for metric in registry.collect()
        for sample in metric.samples
    }


def asked():
    state = QuotaState()
    state.ask()
    return scrape(state)


def make_upload(account_id, size, **changes):
    with transaction() as session:
        session.add(
            Upload(
                account_id=account_id,
                filename="a.mp4",
                content_type="video/mp4",
                size=size,
                part_size=8,
                storage_key="uploads/a",
                multipart_id="a",
                expires_at=now(),
                **changes,
            )
        )


def make_jobs(account_id, *lengths, status="queued", **plan):
    for number, media_ms in enumerate(lengths):
        stage = stage_plan("trim", digest=f"{account_id[-20:]}{status}{number}{media_ms}")
        made = JobPlan(pipeline="edit", input_asset_id=None, params={}, filename="a", stages=(stage,), **plan)
        job_id = jobs.create(account_id, replace(made, media_ms=media_ms)).id
        with transaction() as session:
            session.get(Job, job_id).status = status


def test_sums_and_accounts_by_how_much_they_use(configure):
    low, near, full = (make_account(name) for name in ("low", "near", "full"))
    make_asset(account_id=low, size=799, storage_key="low")
    # Two assets of the same bytes, one that is deleted, and uploads of which one is open.
    for _ in range(2):
        make_asset(account_id=near, size=700, storage_key="near")
    make_asset(account_id=near, size=400, storage_key="gone", deleted_at=now())
    make_upload(near, 100)
    make_upload(near, 400, status="completed")
    make_asset(account_id=full, size=1000, storage_key="full")
    make_jobs(near, 40_000, 8_000)
    make_jobs(near, 50_000, status="failed")
    make_jobs(full, 60_000, status="succeeded")
    make_jobs(full, *[0] * 5)
    make_jobs(low, 500, lane="inspection")
    # Of another month.
    with transaction() as session:
        session.add(Job(id=new_id("job", quotas.month(now())[0] - timedelta(seconds=1)), **OLD, account_id=low))
    configure(**QUOTAS)
    assert asked() == {
        ("usage_stored_bytes",): 2599,
        ("usage_media_seconds",): 108.5,
        ("usage_jobs",): 7,
        ("quota_accounts", "stored_bytes", "80"): 2,
        ("quota_accounts", "stored_bytes", "100"): 1,
        ("quota_accounts", "minutes", "80"): 2,
        ("quota_accounts", "minutes", "100"): 1,
        ("quota_accounts", "jobs", "80"): 1,
        ("quota_accounts", "jobs", "100"): 1,
    }
    with transaction() as session:
        each = [quotas.usage(account_id, now()) for account_id in session.scalars(select(Account.id))]
    assert sum(one.stored_bytes for one in each) == 2599
    assert sum(one.media_ms for one in each) == 108_500
    assert sum(one.jobs for one in each) == 7


def test_nothing_is_asked_of_quotas_that_are_not_set(configure, statements):
    assert asked() == {}
    assert statements == []
    configure(QUOTA_JOBS="1")
    assert asked() == {("usage_jobs",): 0, ("quota_accounts", "jobs", "80"): 0, ("quota_accounts", "jobs", "100"): 0}
    assert len([one for one in statements if one.startswith("SELECT")]) == 1


def test_old_sums_are_left_out(configure, monkeypatch):
    configure(**QUOTAS)
    state = QuotaState()
    assert scrape(state) == {}
    state.ask()
    assert state.pause_s >= 60
    assert len(scrape(state)) == 9
    later = time.monotonic() + 4 * state.pause_s
    monkeypatch.setattr("time.monotonic", lambda: later)
    assert scrape(state) == {}
