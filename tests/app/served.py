"""The API under gunicorn with threads, as in production."""

import os
import sys
from contextlib import contextmanager

import httpx

from tests.services.ports import free_port
from tests.services.process import serving


@contextmanager
def serve(folder, **environ):
    """Run gunicorn as in production; yield its address."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "gunicorn", "app:create_app()", "--bind", f"127.0.0.1:{port}"]
    command += ["--worker-class", "gthread", "--threads", "32", "--graceful-timeout", "1"]

    def ready():
        try:
            return httpx.get(f"{url}/healthz").is_success
        except httpx.TransportError:
            return False

    with serving(command, log=folder / "gunicorn.log", ready=ready, env=os.environ | environ):
        yield url
