"""The `broker` fixture: an empty Valkey database as broker, result backend and event stream of this process."""

import pytest
import redis

from core.settings import get_settings
from tasks.app import celery_app


def _forget_connections() -> None:
    # Celery keeps pools and a result backend for each application; they must follow the new address.
    celery_app.pool.force_close_all()
    celery_app._pool = None
    celery_app.amqp._producer_pool = None
    celery_app._local.__dict__.pop("backend", None)
    celery_app._backend_cache = None


@pytest.fixture
def broker(valkey_url, monkeypatch):
    """A redis client of the database that messages go to."""
    url = valkey_url()
    before = celery_app.conf.broker_url, celery_app.conf.result_backend
    monkeypatch.setenv("BROKER_URL", url)
    get_settings.cache_clear()
    celery_app.conf.update(broker_url=url, result_backend=url, broker_read_url=url, broker_write_url=url)
    _forget_connections()
    client = redis.Redis.from_url(url, decode_responses=True)
    yield client
    client.close()
    celery_app.conf.update(
        broker_url=before[0], broker_read_url=before[0], broker_write_url=before[0], result_backend=before[1]
    )
    _forget_connections()
    get_settings.cache_clear()
