"""Flower, as the operator starts it, knows every stage by its name of the registry."""

import os
import sys

import httpx
import pytest

from tasks.stages import POOLS, STAGES
from tests.e2e.client import Client
from tests.e2e.stack import ROOT
from tests.services.ports import free_port
from tests.services.process import serving, wait_until

pytestmark = pytest.mark.e2e


@pytest.fixture
def flower(local_stack, local_settings, tmp_path):
    port = free_port()
    url = f"http://127.0.0.1:{port}"

    def answers():
        try:
            return httpx.get(f"{url}/healthcheck").status_code == 200
        except httpx.TransportError:
            return False

    command = [sys.executable, "-m", "tasks", "flower", "--port", str(port)]
    env = os.environ | local_settings | {"FLOWER_UNAUTHENTICATED_API": "true"}
    with serving(command, log=tmp_path / "flower.log", ready=answers, cwd=ROOT, env=env):
        yield url


def test_flower_shows_the_five_stages_and_all_pools(flower, local_stack, sample):
    client = Client(local_stack[0])
    asset = client.upload(sample, filename="flower.mp4")
    wait_until(lambda: len(httpx.get(f"{flower}/api/workers", params={"refresh": 1}).json()) == len(POOLS))
    keep = [{"start": "0.52", "end": "1.48"}]
    job = client.edit(asset, keep, brand={"intro": {"title": "Flower", "duration": "0.4"}})
    assert client.wait(job)["status"] == "succeeded"

    def seen():
        return {task["name"] for task in httpx.get(f"{flower}/api/tasks").json().values()}

    # The probe may have run for the upload, before Flower listened; parts are asked for by long edits only.
    expected = {"trim", "preview", "brand", "publish"}
    wait_until(lambda: seen() >= expected)
    page = httpx.get(f"{flower}/tasks").text
    assert "Flower" in page
    workers = httpx.get(f"{flower}/api/workers").json()
    assert {name.split("@")[0] for name in workers} == set(POOLS)
    registered = {task for worker in workers.values() for task in worker["registered"]}
    assert set(STAGES) <= registered
