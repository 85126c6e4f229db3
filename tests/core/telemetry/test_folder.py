"""Counting together: processes that are forked, killed and replaced, as a pool does it."""

import os
import re
import signal
import subprocess
import sys

import pytest

from core.telemetry import folder

POOL = """
import os, signal, sys
from core.telemetry import folder
path = folder.prepare()
from core.telemetry import metrics
from core.telemetry.exporter import FolderCollector
from prometheus_client import CollectorRegistry, generate_latest

registry = CollectorRegistry()
registry.register(FolderCollector(path))
metrics.STAGE_RUNS.labels("trim", "succeeded").inc()

def say(what):
    # In one piece, so that two processes do not get into each other's lines.
    os.write(1, f"{what}\\n".encode())

def child(moment):
    pid = os.fork()
    if pid == 0:
        metrics.STAGE_RUNS.labels("trim", "succeeded").inc()
        metrics.STAGE_RUNNING.labels("trim").inc()
        metrics.STAGE_RUN_SECONDS.labels("trim").observe(3)
        metrics.RECONCILED.set(moment)
        say("counted")
        signal.pause()
    return pid

for line in sys.stdin:
    match line.split():
        case ["start", moment]:
            say(child(float(moment)))
        case ["reap", pid]:
            os.waitpid(int(pid), 0)
            say("gone")
        case ["scrape"]:
            text = generate_latest(registry).decode()
            say(f"{text}files {len(list(path.glob('*.db')))}\\nend")
folder.remove()
say(path.exists())
"""


class Pool:
    """A process that forks others and is asked for what all have counted."""

    def __init__(self, tmp_path):
        env = os.environ | {"TMPDIR": str(tmp_path)}
        self.process = subprocess.Popen(
            [sys.executable, "-c", POOL],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=env,
            start_new_session=True,
        )

    def ask(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        return self.process.stdout.readline().strip()

    def start(self, moment):
        told = {self.ask(f"start {moment}"), self.process.stdout.readline().strip()}
        [pid] = told - {"counted"}
        return int(pid)

    def kill(self, pid):
        os.kill(pid, signal.SIGKILL)
        assert self.ask(f"reap {pid}") == "gone"

    def scrape(self):
        lines = [self.ask("scrape")]
        while lines[-1] != "end":
            lines.append(self.process.stdout.readline().strip())
        return dict(line.rsplit(" ", 1) for line in lines if re.match(r"(cutwork|files)", line))


@pytest.fixture
def pool(tmp_path):
    pool = Pool(tmp_path)
    yield pool
    with pool.process as process:
        os.killpg(process.pid, signal.SIGKILL)


def test_what_the_dead_counted_stays_and_what_they_did_does_not(pool):
    runs, running = 'cutwork_stage_runs_total{outcome="succeeded",stage="trim"}', 'cutwork_stages_running{stage="trim"}'
    first, second = pool.start(100), pool.start(50)
    before = pool.scrape()
    assert (float(before[runs]), float(before[running])) == (3, 2)
    pool.kill(first)
    after = pool.scrape()
    assert (float(after[runs]), float(after[running])) == (3, 1)
    assert float(after["cutwork_reconciler_last_run_timestamp_seconds"]) == 100
    pool.kill(second)
    for _ in range(3):
        pool.kill(pool.start(10))
    last = pool.scrape()
    assert float(last[runs]) == 6
    assert running not in last or float(last[running]) == 0
    assert float(last['cutwork_stage_run_seconds_bucket{le="5.0",stage="trim"}']) == 5
    assert float(last['cutwork_stage_run_seconds_bucket{le="2.5",stage="trim"}']) == 0
    assert float(last['cutwork_stage_run_seconds_sum{stage="trim"}']) == 15
    assert float(last["cutwork_reconciler_last_run_timestamp_seconds"]) == 100
    # The pool's own, and one of each kind for all the dead.
    assert int(last["files"]) <= 7
    pool.process.stdin.close()
    assert pool.process.stdout.readline().strip() == "False"


def test_folders_of_groups_that_are_gone_are_removed(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setenv(folder.VARIABLE, "")
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    (tmp_path / f"cutwork-metrics-{gone.pid}").mkdir()
    (tmp_path / f"cutwork-metrics-{os.getppid()}").mkdir()
    made = folder.prepare()
    assert {path.name for path in tmp_path.iterdir()} == {made.name, f"cutwork-metrics-{os.getppid()}"}
    (made / "counter_1.db").write_text("of the same group")
    assert folder.prepare() == made
    assert list(made.iterdir())
