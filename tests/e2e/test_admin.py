"""The operator's commands on a running system."""

import json
import os
import re
import subprocess
import sys

import httpx
import pytest

from tasks.stages import POOLS
from tests.e2e.client import Client
from tests.e2e.stack import ROOT
from tests.keys import HEADERS, SETTINGS
from tests.services.process import wait_until

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def admin(local_stack, local_settings):
    """Run `cutwork admin` with the settings of the stack."""
    env = os.environ | SETTINGS | local_settings | {"PUBLIC_URL": local_stack[0]}

    def run(*arguments, code=0):
        command = [sys.executable, "-m", "admin", *arguments]
        done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=300, check=False)
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout

    wait_until(lambda: len(json.loads(run("workers", "--json"))) == len(POOLS))
    return run


def row(text, **wanted):
    return next(one for one in json.loads(text) if wanted.items() <= one.items())


def test_a_drained_pool_takes_nothing_until_it_is_back(local_stack, admin, sample):
    client = Client(local_stack[0])
    admin("drain", "encode", "--wait", "100")
    try:
        [encode] = [one for one in json.loads(admin("workers", "--json")) if one["worker"].startswith("encode@")]
        assert encode["queues"] == []
        job = client.edit(client.upload(sample, filename="drained.mp4"), [{"start": "0.3", "end": "1.3"}])
        waiting = {}
        wait_until(lambda: waiting.update(row(admin("queues", "--json"), queue="trim")) or waiting["waiting"] == 1)
        assert (waiting["messages"], waiting["running"]) == (1, 0)
        assert waiting["oldest_s"] > 0
        assert "1 of 1 jobs sent again" in admin("requeue", job["id"])
    finally:
        assert "working again" in admin("drain", "encode", "--back")
    done = client.wait(job)
    assert done["status"] == "succeeded"
    assert {stage["attempt"] for stage in done["stages"].values() if not stage["cached"]} == {1}


def test_what_failed_is_retried_by_its_code(local_stack, admin, tmp_path):
    client = Client(local_stack[0])
    noise = tmp_path / "noise.mp4"
    noise.write_bytes(b"neither film nor sound" * 500)
    job = client.wait(client.edit(client.upload(noise), [{"start": "0", "end": "1"}]))
    told = admin("requeue", "--failed", job["error"]["code"], "--since", "1h")
    sent, found = map(int, re.match(r"(\d+) of (\d+) jobs sent again", told).groups())
    assert sent == found >= 1
    assert client.wait(job)["error"] == job["error"]
    assert admin("requeue", "--failed", "no_such_code") == "0 of 0 jobs sent again\n"
    admin("requeue", "job_none", code=1)


def test_an_account_gets_a_key_that_works_at_once(local_stack, admin):
    told = admin("create-account", "Faculty of Arts")
    key = re.search(r"key +(cw_\w+)", told)[1]
    answer = httpx.get(f"{local_stack[0]}/v1/jobs", headers={"Authorization": f"Bearer {key}"})
    assert answer.json()["data"] == []
    assert httpx.get(f"{local_stack[0]}/v1/jobs", headers=HEADERS).status_code == 200


def test_a_sound_system_has_no_fault(admin):
    found = {one["check"]: one for one in json.loads(admin("doctor", "--json"))}
    assert {one["state"] for one in found.values()} <= {"ok", "warning"}
    assert {"database", "migrations", "broker", "storage", "workers: encode", "versions", "leases"} <= set(found)
    assert found["versions"]["state"] == "ok"


def test_migrate_and_housekeeping_may_be_run_at_any_time(admin):
    assert "up to date" in admin("migrate", "--wait", "5")
    assert "artifacts   would remove 0, 0 bytes" in admin("housekeeping", "--dry-run", "--only", "artifacts")


def test_the_command_line_hands_over(local_settings):
    env = os.environ | SETTINGS | local_settings
    done = subprocess.run(
        [sys.executable, "-m", "cli", "admin", "queues", "--json"],
        env=env, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert row(done.stdout, queue="trim")["pool"] == "encode"
