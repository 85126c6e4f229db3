"""Results go when no job needs them, and never earlier."""

import threading
from dataclasses import replace

import pytest

from core import artifacts, assets, job_document, jobs, states
from core.db import reading, transaction
from core.errors import TransientError
from core.housekeeping import artifacts as expired
from core.housekeeping import objects
from core.models import Artifact
from tests.core.housekeeping.conftest import LONG_AGO, again, change, grow_old, hexed, names, work
from tests.core.rows import make_job, stage_plan

pytestmark = pytest.mark.usefixtures("database")
STAGES = hexed(stage_plan("trim"), stage_plan("brand", "trim"))


def sweep(storage, **changes):
    return list(expired.sweep(storage, **({"ttl_days": 30, "facts_of": "inspect"} | changes)))


def stored():
    with reading() as session:
        return {row.digest for row in session.query(Artifact)}


@pytest.fixture
def old(put):
    """A job that succeeded long ago."""
    job = make_job(STAGES)
    work(job, put, "trim", "brand")
    grow_old(job)
    return job


def test_what_no_job_needs_goes_with_its_files(storage, put, keys, old):
    fresh = make_job(hexed(stage_plan("trim"), salt="other"))
    work(fresh, put, "trim")
    swept = sweep(storage)
    assert names(swept) == sorted(stage.digest for stage in STAGES)
    assert [item.size for item in swept] == [5, 5]
    assert stored() == {fresh.stages[0].digest}
    assert {artifacts.digest_of(key) for key in keys()} == {fresh.stages[0].digest}
    assert sweep(storage) == []


def test_what_a_live_job_references_stays(storage, old):
    live = make_job((*STAGES, *hexed(stage_plan("publish", "brand"))))
    grow_old(live)
    assert [stage.status for stage in live.stages] == [states.SUCCEEDED, states.SUCCEEDED, states.QUEUED]
    assert sweep(storage) == []
    jobs.cancel(live.account_id, live.id)
    grow_old(live)
    assert len(sweep(storage)) == 2


def test_an_answer_from_cache_is_a_use(storage, old):
    used = make_job(STAGES[:1])
    assert used.status == states.SUCCEEDED
    assert names(sweep(storage)) == [STAGES[1].digest]


def test_what_was_made_lately_stays_though_its_job_is_old(storage, old):
    change(Artifact, STAGES[0].digest, created_at=again(old).finished_at.replace(year=LONG_AGO.year + 1))
    assert names(sweep(storage)) == [STAGES[1].digest]


def test_a_retention_of_nothing_keeps_for_ever(storage, old):
    assert sweep(storage, ttl_days=0) == []
    assert len(stored()) == 2


def test_a_dry_run_tells_and_removes_nothing(storage, keys, old):
    before = keys()
    told = sweep(storage, dry_run=True)
    assert (stored(), keys()) == ({stage.digest for stage in STAGES}, before)
    assert sorted(told, key=str) == sorted(sweep(storage), key=str)


def test_the_facts_of_an_asset_stay_as_long_as_the_asset(storage, old):
    assert sweep(storage, facts_of=old.pipeline) == []
    assets.delete(old.account_id, old.input_asset_id, storage)
    assert len(sweep(storage, facts_of=old.pipeline)) == 2


def test_more_than_a_page(storage, monkeypatch, put):
    monkeypatch.setattr(expired, "PAGE", 2)
    monkeypatch.setattr(expired, "_BATCH", 1)
    job = make_job(hexed(*(stage_plan(f"trim{number}") for number in range(7))))
    work(job, put, *(stage.name for stage in job.stages))
    grow_old(job)
    assert len(sweep(storage)) == 7


def test_two_sweeps_at_once_do_no_harm(storage, keys, old, monkeypatch):
    monkeypatch.setattr(expired, "_BATCH", 1)
    one = expired.sweep(storage, ttl_days=30, facts_of="inspect")
    first = next(one)
    second = sweep(storage)
    assert names([first, *one, *second]) == sorted(stage.digest for stage in STAGES)
    assert (stored(), keys()) == (set(), set())


def test_the_next_job_of_the_same_plan_makes_it_again(storage, put, keys, old):
    sweep(storage)
    job = make_job(STAGES)
    assert [stage.status for stage in job.stages] == [states.QUEUED, states.QUEUED]
    work(job, put, "trim", "brand")
    assert again(job).status == states.SUCCEEDED
    assert len(keys()) == 2
    assert again(old).status == states.SUCCEEDED


def test_the_document_of_a_job_says_that_its_files_are_gone(storage, put):
    shown = replace(STAGES[1], outputs={"video": {"file": "video.mp4", "suffix": "-cut"}})
    job = make_job((STAGES[0], shown))
    work(job, put, "trim", "brand")
    grow_old(job)
    before = job_document.document(again(job), storage)
    assert [output["name"] for output in before["outputs"]] == ["video"]
    assert before["warnings"] == []
    sweep(storage)
    after = job_document.document(again(job), storage)
    assert (after["status"], after["outputs"]) == (states.SUCCEEDED, [])
    assert [(warning["code"], warning["stage"]) for warning in after["warnings"]] == [("outputs_expired", "brand")]
    assert after["stages"] == before["stages"]
    assert job_document.document(again(job), None)["warnings"] == []


@pytest.fixture
def before_the_deletion(monkeypatch):
    """Return a function that has something happen after the look for what is unused, and before the rows are locked."""

    def happen(action):
        deleted = expired._deleted
        monkeypatch.setattr(expired, "_deleted", lambda *args: action() and deleted(*args))

    return happen


# SQLite has one writer at a time: there is no right now.
@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
def test_a_job_that_builds_on_it_right_now_keeps_it(storage, old):
    with transaction() as session:
        assert len(artifacts.find(session, [STAGES[0].digest])) == 1
        assert names(sweep(storage)) == [STAGES[1].digest]


def test_a_job_that_came_just_before_it_is_deleted_keeps_it(storage, old, before_the_deletion):
    before_the_deletion(lambda: make_job(STAGES))
    assert sweep(storage) == []
    assert len(stored()) == 2


def test_a_job_that_comes_while_it_is_deleted_makes_it_again(storage, old, before_the_deletion, monkeypatch):
    wanted, made, threads = expired._wanted, [], []

    def another_comes(*args):
        answer = wanted(*args)
        late = threading.Thread(target=lambda: made.append(make_job(STAGES)))
        threads.append(late)
        late.start()
        late.join(0.5)
        assert late.is_alive()
        return answer

    before_the_deletion(lambda: monkeypatch.setattr(expired, "_wanted", another_comes) or True)
    assert len(sweep(storage)) == 2
    threads[0].join()
    assert [stage.status for stage in again(made[0]).stages] == [states.QUEUED, states.QUEUED]


def test_files_that_a_storage_in_trouble_kept_are_orphans(storage, keys, old, monkeypatch):
    def refuse(key):
        raise TransientError("storage_unavailable", "down")

    with monkeypatch.context() as trouble:
        trouble.setattr(storage, "delete", refuse)
        with pytest.raises(TransientError):
            sweep(storage)
    assert stored() == set()
    left = keys()
    assert len(left) == 2
    assert set(names(objects.sweep(storage, grace_s=0))) == left
    assert keys() == set()
