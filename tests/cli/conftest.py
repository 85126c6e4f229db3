import json
import socket
import threading
from dataclasses import dataclass

import pytest
from troubled_server import TroubledServer

from cli.main import run


@pytest.fixture
def world(monkeypatch, tmp_path):
    """A running server; the command is pointed at it, and its notes on uploads go to a folder of the test's own."""
    server = TroubledServer()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    monkeypatch.setenv("CUTWORK_URL", server.world.url)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.delenv("CUTWORK_API_KEY", raising=False)
    yield server.world
    server.world.released.set()
    server.shutdown()
    thread.join()
    server.server_close()


@dataclass
class Answer:
    """What one run of the command gave."""

    code: int
    out: str
    err: str

    @property
    def json(self):
        return json.loads(self.out)


@pytest.fixture
def cutwork(capsys):
    """Run the command in this process."""

    def call(*arguments):
        capsys.readouterr()
        code = run([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return Answer(code, captured.out, captured.err)

    return call


@pytest.fixture
def unused_port():
    """A port that nothing listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]
