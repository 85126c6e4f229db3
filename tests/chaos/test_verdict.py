"""The verdict tells a worker that was lost from a database that was away."""

from datetime import UTC, datetime, timedelta

import pytest

from tasks.stages import STAGES
from tests.chaos.history import History, Hold
from tests.chaos.outcome import Ended
from tests.chaos.verdict import Verdict, false_losses

BEGUN = datetime(2026, 1, 1, tzinfo=UTC)
TIMES = STAGES["trim"].attempts


def at(minutes, seconds=0):
    return BEGUN + timedelta(minutes=minutes, seconds=seconds)


def holds(stage="trim/video-1"):
    """One run a minute, each by a process of its own, which is taken back after half of it."""
    return [Hold("job_x", stage, n + 1, 100 + n, at(n), at(n, 30), "queued") for n in range(TIMES)]


def judged(history, struck, surprised=()):
    error = {"code": "worker_lost", "stage": "trim"}
    job = Ended("job_x", 1, "failed", error, outputs={}, attempts={"trim/video-1": TIMES}, digests=())
    verdict = Verdict()
    false_losses(verdict, {job.id: job}, history, struck, surprised)
    return verdict.broken


def blows(count):
    return [(at(n, 10), [100 + n, 7]) for n in range(count)]


def test_as_many_blows_as_attempts_are_lost_workers():
    assert judged(History(holds=holds()), blows(TIMES)) == []
    assert judged(History(holds=holds()), blows(TIMES - 1), [at(TIMES - 1, 32)]) == []


@pytest.mark.parametrize(
    "struck",
    [
        blows(TIMES - 1),
        [(at(n, 40), [100 + n]) for n in range(TIMES)],
        [(at(n, 10), [200 + n]) for n in range(TIMES)],
    ],
    ids=["too few", "after its end", "other processes"],
)
def test_fewer_are_no_reason_for_such_an_end(struck):
    assert len(judged(History(holds=holds()), struck)) == 1


def test_blows_at_several_parts_do_not_add_up():
    parts = [*holds()[: TIMES - 1], *holds("trim/video-2")[TIMES - 1 :]]
    assert len(judged(History(holds=parts), blows(TIMES))) == 1
