"""Folders of killed processes go, and those of living ones stay, however still they are."""

import os
import signal
import subprocess
import sys
import time

import pytest

from core import scratch
from core.housekeeping import scratch as left
from tests.core.housekeeping.conftest import names

WORK = """
import pathlib, sys, time
from core import scratch
with scratch.folder("trim", pathlib.Path(sys.argv[1])) as folder:
    (folder / "half.mp4").write_bytes(b"12345")
    print(folder, flush=True)
    time.sleep(600)
"""


def sweep(folder, *, older_s=3600, dry_run=False):
    return list(left.sweep(folder, stages=["probe", "trim"], older_s=older_s, dry_run=dry_run))


def still(folder, *, seconds=600):
    """Let everything in a folder look unchanged for so long."""
    then = time.time() - seconds
    for path in [*folder.rglob("*"), folder]:
        os.utime(path, (then, then))
    return folder


@pytest.fixture
def worker(tmp_path):
    """A process at work in a scratch folder, and that folder."""
    with subprocess.Popen([sys.executable, "-c", WORK, tmp_path], stdout=subprocess.PIPE, text=True) as process:
        yield process, type(tmp_path)(process.stdout.readline().strip())
        process.kill()


def test_what_a_killed_process_left_goes(tmp_path, worker):
    process, folder = worker
    assert sweep(tmp_path) == []
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert [(item.name, item.size) for item in sweep(tmp_path, dry_run=True)] == [(str(folder), 5)]
    assert folder.exists()
    assert names(sweep(tmp_path)) == [str(folder)]
    assert not folder.exists()
    assert sweep(tmp_path) == []


def test_what_a_stopped_process_holds_stays(tmp_path, worker):
    process, folder = worker
    process.send_signal(signal.SIGSTOP)
    assert sweep(tmp_path) == []
    assert folder.exists()


def test_a_folder_is_gone_after_its_block(tmp_path):
    with scratch.folder("trim", tmp_path) as folder:
        assert list(folder.iterdir()) == []
        assert scratch.is_held(folder) is True
    assert list(tmp_path.iterdir()) == []


def test_what_was_killed_just_now_goes(tmp_path):
    (tmp_path / "cutwork-trim-abcdefgh").mkdir()
    assert len(sweep(tmp_path)) == 1


def test_what_is_being_made_stays(tmp_path):
    new = tmp_path / "cutwork.new-trim-abcdefgh"
    new.mkdir()
    assert sweep(tmp_path) == []
    still(new)
    assert names(sweep(tmp_path)) == [str(new)]


def test_what_is_not_a_scratch_folder_stays(tmp_path):
    for name in ("cutwork-other-abcdefgh", "cutwork-trim-abc", "else", "cutwork-trim-abcdefgh.old"):
        still_there = tmp_path / name
        still_there.mkdir()
        still(still_there)
    (tmp_path / "cutwork-trim-aaaaaaaa").write_text("a file")
    (tmp_path / "cutwork-trim-bbbbbbbb").symlink_to(tmp_path / "else")
    assert sweep(tmp_path) == []
    assert len(list(tmp_path.iterdir())) == 6


def test_without_locks_age_decides(tmp_path, monkeypatch):
    def unsupported(*args):
        raise OSError("no locks here")

    monkeypatch.setattr(scratch.fcntl, "flock", unsupported)
    with scratch.folder("trim", tmp_path) as folder:
        assert scratch.is_held(folder) is None
        still(folder)
        assert sweep(tmp_path, older_s=3600) == []
        (folder / "at-work.mp4").write_bytes(b"")
        assert sweep(tmp_path, older_s=300) == []
        still(folder)
        assert names(sweep(tmp_path, older_s=300, dry_run=True)) == [str(folder)]


def test_a_folder_that_is_not_there_has_nothing(tmp_path):
    assert sweep(tmp_path / "none") == []
