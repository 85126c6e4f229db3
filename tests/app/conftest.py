"""The application on an empty database and storage; Valkey is real, as are PostgreSQL and S3 where they are named."""

import hashlib
import shutil
import wave
from fractions import Fraction

import httpx
import pytest
from argon2 import PasswordHasher, profiles
from flask import request, request_finished

from app import create_app
from app.contract import OF_THE_JOB, codes_of
from app.errors import CONTENT_TYPE
from core import events, passwords
from core.models import Asset
from core.settings import get_settings
from core.storage import storage_from
from media.sample import make_sample
from pipelines import submit
from tasks.probe import probe
from tests.keys import with_key
from tests.services.process import LONG_S


def hash_by(monkeypatch, profile):
    monkeypatch.setattr(passwords, "_hasher", PasswordHasher.from_parameters(profile))
    passwords._of_nobody.cache_clear()


@pytest.fixture(autouse=True)
def _cheap_passwords(monkeypatch):
    """Real argon2id, in the profile that its library has for tests."""
    hash_by(monkeypatch, profiles.CHEAPEST)


@pytest.fixture(autouse=True)
def _patience(monkeypatch):
    """An event that a test sends arrives, once, however long the machine stands still."""
    monkeypatch.setattr(events, "_SOON_S", LONG_S)


@pytest.fixture
def configure(monkeypatch):
    """Return a function that sets environment variables and lets the settings read them."""

    def set_all(**values):
        for name, value in values.items():
            monkeypatch.setenv(name, str(value))
        get_settings.cache_clear()

    yield set_all
    monkeypatch.undo()
    get_settings.cache_clear()


@pytest.fixture(scope="session")
def valkey_url(valkey_url):
    """One database for all of these tests: nobody consumes what they send."""
    url = valkey_url()
    return lambda: url


@pytest.fixture(autouse=True)
def _only_documented_problems():
    """Whatever a test provokes, every problem that is answered is among the codes of its operation."""
    undocumented = []

    def look(app, response):
        told = codes_of(app.view_functions[request.endpoint]) if request.endpoint else {}
        if told and response.mimetype == CONTENT_TYPE:
            codes = told.get(response.status_code, ())
            if response.json["code"] not in codes and OF_THE_JOB not in codes:
                undocumented.append(f"{request.endpoint}: {response.status_code} {response.json['code']}")

    with request_finished.connected_to(look):
        yield
    assert not undocumented


@pytest.fixture
def embedded(broker, configure, empty_sqlite, tmp_path):
    """Settings of the embedded stack: SQLite, a local folder, Valkey."""
    database = tmp_path / "cutwork.db"
    shutil.copy(empty_sqlite, database)
    configure(DATABASE_URL=f"sqlite:///{database}", STORAGE_DIR=tmp_path / "storage", PUBLIC_URL="http://localhost")
    # All tests sign in from one address.
    configure(MAIL_DIR=tmp_path / "mail", RATE_LIMIT_LOGIN="")


@pytest.fixture
def servers(broker, configure, migrated_database, s3_settings, tmp_path):
    """Settings of a deployment: PostgreSQL, S3, Valkey."""
    configure(DATABASE_URL=migrated_database(), MAIL_DIR=tmp_path / "mail", RATE_LIMIT_LOGIN="", **s3_settings)


@pytest.fixture
def client(embedded):
    return with_key(create_app())


@pytest.fixture(params=["embedded", "servers"])
def any_client(request):
    """A client of the application on each kind of stack."""
    request.getfixturevalue(request.param)
    return with_key(create_app())


@pytest.fixture
def storage():
    return storage_from(get_settings())


@pytest.fixture(scope="session")
def sample(tmp_path_factory):
    """A small video of four seconds."""
    path = tmp_path_factory.mktemp("clips") / "sample.mp4"
    make_sample(path, seconds=Fraction(4), fps=Fraction(10), size=(160, 90), keyframe_every=10)
    return path


@pytest.fixture(scope="session")
def sound(tmp_path_factory):
    """A second of silence."""
    path = tmp_path_factory.mktemp("clips") / "sound.wav"
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(bytes(16_000))
    return path


def put(client, url, body):
    """PUT to a signed address, wherever it leads; return status and headers."""
    if url.startswith("http://localhost/"):
        answer = client.put(url.removeprefix("http://localhost"), data=body)
        return answer.status_code, answer.headers
    answer = httpx.put(url, content=body)
    return answer.status_code, answer.headers


def open_upload(client, body: bytes, *, filename="lecture.mp4", **more):
    answer = client.post("/v1/uploads", json={"filename": filename, "size": len(body)} | more)
    assert answer.status_code == 201, answer.json
    return answer.json


def upload(client, body: bytes, **more):
    """Send a file through all three steps and return the asset document."""
    document = open_upload(client, body, **more)
    for part in document["parts"]:
        start = (part["number"] - 1) * document["part_size"]
        status, _ = put(client, part["url"], body[start : start + part["size"]])
        assert status == 200
    answer = client.post(f"/v1/uploads/{document['id']}/complete", json={"sha256": hashlib.sha256(body).hexdigest()})
    assert answer.status_code == 201, answer.json
    return answer.json


def inspect(asset: dict):
    """Run the probe of an asset in this process, as a worker would."""
    from core import accounts, assets

    row: Asset = assets.get(accounts.default_account().id, asset["id"])
    job = submit.inspect_asset(row.account_id, row)
    probe.apply(args=(job.id, job.epoch))
    return job
