"""The operators' command, and what beat starts."""

import os
import re
import sys
from datetime import timedelta

import pytest
from celery.signals import task_prerun

from core import accounts, uploads
from core.db import transaction
from core.housekeeping.report import Tally
from core.models import Upload, now
from core.settings import Settings, get_settings
from core.storage import storage_from
from pipelines import housekeeping, maintenance
from tasks.probe import probe
from tasks.stages import PERIODIC, visibility_timeout_s
from tests.services.ports import free_port


@pytest.fixture
def place(database, broker, tmp_path, monkeypatch):
    """A storage folder and a scratch folder of the settings."""
    monkeypatch.setenv("STORAGE_DIR", str(tmp_path / "storage"))
    monkeypatch.setenv("SCRATCH_DIR", str(tmp_path / "scratch"))
    monkeypatch.setenv("ORPHAN_GRACE_S", "0")
    get_settings.cache_clear()
    return storage_from(get_settings())


@pytest.fixture
def orphan(place, tmp_path):
    path = tmp_path / "body"
    path.write_bytes(b"12345")
    key = f"artifacts/ff/{'f' * 64}/0123456789ab/video.mp4"
    place.put_file(key, path, content_type="video/mp4")
    return key


@pytest.fixture
def command(monkeypatch, capsys):
    """Return a function that runs the command: exit status, lines of output, errors."""

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["housekeeping", *arguments])
        status = housekeeping.main()
        said = capsys.readouterr()
        return status, said.out.splitlines(), said.err

    return run


def test_every_kind_has_its_line(command, orphan):
    status, lines, _ = command()
    assert status == 0
    assert [line.split()[0] for line in lines] == list(housekeeping.KINDS)
    assert [line for line in lines if not line.endswith("removed 0, 0 bytes")] == ["objects     removed 1, 5 bytes"]


def test_a_dry_run_lists_and_removes_nothing(command, place, orphan):
    told = ["  " + orphan + " 5", "objects     would remove 1, 5 bytes"]
    assert command("--dry-run", "--list", "--only", "objects")[1] == told
    assert list(place.keys("artifacts/")) == [orphan]
    assert command("--only", "multiparts,objects")[1][1] == "objects     removed 1, 5 bytes"
    assert list(place.keys("artifacts/")) == []


def test_a_kind_that_there_is_not_is_refused(command, capsys):
    with pytest.raises(SystemExit) as caught:
        command("--only", "objects,dust")
    assert caught.value.code == 2
    assert "'dust': no such kind; there are uploads, artifacts" in capsys.readouterr().err


def test_the_help_explains_every_kind(command, capsys):
    with pytest.raises(SystemExit):
        command("--help")
    told = capsys.readouterr().out
    assert all(kind.summary in told for kind in housekeeping.KINDS.values())
    named = set(re.findall("[A-Z]+_[A-Z_]+", told))
    assert "ARTIFACT_TTL_DAYS" in named
    assert {name.lower() for name in named} <= set(Settings.model_fields)


def test_one_that_cannot_be_finished_does_not_stop_the_others(command, place, orphan, monkeypatch):
    monkeypatch.setenv("REDIS_URL", f"redis://127.0.0.1:{free_port()}/0")
    get_settings.cache_clear()
    status, lines, errors = command("--only", "events,objects")
    assert status == 1
    assert "events      not finished: The event stream did not answer" in errors
    assert lines == ["objects     removed 1, 5 bytes"]


def test_beat_does_every_kind_once(monkeypatch):
    done = []
    monkeypatch.setattr(housekeeping, "run", lambda kind: done.append(kind) or Tally())
    for task in set(PERIODIC) - {"reconcile"}:
        getattr(maintenance, task)()
    assert sorted(done) == sorted(housekeeping.KINDS)


def test_beat_goes_on_without_redis(place, monkeypatch, tmp_path):
    monkeypatch.setenv("REDIS_URL", f"redis://127.0.0.1:{free_port()}/0")
    get_settings.cache_clear()
    account = accounts.default_account().id
    made = uploads.create(account, place, filename="a.mp4", size=5, content_type="video/mp4", sha256=None)
    with transaction() as session:
        session.get_one(Upload, made.id).expires_at = now() - timedelta(seconds=1)
    maintenance.sweep_leftovers()
    maintenance.expire_uploads()
    assert uploads.get(account, made.id).status == uploads.EXPIRED


def test_a_stage_that_starts_clears_the_scratch_folder_first(place, tmp_path, monkeypatch):
    monkeypatch.setitem(maintenance._LOOKED, "next", 0.0)
    left = tmp_path / "scratch" / "cutwork-trim-abcdefgh"
    left.mkdir(parents=True)
    os.utime(left, (0, 0))
    task_prerun.send(sender=maintenance.reconcile, task=maintenance.reconcile)
    assert left.exists()
    task_prerun.send(sender=probe, task=probe)
    assert not left.exists()
    # Not again for each of many short stages.
    left.mkdir()
    os.utime(left, (0, 0))
    task_prerun.send(sender=probe, task=probe)
    assert left.exists()


def test_files_are_orphans_only_when_no_stage_can_still_be_at_work():
    assert Settings.model_fields["orphan_grace_s"].default > visibility_timeout_s()
