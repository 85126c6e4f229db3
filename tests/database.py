"""The `database` fixture: an empty, migrated database of each kind, named by the settings of the test."""

import shutil
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config

from core.db import engine
from core.settings import get_settings
from tests.services.reused import ReusedDatabase

CONFIG = Config(Path(__file__).parent.parent / "alembic.ini")


def migrate() -> None:
    command.upgrade(CONFIG, "head")


def make_migrated(url: str) -> None:
    """Migrate a database; nothing is connected to it afterwards."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DATABASE_URL", url)
        get_settings.cache_clear()
        migrate()
        # Of SQLite the last connection to close writes the journal into the file.
        engine().dispose()
    get_settings.cache_clear()


@pytest.fixture(scope="session")
def empty_sqlite(tmp_path_factory):
    """A migrated SQLite file, to be copied: that takes a tenth of the time of migrating another."""
    path = tmp_path_factory.mktemp("sqlite") / "empty.db"
    make_migrated(f"sqlite:///{path}")
    return path


@pytest.fixture(scope="session")
def migrated_database(postgres_port):
    """A function that returns the URL of a migrated PostgreSQL database without rows, one for all tests."""
    return ReusedDatabase(postgres_port, make_migrated).take


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request, tmp_path, monkeypatch):
    """Point the settings at a fresh database; the URL is its value."""
    if request.param == "sqlite":
        path = tmp_path / "test.db"
        shutil.copy(request.getfixturevalue("empty_sqlite"), path)
        url = f"sqlite:///{path}"
    else:
        url = request.getfixturevalue("migrated_database")()
    monkeypatch.setenv("DATABASE_URL", url)
    get_settings.cache_clear()
    yield url
    engine().dispose()
