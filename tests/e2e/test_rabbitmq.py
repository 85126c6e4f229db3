"""The same system on RabbitMQ: messages go over AMQP, live events and chord counters stay in Redis."""

import ast
import os
import subprocess
import sys
from contextlib import contextmanager

import amqp
import psutil
import pytest
from sqlalchemy import create_engine, update

from core.errors import TransientError
from core.models import JobStage, now
from tasks import queues
from tasks.stages import STAGES
from tests.e2e.client import Client
from tests.e2e.stack import ROOT, running
from tests.services import rabbitmq
from tests.services.process import serving, wait_until

pytestmark = pytest.mark.e2e
BRAND = {"intro": {"title": "On rails", "duration": "0.4"}}


@pytest.fixture(scope="module")
def amqp_url(tmp_path_factory):
    with rabbitmq.running(tmp_path_factory.mktemp("rabbitmq")) as url:
        yield url


@pytest.fixture(scope="module")
def settings(tmp_path_factory, amqp_url, valkey_url):
    folder = tmp_path_factory.mktemp("amqp")
    return {
        "DATABASE_URL": f"sqlite:///{folder / 'cutwork.db'}",
        "STORAGE_DIR": str(folder / "storage"),
        "BROKER_URL": amqp_url,
        "REDIS_URL": valkey_url(),
        "LEASE_S": "300",
        "REDELIVER_AFTER_S": "4",
        "RECONCILE_EVERY_S": "1",
    }


@pytest.fixture(scope="module")
def client(tmp_path_factory, settings):
    with running(tmp_path_factory.mktemp("amqp-stack"), settings) as url:
        yield Client(url)


@pytest.fixture
def channel(amqp_url):
    """To look at queues and to empty them."""
    with amqp.Connection(amqp_url.split("@")[1].split("/")[0]) as connection:
        yield connection.channel()


@pytest.mark.parametrize("wrong", [("guest:guest", "guest:wrong"), ("//", "/nowhere")], ids=["password", "host"])
def test_a_broker_that_refuses_is_one_that_does_not_answer(amqp_url, monkeypatch, wrong):
    monkeypatch.setattr(queues.celery_app.conf, "broker_url", amqp_url)
    monkeypatch.setattr(queues.celery_app.conf, "broker_write_url", amqp_url)
    assert queues.depths(["probe"])["probe"] >= 0
    before, after = wrong
    refused = after.join(amqp_url.rsplit(before, 1))
    monkeypatch.setattr(queues.celery_app.conf, "broker_write_url", refused)
    with pytest.raises(TransientError, match="The broker did not answer"):
        queues.depths(["probe"])


@pytest.fixture
def asset(client, sample):
    return client.upload(sample, filename="rails.mp4")


def workers(settings, pool):
    """The main processes of this system's workers of a pool."""
    found = []
    for process in psutil.Process().children(recursive=True):
        # None of a process that has ended.
        facts = process.as_dict(["cmdline", "environ"])
        ours = (facts["environ"] or {}).get("BROKER_URL") == settings["BROKER_URL"]
        if ours and f"{pool}@%h" in (facts["cmdline"] or ()):
            found.append(process)
    mains = {process.pid for process in found}
    return [process for process in found if process.ppid() not in mains]


def kill_encode_workers(settings):
    family = [one for main in workers(settings, "encode") for one in [main, *main.children(recursive=True)]]
    for process in family:
        process.kill()
    # The main process is this one's child, and is waited for where it was started.
    wait_until(lambda: not any(one.is_running() and one.status() != psutil.STATUS_ZOMBIE for one in family))


def let_the_lease_run_out(settings, job):
    """Now, and not by itself: a lease of a few seconds would be lost too where the machine stands still for so long."""
    database = create_engine(settings["DATABASE_URL"])
    with database.begin() as connection:
        mine = (JobStage.job_id == job["id"]) & (JobStage.name == "trim")
        connection.execute(update(JobStage).where(mine).values(lease_expires_at=now()))
    database.dispose()


@contextmanager
def encode_worker(settings, folder):
    log = folder / "encode.log"
    command = [sys.executable, "-m", "tasks", "worker", "encode"]
    environment = os.environ | settings | {"SCRATCH_DIR": str(folder)}
    with serving(command, log=log, ready=lambda: b"ready." in log.read_bytes(), cwd=ROOT, env=environment):
        yield


def attempts(job):
    return {name: stage["attempt"] for name, stage in job["stages"].items()}


def stage_of(client, job, name):
    return client.get(f"/v1/jobs/{job['id']}")["stages"][name]


def test_a_whole_edit(client, asset):
    job = client.wait(client.edit(asset, [{"start": "0.52", "end": "1.48"}], brand=BRAND))
    assert job["status"] == "succeeded", job["error"]
    assert set(attempts(job).values()) <= {0, 1}
    assert {output["name"] for output in job["outputs"]} >= {"video", "poster"}


def test_a_worker_that_is_killed_costs_its_stage_only(client, asset, settings, tmp_path):
    job = client.edit(asset, [{"start": "0.2", "end": "11.8"}], mode="exact", preview=False)
    wait_until(lambda: stage_of(client, job, "trim")["status"] == "running")
    kill_encode_workers(settings)
    let_the_lease_run_out(settings, job)
    with encode_worker(settings, tmp_path):
        done = client.wait(job)
    assert done["status"] == "succeeded", done["error"]
    assert attempts(done) == {"probe": attempts(done)["probe"], "trim": 2, "publish": 1}


def test_a_queue_that_was_purged_loses_no_job(client, asset, settings, channel, tmp_path):
    kill_encode_workers(settings)
    job = client.edit(asset, [{"start": "2", "end": "3"}], preview=False)
    wait_until(lambda: channel.queue_purge("trim") == 1)
    with encode_worker(settings, tmp_path):
        done = client.wait(job)
    assert done["status"] == "succeeded", done["error"]
    assert attempts(done)["trim"] == 1


def test_a_consumer_may_keep_a_message_as_long_as_any_stage_runs(settings):
    """By default RabbitMQ would close its channel after half an hour."""
    limits = "{q.name: (q.consumer_arguments or {}).get('x-consumer-timeout') for q in celeryconfig.task_queues}"
    command = [sys.executable, "-c", f"import celeryconfig; print({limits})"]

    def said(environment):
        answer = subprocess.run(command, cwd=ROOT, env=os.environ | environment, check=True, capture_output=True)
        return ast.literal_eval(answer.stdout.decode())

    over_amqp = said(settings)
    assert set(STAGES) <= set(over_amqp)
    assert all(limit > max(stage.hard_limit_s for stage in STAGES.values()) * 1000 for limit in over_amqp.values())
    assert set(said({"BROKER_URL": settings["REDIS_URL"]}).values()) == {None}
