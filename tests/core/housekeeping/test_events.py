"""Streams of live events always end."""

import time

import pytest

from core import events
from core.errors import TransientError
from core.housekeeping import events as endless
from core.settings import get_settings
from tests.services.ports import free_port
from tests.services.process import wait_until


def test_a_stream_without_an_end_gets_one(broker):
    events.publish("job_sound", {})
    broker.xadd("cutwork:events:job_lost", {"data": "{}"})
    broker.set("cutwork:other", "1")
    before = broker.ttl("cutwork:events:job_sound")
    assert [item.name for item in endless.sweep(ttl_s=1000, dry_run=True)] == ["cutwork:events:job_lost"]
    assert broker.ttl("cutwork:events:job_lost") == -1
    assert [item.name for item in endless.sweep(ttl_s=1000)] == ["cutwork:events:job_lost"]
    assert 500 < broker.ttl("cutwork:events:job_lost") <= 1000
    assert before - 300 <= broker.ttl("cutwork:events:job_sound") <= before
    assert broker.ttl("cutwork:other") == -1
    assert list(endless.sweep(ttl_s=1000)) == []


def test_a_stream_that_was_idle_for_long_goes(broker):
    broker.xadd("cutwork:events:job_old", {"data": "{}"}, id=f"{int((time.time() - 5000) * 1000)}-0")
    assert len(list(endless.sweep(ttl_s=1000))) == 1
    wait_until(lambda: not broker.exists("cutwork:events:job_old"))


def test_an_event_that_comes_meanwhile_is_not_lost(broker):
    broker.xadd("cutwork:events:job_back", {"data": "{}"}, id="1-0")
    for _ in endless.sweep(ttl_s=1000):
        events.publish("job_back", {"late": True})
    assert broker.ttl("cutwork:events:job_back") > 1000
    assert [event.data for event in events.read("job_back", "1-0", wait_s=1)] == [{"late": True}]


def test_a_redis_that_is_away_says_so(monkeypatch):
    monkeypatch.setenv("REDIS_URL", f"redis://127.0.0.1:{free_port()}/0")
    get_settings.cache_clear()
    with pytest.raises(TransientError):
        list(endless.sweep(ttl_s=1000))
