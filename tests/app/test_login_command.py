"""`cutwork login` and its kin against the API itself."""

import io
import json
import stat
import threading

import pytest
from werkzeug.serving import make_server

from app import create_app
from cli.main import run
from tests.app.people import EMAIL, PASSWORD, sign_up
from tests.keys import KEY


@pytest.fixture
def server(embedded, monkeypatch, tmp_path):
    """The API on a port, and a command that knows its address and nothing else."""
    app = create_app()
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    monkeypatch.setenv("CUTWORK_URL", f"http://127.0.0.1:{server.server_port}")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.delenv("CUTWORK_API_KEY", raising=False)
    yield app
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def cutwork(capsys, monkeypatch):
    def call(*arguments, stdin=""):
        monkeypatch.setattr("sys.stdin", io.StringIO(stdin))
        capsys.readouterr()
        code = run([*arguments])
        said = capsys.readouterr()
        return code, said.out, said.err

    return call


def test_login_keeps_a_key_and_no_password(server, cutwork, tmp_path):
    sign_up(server.test_client())
    code, _, err = cutwork("jobs")
    assert (code, "cutwork login" in err) == (3, True)
    code, out, err = cutwork("login", "--email", EMAIL, stdin=f"{PASSWORD}\n")
    assert code == 0, err
    assert EMAIL in out
    file = tmp_path / "cutwork" / "credentials.json"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    [key] = json.loads(file.read_text()).values()
    assert key.startswith("cw_")
    assert PASSWORD not in file.read_text()
    assert cutwork("jobs")[0] == 0
    me = json.loads(cutwork("whoami", "--json")[1])
    assert "jobs:write" in me["scopes"]
    assert "members:write" not in me["scopes"]
    assert cutwork("logout")[0] == 0
    assert json.loads(file.read_text()) == {}
    answer = server.test_client().get("/v1/jobs", headers={"Authorization": f"Bearer {key}"})
    assert answer.status_code == 401


def test_a_wrong_password(server, cutwork, tmp_path):
    sign_up(server.test_client())
    code, _, err = cutwork("login", "--email", EMAIL, stdin="wrong\n")
    assert (code, "invalid_credentials" in err) == (3, True)
    assert not (tmp_path / "cutwork").exists()


def test_login_with_a_key(server, cutwork, monkeypatch):
    assert cutwork("login", "--with-key", stdin="cw_00000000_" + "0" * 48)[0] == 3
    assert cutwork("login", "--with-key", stdin=f"{KEY}\n")[0] == 0
    assert cutwork("jobs")[0] == 0
    monkeypatch.setenv("CUTWORK_API_KEY", "cw_wrong")
    assert cutwork("jobs")[0] == 3, "the variable goes before what is kept"
