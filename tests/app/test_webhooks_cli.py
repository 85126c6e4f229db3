"""`cutwork webhooks` against the real API."""

import json
import threading

import pytest
from werkzeug.serving import make_server

from app import create_app
from cli.main import run
from core import accounts, jobs
from tests.core.rows import make_job
from tests.keys import KEY


@pytest.fixture
def cutwork(embedded, monkeypatch, capsys):
    server = make_server("127.0.0.1", 0, create_app(), threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    monkeypatch.setenv("CUTWORK_URL", f"http://127.0.0.1:{server.port}")
    monkeypatch.setenv("CUTWORK_API_KEY", KEY)

    def call(*arguments):
        capsys.readouterr()
        assert run([*arguments, "--json"]) == 0
        answer = json.loads(capsys.readouterr().out)
        assert run(list(arguments)) == 0 if arguments[1] in {"list", "show", "deliveries", "delivery"} else True
        return answer

    yield call
    server.shutdown()
    thread.join()
    server.server_close()


def test_from_the_first_webhook_to_the_last(cutwork, capsys):
    made = cutwork("webhooks", "add", "https://example.com/hook", "--event", "job.canceled")
    assert made["secret"].startswith("whsec_")
    hook = made["id"]
    assert [one["id"] for one in cutwork("webhooks", "list")["data"]] == [hook]
    assert cutwork("webhooks", "show", hook)["events"] == ["job.canceled"]
    assert cutwork("webhooks", "rotate", hook)["secret"] != made["secret"]
    assert cutwork("webhooks", "rotate")["secret"].startswith("whsec_")
    assert cutwork("webhooks", "update", hook, "--description", "ours")["description"] == "ours"
    job = make_job(account_id=accounts.default_account().id)
    jobs.cancel(job.account_id, job.id)
    [delivery] = cutwork("webhooks", "deliveries", "--job", job.id, "--status", "pending")["data"]
    assert cutwork("webhooks", "delivery", delivery["id"])["attempts"] == []
    assert cutwork("webhooks", "redeliver", delivery["id"])["status"] == "pending"
    assert cutwork("webhooks", "disable", hook)["status"] == "disabled"
    assert cutwork("webhooks", "enable", hook)["status"] == "enabled"
    assert run(["webhooks", "show", hook]) == 0
    assert "whsec_" not in capsys.readouterr().out
    assert cutwork("webhooks", "delete", hook)["deleted"]
    assert cutwork("webhooks", "list")["data"] == []
