"""The API under gunicorn with threads, as in production."""

import os
import sys
from contextlib import contextmanager

import httpx
from argon2 import PasswordHasher, profiles

from app import create_app
from core import passwords
from tests.services.ports import free_port
from tests.services.process import serving


def with_cheap_passwords():
    """The application with argon2id in the profile that its library has for tests, for who asks for many hashes."""
    passwords._hasher = PasswordHasher.from_parameters(profiles.CHEAPEST)
    return create_app()


@contextmanager
def serve(folder, app="app:create_app()", **environ):
    """Run gunicorn as in production; yield its address."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "gunicorn", app, "--bind", f"127.0.0.1:{port}"]
    command += ["--worker-class", "gthread", "--threads", "32", "--graceful-timeout", "1"]

    def ready():
        try:
            return httpx.get(f"{url}/healthz").is_success
        except httpx.TransportError:
            return False

    with serving(command, log=folder / "gunicorn.log", ready=ready, env=os.environ | environ):
        yield url
