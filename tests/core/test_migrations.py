"""The migrations make exactly the tables of the models, on both databases."""

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import inspect

from core.db import engine
from core.models import Base
from tests.database import CONFIG

pytestmark = pytest.mark.usefixtures("database")


def is_made_here(made, name, kind, reflected, compare_to):
    """Whether a model's index is one that this database gets."""
    return made.info.get("dialect", engine().dialect.name) == engine().dialect.name


def test_the_migrated_tables_are_those_of_the_models():
    with engine().connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "include_object": is_made_here})
        assert compare_metadata(context, Base.metadata) == []


def test_everything_can_be_taken_back():
    command.downgrade(CONFIG, "base")
    assert inspect(engine()).get_table_names() == ["alembic_version"]
    command.upgrade(CONFIG, "head")
    assert set(inspect(engine()).get_table_names()) > set(Base.metadata.tables)
