"""A real Valkey and a real worker, by pytest-celery's own `celery_setup`; and no Docker."""

import socket

import psutil
import pytest

from tests.services.celery_nodes import (
    WorkerSpec,
    celery_backend_cluster,
    celery_broker_cluster,
    celery_command,
    celery_nodes_folder,
    celery_worker_cluster,
)

__all__ = ["celery_backend_cluster", "celery_broker_cluster", "celery_nodes_folder", "celery_worker_cluster"]

WAIT_S = 120


@pytest.fixture(autouse=True)
def docker_engine(monkeypatch):
    """Where a Docker client would look; nobody may come."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)
        monkeypatch.setenv("DOCKER_HOST", f"tcp://127.0.0.1:{listener.getsockname()[1]}")
        yield
        with pytest.raises(BlockingIOError):
            listener.accept()


@pytest.fixture
def celery_worker_specs():
    command = celery_command("tests.services.toy_celery", "--concurrency=1", "--without-mingle")
    return [WorkerSpec("toy", command, env={"TOY": "set for the worker"})]


def add(setup, x, y):
    return setup.app.send_task("toy.add", args=[x, y]).get(timeout=WAIT_S)


def test_a_task_runs_and_survives_restarts(celery_setup):
    assert celery_setup.ready(ping=True, control=True, docker=True)
    assert len(celery_setup) == 3
    assert add(celery_setup, 2, 3) == 5
    answer = celery_setup.app.send_task("toy.variable", args=["TOY"])
    assert answer.get(timeout=WAIT_S) == "set for the worker"

    worker = celery_setup.worker
    [main, child] = worker.get_running_processes_info(["pid", "ppid"])
    assert child["ppid"] == main["pid"]
    worker.kill()
    assert worker.container.status == "exited"
    assert not psutil.pid_exists(main["pid"])
    assert not psutil.pid_exists(child["pid"])

    waiting = celery_setup.app.send_task("toy.add", args=[20, 22])
    worker.restart()
    assert waiting.get(timeout=WAIT_S) == 42


def test_a_broker_keeps_its_messages_when_killed(celery_setup):
    celery_setup.worker.kill("SIGTERM")
    waiting = celery_setup.app.send_task("toy.add", args=[1, 1])
    celery_setup.broker.kill()
    celery_setup.broker.restart()
    celery_setup.worker.restart()
    assert waiting.get(timeout=WAIT_S) == 2
