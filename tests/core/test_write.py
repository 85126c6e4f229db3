"""Rows that were changed are written whole and alone, on both databases."""

import pytest

from core import jobs
from core.db import transaction, write
from core.models import Asset
from tests.core.rows import make_job

pytestmark = pytest.mark.usefixtures("database")


def test_what_was_changed_is_written_and_nothing_else():
    job = make_job()
    with transaction() as session:
        held = jobs.lock(session, job.id)
        held.progress, held.error, held.stages[1].warnings = 0.5, {"code": "x"}, [{"code": "y"}]
        write(session)
        held.progress = 0.9
    found = jobs.get(job.account_id, job.id)
    assert (found.progress, found.error) == (0.5, {"code": "x"})
    assert [stage.warnings for stage in found.stages] == [[], [{"code": "y"}], [], [], []]
    assert (found.params, found.epoch, found.status) == (job.params, job.epoch, job.status)


def test_beside_what_is_new_all_is_written():
    job = make_job()
    with transaction() as session:
        held = jobs.lock(session, job.id)
        held.filename, held.input_asset_id = "renamed.mov", "ast_new"
        new = {"filename": "a", "content_type": "video/mp4", "size": 1, "sha256": "0" * 64, "storage_key": "a"}
        session.add(Asset(id="ast_new", account_id=job.account_id, **new))
        write(session)
    found = jobs.get(job.account_id, job.id)
    assert (found.filename, found.input_asset_id) == ("renamed.mov", "ast_new")
