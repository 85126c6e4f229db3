"""A worker whose host ran out of something fails no job, and takes none while its disk is full."""

import errno
import os
import shutil
import sys
from fractions import Fraction
from pathlib import Path

import av
import pytest
import redis
from celery.exceptions import Retry

from core import jobs, states
from core.settings import get_settings
from media.encode import engine_errors
from media.errors import EngineError, InputError
from tasks import base, exhaustion
from tasks.app import celery_app
from tasks.stages import STAGES, Stage
from tests.core.rows import make_job, stage_plan
from tests.e2e.stack import ROOT
from tests.services.process import serving, wait_until

FULL = Path("/dev/full")
# Its file system has no room at all.
NO_ROOM = Path("/proc")
RETRIES = 2
needs_linux = pytest.mark.skipif(sys.platform != "linux", reason="such files are Linux's")


def fill_disk():
    with FULL.open("wb") as file:
        file.write(b"x" * 100_000)


def fill_disk_by_ffmpeg():
    with engine_errors(), av.open(str(FULL), "w", format="mpegts") as container:
        stream = container.add_stream("mpeg2video", rate=25)
        stream.width, stream.height, stream.time_base = 64, 64, Fraction(1, 25)
        for _ in range(200):
            container.mux(stream.encode(av.VideoFrame(64, 64)))


def raiser(number):
    def act():
        raise OSError(number, os.strerror(number))

    return act


def wrap(kind, number):
    def act():
        try:
            raiser(number)()
        except OSError as error:
            raise kind("encode_failed", "It broke.") from error

    return act


@pytest.fixture
def shaky(database, broker, monkeypatch):
    """A stage that does what its list holds, one after the other, then stores a result."""
    declared = Stage(
        name="shaky", summary="For a test", pool="light", soft_limit_s=60, hard_limit_s=70, weight=1, retries=RETRIES
    )
    monkeypatch.setitem(STAGES, "shaky", declared)
    monkeypatch.setattr(base, "backoff", lambda retries: 0.0)
    acts = []

    def shaky(ctx):
        if acts:
            acts.pop(0)()
        ctx.store({}, result={})

    yield base.stage("shaky")(shaky), acts
    celery_app.tasks.unregister("shaky")


def run(task):
    job = make_job((stage_plan("shaky"),))
    task.apply(args=(job.id, job.epoch))
    return jobs.get(job.account_id, job.id)


on_sqlite = pytest.mark.parametrize("database", ["sqlite"], indirect=True)


@needs_linux
@on_sqlite
@pytest.mark.parametrize(
    "act",
    [
        fill_disk,
        fill_disk_by_ffmpeg,
        raiser(errno.EMFILE),
        raiser(errno.ENOMEM),
        wrap(EngineError, errno.EIO),
        wrap(InputError, errno.EDQUOT),
    ],
)
def test_a_host_that_ran_out_costs_no_job(shaky, act):
    task, acts = shaky
    acts.append(act)
    job = run(task)
    assert job.status == states.SUCCEEDED, job.error
    assert (job.stages[0].attempt, job.stages[0].setbacks) == (2, 1)


@needs_linux
@on_sqlite
def test_one_that_stays_so_is_told_with_what_to_do(shaky):
    task, acts = shaky
    acts += [fill_disk] * (RETRIES + 1)
    error = run(task).error
    assert (error["code"], error["retryable"]) == ("worker_exhausted", True)
    assert "SCRATCH_DIR" in error["message"]


@on_sqlite
@pytest.mark.parametrize(
    ("act", "code"),
    [(wrap(InputError, errno.EIO), "encode_failed"), (raiser(errno.ENOENT), "internal_error")],
)
def test_other_errors_are_what_they_were(shaky, act, code):
    task, acts = shaky
    acts.append(act)
    assert run(task).error["code"] == code


@needs_linux
@on_sqlite
@pytest.mark.parametrize("folder", [NO_ROOM, Path("/nowhere/at/all")])
def test_a_message_that_finds_no_room_costs_no_attempt(shaky, monkeypatch, folder):
    task, _ = shaky
    monkeypatch.setenv("SCRATCH_DIR", str(folder))
    get_settings.cache_clear()
    asked = []
    monkeypatch.setattr(task, "retry", lambda *, exc, countdown: asked.append(exc.code) or Retry())
    job = run(task)
    assert asked == ["worker_exhausted"]
    assert (job.stages[0].status, job.stages[0].attempt) == (states.QUEUED, 0)


@needs_linux
def test_a_worker_without_room_leaves_stages_to_others_until_it_has_some(tmp_path, valkey_url, empty_sqlite):
    scratch, url, log = tmp_path / "scratch", valkey_url(), tmp_path / "log"
    scratch.symlink_to(NO_ROOM)
    database = f"sqlite:///{shutil.copy(empty_sqlite, tmp_path)}"
    env = os.environ | {"BROKER_URL": url, "SCRATCH_DIR": str(scratch), "DATABASE_URL": database}
    command = [sys.executable, "-m", "tasks", "worker", "light", "--processes", "1"]
    with (
        redis.Redis.from_url(url) as client,
        serving(command, log=log, ready=lambda: "ready." in log.read_text(), cwd=ROOT, env=env),
        celery_app.connection_for_write(url) as connection,
    ):
        assert "worker takes no stages" in log.read_text()
        for name, args in {"probe": ("job_none", 1), "webhook": ("whd_none",)}.items():
            celery_app.send_task(name, args=args, connection=connection)
        # What is no stage goes on.
        wait_until(lambda: not client.llen("webhook"))
        assert client.llen("probe") == 1
        (tmp_path / "room").symlink_to(tmp_path)
        (tmp_path / "room").rename(scratch)
        wait_until(lambda: not client.llen("probe"))
        wait_until(lambda: "worker takes stages again" in log.read_text() and "message dropped" in log.read_text())
    assert exhaustion.CODE not in log.read_text()
