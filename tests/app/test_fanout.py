"""What followers of a job are told, and when, without a server around it."""

import time

import pytest

from app import fanout, live, pump
from core import jobs
from tests.app.following import advance, claim, document_of, make_job
from tests.services.process import LONG_S


@pytest.fixture
def frames_of(embedded, monkeypatch):
    """Return a function that follows a job from a thread of its own, as where a server keeps its sockets."""
    monkeypatch.setattr(fanout, "KEEPALIVE_S", 0.3)
    hub = fanout.Fanout()

    def start(job, load=None, seconds=60):
        following = live.Following(hub, job.id, load or (lambda: document_of(job)), after=None)
        return following.first, live.frames(following, seconds=seconds)

    return start


def frame_with(frames, text):
    """The next frame that holds the text; what was seen in passing may come before."""
    found = next((frame for frame in frames if text in frame), None)
    assert found is not None, f"the stream ended without {text}"
    return found


def test_an_end_that_redis_never_heard_of_is_seen(frames_of):
    """The look at the row after a quiet while: no client waits for ever."""
    job = make_job()
    first, frames = frames_of(job)
    assert first.document["status"] == "queued"
    assert next(frames) == pump.KEEPALIVE
    jobs.cancel(job.account_id, job.id)
    frame_with(frames, '"status":"canceled"')
    assert next(frames, None) is None


def test_a_job_that_waits_is_told_when_it_moves_up(frames_of, configure):
    configure(MAX_RUNNING_JOBS=1)
    before, job = make_job(), make_job()
    first, frames = frames_of(job)
    assert first.document["queue_position"] == 2
    assert next(frames) == pump.KEEPALIVE
    jobs.cancel(before.account_id, before.id)
    frame_with(frames, '"queue_position":1')
    frames.close()


def test_an_event_from_before_the_first_document_does_not_turn_it_back(frames_of):
    job = make_job()
    lease = claim(job, "probe")

    def load():
        # What happens between the look at the stream and the look at the row is in both.
        if not late:
            late.append(True)
            advance(lease, 0.2)
            advance(lease, 0.8)
        return document_of(job)

    late = []
    first, frames = frames_of(job, load)
    assert first.document["stages"]["probe"]["progress"] == 0.8
    frame_with(frames, '"progress":0.8')
    frames.close()


def test_a_newcomer_gets_what_the_others_had_since_his_last_event(embedded):
    job = make_job()
    hub, had = fanout.Fanout(), []
    lease = claim(job, "probe")
    first = live.Following(hub, job.id, lambda: document_of(job), after=None)
    with first.inbox() as inbox:
        for progress in (0.3, 0.4, 0.5):
            advance(lease, progress)
            had.append(inbox.get(timeout=LONG_S))
        resumed = live.Following(hub, job.id, lambda: document_of(job), after=had[0].id)
        assert resumed.first is None
        with resumed.inbox() as late:
            assert [late.get(timeout=LONG_S).id for _ in had[1:]] == [news.id for news in had[1:]]
            advance(lease, 0.6)
            assert late.get(timeout=LONG_S).id == inbox.get(timeout=LONG_S).id


def test_a_stream_ends_when_it_is_old(frames_of):
    started = time.monotonic()
    _, frames = frames_of(make_job(), seconds=0.5)
    # None at all where the machine stood still for so long.
    assert set(frames) <= {pump.KEEPALIVE}
    assert time.monotonic() - started >= 0.5
