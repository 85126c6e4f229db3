"""`cutwork kits` against the real API."""

import json
import threading

import pytest
from werkzeug.serving import make_server

from app import create_app
from cli.main import run
from tests.app.test_brand_kits import PNG
from tests.keys import KEY
from tests.services.ports import free_port


@pytest.fixture
def address(embedded, configure, monkeypatch, tmp_path):
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    # Parts of an upload go to the same server.
    configure(PUBLIC_URL=url)
    server = make_server("127.0.0.1", port, create_app(), threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    monkeypatch.setenv("CUTWORK_URL", url)
    monkeypatch.setenv("CUTWORK_API_KEY", KEY)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    yield url
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def cutwork(address, capsys):
    def call(*arguments):
        capsys.readouterr()
        assert run([*map(str, arguments), "--json"]) == 0
        return json.loads(capsys.readouterr().out)

    return call


@pytest.fixture
def logo(tmp_path):
    path = tmp_path / "logo.png"
    path.write_bytes(PNG)
    return path


def test_a_kit_from_its_creation_to_its_end(cutwork, capsys, logo):
    looks = ["--title-accent", "#F07838", "--title-font", "serif", "--transition", "wipe", "--watermark", logo]
    looks += ["--intro", "text:Algebra|Lecture 7", "--title-template", "band", "--watermark-opacity", "0.5"]
    kit = cutwork("kits", "create", "House", "--logo", logo, *looks)
    assert (kit["name"], kit["accent"], kit["font"], kit["background"]) == ("House", "#f07838", "serif", None)
    assert {name: kit["intro"][name] for name in ("title", "subtitle", "template")} == {
        "title": "Algebra", "subtitle": "Lecture 7", "template": "band",
    }  # fmt: skip
    assert (kit["watermark"]["asset"], kit["watermark"]["opacity"]) == (kit["logo"], "0.5")
    assert cutwork("kits", "list")["data"] == [kit]
    assert cutwork("kits", "show", kit["id"]) == kit
    assert run(["kits", "show", kit["id"]]) == run(["kits", "list"]) == 0
    shown = capsys.readouterr().out
    assert all(words in shown for words in ("House", "logo, intro, watermark", "title Algebra", "type wipe"))
    changed = cutwork(
        "kits", "update", kit["id"], "--name", "New", "--title-color", "#102030", "--without", "watermark"
    )
    assert changed | {"updated_at": None} == kit | {
        "name": "New", "color": "#102030", "watermark": None, "updated_at": None,
    }  # fmt: skip
    assert cutwork("kits", "update", kit["id"])["intro"] == kit["intro"]
    assert cutwork("kits", "delete", kit["id"]) == {"id": kit["id"], "deleted": True}
    assert cutwork("kits", "list")["data"] == []
    assert run(["kits", "list"]) == 0
    assert "cutwork kits create" in capsys.readouterr().err


def test_an_edit_takes_a_kit(cutwork, tmp_path, sample):
    kit = cutwork("kits", "create", "Course", "--outro", "text:Goodbye")
    job = cutwork("edit", sample, "--keep", "0-1", "--kit", kit["id"], "--detach")
    assert "brand" in job["stages"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["create"], "Missing argument"),
        (["create", "House", "--logo", "nowhere.png"], "no such file"),
        (["create", "House", "--title-template", "band"], "drawn title"),
        (["create", "House", "--card-duration", "3"], "--intro or --outro"),
        (["create", "House", "--watermark-opacity", "1"], "need --watermark"),
        (["create", "House", "--intro", "text:A", "--intro-title", "B"], "twice"),
        (["update", "kit_1", "--without", "sound"], "Invalid value"),
    ],
)
def test_wrong_usage_is_told_before_anything_is_sent(monkeypatch, capsys, arguments, words):
    monkeypatch.setenv("CUTWORK_URL", "http://127.0.0.1:9")
    assert run(["kits", *arguments]) == 2
    assert words in capsys.readouterr().err


def test_what_the_server_refuses_is_told(cutwork, capsys):
    kit = cutwork("kits", "create", "House", "--title-accent", "#ff8800")["id"]
    assert run(["kits", "create", "House", "--title-accent", "orange"]) == 3
    assert "accent" in capsys.readouterr().err
    assert run(["kits", "update", kit, "--title-accent", "#000000", "--without", "accent"]) == 2
    assert run(["kits", "show", "kit_" + "0" * 26]) == 3
    assert "no brand kit" in capsys.readouterr().err
