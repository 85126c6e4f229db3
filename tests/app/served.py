"""The API under gunicorn with threads, as in production."""

import os
import sys
from contextlib import contextmanager

import httpx
from argon2 import PasswordHasher, profiles

from app import create_app, limits
from app.resources import images
from core import events, passwords
from tests.services.ports import free_port
from tests.services.process import LONG_S, serving


def patient():
    """The application on a machine that may stand still: it waits for others as long as it takes."""
    events._SOON_S = limits._REDIS_S = images._PATIENCE_S = LONG_S
    return create_app()


def with_cheap_passwords():
    """The same with argon2id in the profile that its library has for tests, for who asks for many hashes."""
    passwords._hasher = PasswordHasher.from_parameters(profiles.CHEAPEST)
    return patient()


@contextmanager
def serve(folder, app="tests.app.served:patient()", **environ):
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
