"""Probes look at a file's age: a worker and beat touch it while they do their work."""

import os
import sys
import time

import pytest

from tests.e2e.stack import ROOT
from tests.services.process import serving, wait_until


@pytest.mark.parametrize("kind", [["worker", "maintenance"], ["beat"]])
def test_a_process_that_works_touches_its_file_again_and_again(kind, tmp_path, valkey_url):
    file = tmp_path / "alive"
    env = os.environ | {"ALIVE_FILE": str(file), "BROKER_URL": valkey_url(), "RECONCILE_EVERY_S": "1"}
    env["DATABASE_URL"] = f"sqlite:///{tmp_path}/cutwork.db"
    folder = ["--folder", str(tmp_path)] if kind == ["beat"] else []
    command = [sys.executable, "-m", "tasks", *kind, *folder]
    with serving(command, log=tmp_path / "log", ready=file.exists, cwd=ROOT, env=env):
        file.unlink()
        wait_until(file.exists)
    file.unlink(missing_ok=True)
    time.sleep(0.1)
    assert not file.exists()
