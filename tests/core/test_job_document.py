"""What followers are told is a hint: a database or a Redis that is away must not fail the work itself."""

from core import job_document
from core.db import engine
from core.settings import get_settings
from tests.services.ports import free_port


def test_nobody_is_told_while_the_database_is_away(monkeypatch):
    monkeypatch.setenv("DATABASE_URL", f"postgresql+psycopg2://nobody@127.0.0.1:{free_port()}/none")
    get_settings.cache_clear()
    assert job_document.announce("job_of_nobody") is None
    engine().dispose()
