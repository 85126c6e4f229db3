"""The `database` fixture: an empty, migrated database of each kind, named by the settings of the test."""

from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config

from core.db import engine
from core.settings import get_settings

CONFIG = Config(Path(__file__).parent.parent / "alembic.ini")


def migrate() -> None:
    command.upgrade(CONFIG, "head")


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request, tmp_path, monkeypatch):
    """Point the settings at a fresh database; the URL is its value."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path / 'test.db'}"
    else:
        url = request.getfixturevalue("fresh_database")()
    monkeypatch.setenv("DATABASE_URL", url)
    get_settings.cache_clear()
    migrate()
    yield url
    engine().dispose()
