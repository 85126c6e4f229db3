"""`python -m migrations` waits for its database, and takes turns."""

import os
import subprocess
import sys

from sqlalchemy.engine import make_url

from tests.e2e.stack import ROOT
from tests.services.ports import free_port


def test_they_wait_for_the_database_and_run_one_at_a_time(fresh_database):
    url = fresh_database()
    migrate = [sys.executable, "-m", "migrations", "--wait"]
    env = os.environ | {"DATABASE_URL": url}
    both = [subprocess.Popen([*migrate, "20"], cwd=ROOT, env=env) for _ in range(2)]
    assert [one.wait(60) for one in both] == [0, 0]
    away = make_url(url).set(port=free_port()).render_as_string(hide_password=False)
    late = subprocess.run([*migrate, "1"], cwd=ROOT, env=env | {"DATABASE_URL": away}, capture_output=True, check=False)
    assert late.returncode == 1
    assert b"waiting for the database" in late.stderr
