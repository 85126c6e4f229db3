"""The whole system as processes: API, a worker of each pool, beat."""

import os
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import httpx

from tests.keys import SETTINGS
from tests.services.ports import free_port
from tests.services.process import LONG_S

ROOT = Path(__file__).parent.parent.parent


@contextmanager
def running(folder: Path, environment: dict[str, str]):
    """Start everything with the given settings; yield the API's address; stop everything."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    # No lease runs out where the machine stands still: attempts are counted.
    fixed = {"PUBLIC_URL": url, "SCRATCH_DIR": str(folder / "scratch"), "LEASE_S": "300"}
    env = os.environ | SETTINGS | fixed | environment
    (folder / "scratch").mkdir(parents=True)
    subprocess.run([sys.executable, "-m", "alembic", "upgrade", "head"], cwd=ROOT, env=env, check=True, timeout=300)
    api = [
        "gunicorn",
        "app:create_app()",
        "--bind",
        f"127.0.0.1:{port}",
        "--worker-class",
        "gthread",
        "--threads",
        "16",
    ]
    commands = {
        "api": [sys.executable, "-m", *api],
        "light": [sys.executable, "-m", "tasks", "worker", "light"],
        "encode": [sys.executable, "-m", "tasks", "worker", "encode"],
        "maintenance": [sys.executable, "-m", "tasks", "worker", "maintenance"],
        "beat": [sys.executable, "-m", "tasks", "beat", "--folder", str(folder)],
    }
    processes = {}
    try:
        for name, command in commands.items():
            log = (folder / f"{name}.log").open("wb")
            processes[name] = subprocess.Popen(
                command, cwd=ROOT, env=env, stdout=log, stderr=log, start_new_session=True
            )
        _wait_until_ready(url, processes, folder)
        yield url
    finally:
        for process in processes.values():
            process.terminate()
        for process in processes.values():
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
    _assert_no_surprise(folder)


def _assert_no_surprise(folder: Path) -> None:
    """What goes wrong behind a job's back is mended by the reconciler: the job ends well, only later."""
    for log in folder.glob("*.log"):
        wrong = [line for line in log.read_text().splitlines() if "raised unexpected" in line or "stage broke" in line]
        assert not wrong, f"{log.name}:\n" + "\n".join(wrong)


def _wait_until_ready(url, processes, folder) -> None:
    deadline = time.monotonic() + LONG_S
    while time.monotonic() < deadline:
        for name, process in processes.items():
            assert process.poll() is None, f"{name} ended:\n{(folder / f'{name}.log').read_text()[-3000:]}"
        try:
            if httpx.get(f"{url}/readyz", timeout=5).status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.1)
    raise AssertionError("the API did not become ready:\n" + (folder / "api.log").read_text()[-3000:])
