"""The `broker` fixture: an empty Valkey database as broker, result backend and event stream of this process."""

from contextlib import contextmanager

import pytest
import redis
from kombu import pools

from core.settings import get_settings
from tasks.app import celery_app

_URLS = ("broker_url", "broker_read_url", "broker_write_url", "result_backend")


def forget_connections() -> None:
    """Let the next message find its broker by the configuration, as after a fork."""
    pools.reset()
    celery_app._after_fork()
    celery_app._backend_cache = None
    celery_app._local.__dict__.pop("backend", None)


@contextmanager
def use_broker(url: str, monkeypatch):
    """Send this process's messages to `url` while the block runs."""
    monkeypatch.setenv("BROKER_URL", url)
    get_settings.cache_clear()
    before = {name: celery_app.conf[name] for name in _URLS}
    celery_app.conf.update(dict.fromkeys(_URLS, url) | {"result_backend": f"tasks.backend.ChordBackend+{url}"})
    forget_connections()
    try:
        yield
    finally:
        celery_app.conf.update(before)
        forget_connections()
        get_settings.cache_clear()


@pytest.fixture
def broker(valkey_url, monkeypatch):
    """A redis client of the database that messages go to."""
    url = valkey_url()
    with use_broker(url, monkeypatch), redis.Redis.from_url(url, decode_responses=True) as client:
        yield client
