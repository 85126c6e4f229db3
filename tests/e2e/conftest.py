from fractions import Fraction

import pytest

from media.sample import make_sample
from tests.e2e.client import Client
from tests.e2e.stack import running


@pytest.fixture(scope="session")
def local_settings(tmp_path_factory, valkey_url):
    """SQLite and a local folder."""
    folder = tmp_path_factory.mktemp("local")
    return {
        "DATABASE_URL": f"sqlite:///{folder / 'cutwork.db'}",
        "BROKER_URL": valkey_url(),
        "STORAGE_DIR": str(folder / "storage"),
        "OUTGOING_HTTP": "true",
        "OUTGOING_ALLOW": "127.0.0.1/32",
    }


@pytest.fixture(scope="session")
def local_stack(tmp_path_factory, local_settings):
    """The system on those."""
    folder = tmp_path_factory.mktemp("local-stack")
    with running(folder, local_settings) as url:
        yield url, folder


@pytest.fixture(scope="session")
def server_stack(tmp_path_factory, valkey_url, fresh_database, s3_settings):
    """PostgreSQL and S3."""
    folder = tmp_path_factory.mktemp("server")
    settings = {"DATABASE_URL": fresh_database(), "BROKER_URL": valkey_url(), **s3_settings}
    with running(folder, settings) as url:
        yield url, folder


@pytest.fixture(params=["local_stack", "server_stack"])
def stack(request):
    """Each of the two systems: its address and the folder with its logs and scratch."""
    return request.getfixturevalue(request.param)


@pytest.fixture
def client(stack):
    return Client(stack[0])


@pytest.fixture
def local_client(local_stack):
    return Client(local_stack[0])


@pytest.fixture(scope="session")
def sample(tmp_path_factory):
    """Twelve seconds of barcoded picture with clicks, 25 frames a second."""
    path = tmp_path_factory.mktemp("sample") / "lecture one.mp4"
    make_sample(path, seconds=Fraction(12), fps=Fraction(25), size=(320, 180))
    return path
