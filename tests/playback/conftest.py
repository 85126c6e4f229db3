"""Chromium, the API that serves the files, and the films."""

import contextlib
import os
import sys
from pathlib import Path

import httpx
import pytest

from core.storage.local import LocalStorage
from tests.keys import SECRET
from tests.playback.browser import chromium, player
from tests.playback.films import Studio
from tests.services.ports import free_port
from tests.services.process import serving

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def browser():
    with chromium() as running:
        yield running


@pytest.fixture(scope="module")
def storage(tmp_path_factory):
    """A local storage whose signed addresses the API serves."""
    folder = tmp_path_factory.mktemp("serving")
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    settings = {"PUBLIC_URL": url, "SECRET_KEY": SECRET, "STORAGE_DIR": str(folder / "storage")}
    command = [sys.executable, "-m", "gunicorn", "app:create_app()", "--bind", f"127.0.0.1:{port}"]
    command += ["--worker-class", "gthread", "--threads", "8"]

    def ready():
        with contextlib.suppress(httpx.TransportError):
            return httpx.get(f"{url}/healthz", timeout=5).is_success

    with serving(command, log=folder / "api.log", ready=ready, cwd=ROOT, env=os.environ | settings):
        yield LocalStorage(folder / "storage", public_url=url, secret=SECRET), url


@pytest.fixture(scope="module")
def studio(tmp_path_factory):
    return Studio(tmp_path_factory.mktemp("films"))


@pytest.fixture(scope="module")
def watch(browser, storage):
    """A context that opens a film's file, as the API serves it, in a player."""
    shelf, url = storage

    def run(film):
        name = film.path.name
        shelf.put_file(name, film.path, content_type="video/mp4")
        signed = shelf.sign_get(name, expires_s=600, filename=name, content_type="video/mp4", inline=True)
        return player(browser, signed, f"{url}/healthz")

    return run
