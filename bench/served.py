"""The API as in production, on servers of its own: PostgreSQL, Valkey, gunicorn with one process of 32 threads."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil

from core.settings import get_settings
from tests.keys import HEADERS, SETTINGS
from tests.services import postgres, valkey
from tests.services.ports import free_port
from tests.services.process import serving

ROOT = Path(__file__).parent.parent
THREADS = 32


@dataclass(frozen=True)
class Served:
    """Where an application answers, its process, and the headers that let one in."""

    url: str
    process: psutil.Process
    headers: Mapping[str, str]

    def family(self) -> list[psutil.Process]:
        """The process and its children."""
        return [self.process, *self.process.children(recursive=True)]

    def memory(self) -> int:
        """Resident bytes of all of them, what they share counted once (PSS, proc(5))."""
        return sum(one.memory_full_info().pss for one in self.family())

    def cpu(self) -> float:
        """Seconds of processor time that they have used."""
        return sum(sum(one.cpu_times()[:2]) for one in self.family())


@contextmanager
def backing(folder: Path, **settings: str) -> Iterator[None]:
    """Start the servers that the API needs, and point this process's settings at them."""
    with ExitStack() as stack:
        port = stack.enter_context(valkey.running(folder))
        database = postgres.create_database(stack.enter_context(postgres.running()), "bench")
        os.environ |= SETTINGS | settings
        os.environ |= {"BROKER_URL": f"redis://127.0.0.1:{port}/0", "DATABASE_URL": database}
        os.environ |= {"STORAGE_DIR": str(folder / "storage"), "METRICS_PORT": "0"}
        get_settings.cache_clear()
        subprocess.run([sys.executable, "-m", "alembic", "upgrade", "head"], cwd=ROOT, check=True, capture_output=True)
        yield


@contextmanager
def serve(folder: Path, application: str = "app:create_app()") -> Iterator[Served]:
    """Serve a WSGI application."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "gunicorn", application, "--bind", f"127.0.0.1:{port}"]
    command += ["--worker-class", "gthread", "--threads", str(THREADS), "--log-level", "warning"]

    def ready() -> bool:
        try:
            return httpx.get(f"{url}/healthz").is_success
        except httpx.TransportError:
            return False

    with serving(command, log=folder / f"gunicorn-{port}.log", ready=ready, cwd=ROOT) as process:
        yield Served(url, psutil.Process(process.pid), HEADERS)
