"""Fixtures that every test may ask for. Servers start when first asked for and once for the whole run."""

import itertools
import os

import httpx
import pytest

from core.settings import get_settings
from tests.broker import broker
from tests.database import database, empty_sqlite, migrated_database
from tests.keys import SETTINGS
from tests.services import postgres, seaweed, valkey

__all__ = ["broker", "database", "empty_sqlite", "migrated_database"]

# Processes of many tests run at once; those that look at metrics choose their ports.
os.environ["METRICS_PORT"] = "0"
# Five seconds by default, and a machine may stand still for longer. Requests that say nothing else share this object.
for phase in ("connect", "read", "write", "pool"):
    setattr(httpx._config.DEFAULT_TIMEOUT_CONFIG, phase, 120)


@pytest.fixture(scope="session")
def valkey_port(tmp_path_factory):
    with valkey.running(tmp_path_factory.mktemp("valkey")) as port:
        yield port


@pytest.fixture(scope="session")
def valkey_url(valkey_port):
    """A function that returns the URL of another empty database at each call."""
    numbers = itertools.count()
    return lambda: f"redis://127.0.0.1:{valkey_port}/{next(numbers)}"


@pytest.fixture(scope="session")
def postgres_port():
    with postgres.running() as port:
        yield port


@pytest.fixture(scope="session")
def fresh_database(postgres_port):
    """A function that makes another empty PostgreSQL database at each call and returns its URL."""
    numbers = itertools.count()
    return lambda: postgres.create_database(postgres_port, f"test_{next(numbers)}")


@pytest.fixture(scope="session")
def s3_endpoint(tmp_path_factory):
    with seaweed.running(tmp_path_factory.mktemp("seaweed")) as endpoint:
        yield endpoint


@pytest.fixture(scope="session")
def s3_settings(s3_endpoint):
    """Environment variables that name a bucket on the test server."""
    seaweed.client(s3_endpoint).create_bucket(Bucket="cutwork")
    return {
        "S3_BUCKET": "cutwork",
        "S3_ENDPOINT_URL": s3_endpoint,
        "S3_ACCESS_KEY_ID": seaweed.ACCESS_KEY,
        "S3_SECRET_ACCESS_KEY": seaweed.SECRET_KEY,
        "S3_ADDRESSING_STYLE": "path",
    }


@pytest.fixture(scope="session", autouse=True)
def _one_key():
    """The settings without which no API starts; processes that tests start inherit them."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in SETTINGS.items():
            patch.setenv(name, value)
        yield


@pytest.fixture(autouse=True)
def _settings_are_read_again():
    yield
    get_settings.cache_clear()
