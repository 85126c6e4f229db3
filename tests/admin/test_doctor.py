"""Doctor finds what is wrong with real servers, and says what to do."""

import pytest

from admin import check_processes, check_services, check_storage
from admin.main import run
from core.settings import get_settings
from tests.database import migrate
from tests.keys import SETTINGS
from tests.services import seaweed
from tests.services.ports import free_port

ORIGIN = "https://cutwork.example"


@pytest.fixture
def configure(monkeypatch):
    def set_all(**values):
        for name, value in values.items():
            monkeypatch.setenv(name, value)
        get_settings.cache_clear()

    set_all(**SETTINGS, PUBLIC_URL=ORIGIN)
    yield set_all
    monkeypatch.undo()
    get_settings.cache_clear()


def by_check(findings):
    return {one.check: one for one in findings}


def test_a_database_without_its_tables_is_told_how_to_get_them(configure, fresh_database):
    configure(DATABASE_URL=fresh_database())
    found = by_check(check_services.database())
    assert found["migrations"].state == "fault"
    assert found["migrations"].advice == "Run: cutwork admin migrate"
    assert not check_services.tables_there()
    migrate()
    found = by_check(check_services.database())
    assert found["migrations"].state == found["clock of the database"].state == "ok"
    # The server of the tests does not wait for its disk.
    assert found["durability"].state == "warning"
    assert by_check(check_processes.recovery())["leases"].state == "ok"


def test_a_database_that_is_away_is_a_fault(configure):
    configure(DATABASE_URL=f"postgresql+psycopg2://nobody@127.0.0.1:{free_port()}/none")
    [finding] = check_services.database()
    assert (finding.state, "DATABASE_URL" in finding.advice) == ("fault", True)


def test_a_redis_that_drops_messages_is_a_fault(configure, broker):
    found = by_check([*check_services.broker(), *check_services.live_events()])
    assert {one.state for one in found.values()} == {"ok"}
    broker.config_set("maxmemory-policy", "allkeys-lru")
    try:
        found = by_check(check_services.broker())
    finally:
        broker.config_set("maxmemory-policy", "noeviction")
    assert (found["broker: memory"].state, "noeviction" in found["broker: memory"].advice) == ("fault", True)


def test_a_bucket_is_tried_and_its_cors_compared(configure, s3_settings, s3_endpoint):
    s3 = seaweed.client(s3_endpoint)
    configure(**s3_settings)
    s3.delete_bucket_cors(Bucket="cutwork")
    found = by_check(check_storage.storage())
    assert found["storage"].state == found["clock of the storage"].state == "ok"
    assert (found["bucket CORS"].state, ORIGIN in found["bucket CORS"].advice) == ("warning", True)
    rule = {"AllowedOrigins": [ORIGIN], "AllowedMethods": ["PUT", "GET"], "ExposeHeaders": ["ETag"]}
    s3.put_bucket_cors(Bucket="cutwork", CORSConfiguration={"CORSRules": [rule]})
    try:
        assert by_check(check_storage.storage())["bucket CORS"].state == "ok"
        configure(PUBLIC_URL="https://other.example")
        assert by_check(check_storage.storage())["bucket CORS"].state == "warning"
    finally:
        s3.delete_bucket_cors(Bucket="cutwork")


def test_a_bucket_that_refuses_is_a_fault(configure, s3_settings):
    configure(**s3_settings | {"S3_SECRET_ACCESS_KEY": "another"})
    [finding] = check_storage.storage()
    assert (finding.state, "S3_BUCKET" in finding.advice) == ("fault", True)


def test_pools_without_workers_and_a_weak_secret_are_faults(configure, broker):
    found = by_check(check_processes.workers())
    assert {name: one.state for name, one in found.items()} == dict.fromkeys(
        ("workers: light", "workers: encode", "workers: maintenance"), "fault"
    )
    configure(SECRET_KEY="")
    assert by_check(check_processes.here())["settings"].state == "fault"


def test_it_ends_with_1_for_a_fault(configure, broker, capsys):
    configure(DATABASE_URL=f"postgresql+psycopg2://nobody@127.0.0.1:{free_port()}/none")
    assert run(["doctor"]) == 1
    told = capsys.readouterr().out
    assert "FAULT    database" in told
    assert "→ Start it, or correct DATABASE_URL." in told
