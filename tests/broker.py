"""The `broker` fixture: an empty Valkey database as broker, result backend and event stream of this process."""

import pytest
import redis
from kombu import pools

from core.settings import get_settings
from tasks.app import celery_app


def forget_connections() -> None:
    """Let the next message find its broker by the configuration, as after a fork."""
    pools.reset()
    celery_app._after_fork()
    celery_app._backend_cache = None
    celery_app._local.__dict__.pop("backend", None)


@pytest.fixture
def broker(valkey_url, monkeypatch):
    """A redis client of the database that messages go to."""
    url = valkey_url()
    before = celery_app.conf.broker_url, celery_app.conf.result_backend
    monkeypatch.setenv("BROKER_URL", url)
    get_settings.cache_clear()
    celery_app.conf.update(
        broker_url=url, result_backend=f"tasks.backend.ChordBackend+{url}", broker_read_url=url, broker_write_url=url
    )
    forget_connections()
    client = redis.Redis.from_url(url, decode_responses=True)
    yield client
    client.close()
    celery_app.conf.update(
        broker_url=before[0], broker_read_url=before[0], broker_write_url=before[0], result_backend=before[1]
    )
    forget_connections()
    get_settings.cache_clear()
