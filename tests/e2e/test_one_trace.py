"""One request is one trace and one request id, from the client's header to the last stage, in all processes."""

import json

import httpx
import pytest

from tests.e2e.client import Client
from tests.e2e.stack import running
from tests.keys import HEADERS
from tests.services import otlp
from tests.services.process import wait_until

pytestmark = pytest.mark.e2e
SERVER, CLIENT, CONSUMER = 2, 3, 5
TRACE, REQUEST = "0af7651916cd43dd8448eb211c80319c", "from-the-client-1"


@pytest.fixture(scope="module")
def traced(tmp_path_factory, valkey_url, fresh_database, s3_settings):
    folder = tmp_path_factory.mktemp("traced")
    settings = {"DATABASE_URL": fresh_database(), "BROKER_URL": valkey_url(), "LOG_JSON": "true", **s3_settings}
    with otlp.running() as (url, spans), running(folder, settings | {"TRACES_URL": url}) as address:
        yield address, spans, folder


@pytest.fixture(scope="module")
def job(traced, sample):
    client = Client(traced[0])
    asset = client.upload(sample, filename="traced.mp4")
    headers = {"traceparent": f"00-{TRACE}-b7ad6b7169203331-01", "X-Request-ID": REQUEST, **HEADERS}
    body = {"input": asset["id"], "keep": [{"start": "0.5", "end": "1.5"}], "preview": False}
    answer = httpx.post(f"{traced[0]}/v1/jobs/edit", json=body, headers=headers)
    assert answer.status_code == 202, answer.text
    done = client.wait(answer.json())
    assert done["status"] == "succeeded"
    return done


def test_request_stages_database_and_storage_are_one_trace(traced, job):
    _, spans, _ = traced

    def mine():
        return [span for span in spans if span.trace == TRACE]

    # Each process sends once a second.
    wait_until(lambda: {"stage trim", "stage publish"} <= {span.name for span in mine()})
    wait_until(lambda: any(span.kind == SERVER for span in mine()))
    [request] = [span for span in mine() if span.kind == SERVER]
    assert (request.name, request.parent, request.service) == ("POST /v1/jobs/edit", "b7ad6b7169203331", "cutwork-api")
    stages = {span.name: span for span in mine() if span.kind == CONSUMER}
    assert {span.service for span in stages.values()} == {"cutwork-worker"}
    assert {span.attributes["cutwork.job_id"] for span in stages.values()} == {job["id"]}
    assert {span.parent for span in stages.values()} == {request.id}
    for stage in (stages["stage trim"], stages["stage publish"]):
        below = [span for span in mine() if span.parent == stage.id]
        assert any("db.system" in span.attributes or "db.system.name" in span.attributes for span in below)
    systems = {str(span.attributes.get("rpc.service")) for span in mine()}
    assert "S3" in systems, [span.name for span in mine()]
    assert any(span.parent == request.id and span.name.startswith("INSERT") for span in mine())


def test_what_is_done_for_nobody_makes_no_trace(traced, job):
    spans = list(traced[1])
    known = {span.id for span in spans}
    roots = [span for span in spans if span.parent not in known and span.trace != TRACE]
    assert {span.kind for span in roots} <= {SERVER, CONSUMER}, [span.name for span in roots if span.kind == CLIENT]


def lines_in(folder):
    """Every line that has been written whole, by the process that wrote it."""
    found = {}
    for path in folder.glob("*.log"):
        text = path.read_text()
        whole = text[: text.rfind("\n") + 1].splitlines()
        assert [line for line in whole if not line.startswith("{")] == []
        found[path.stem] = [json.loads(line) for line in whole]
    return found


def ends_of(job, lines):
    mine = [line for some in lines.values() for line in some if line.get("job_id") == job["id"]]
    return {line["stage"]: line for line in mine if line["event"] == "stage done"}


def test_every_line_is_json_and_bears_the_request(traced, job):
    _, _, folder = traced
    # A stage says so when it has been committed, and then the job has ended for all to see.
    wait_until(lambda: {"trim", "publish"} <= set(ends_of(job, lines_in(folder))), 20)
    lines = lines_in(folder)
    assert all({"event", "level", "timestamp"} <= set(line) for some in lines.values() for line in some)
    for line in (done := ends_of(job, lines)).values():
        assert line["request_id"] == REQUEST
        assert line["epoch"] == 1
        assert line["account_id"].startswith("acc_")
    asked = [line for line in lines["api"] if line["event"] == "request" and line["request_id"] == REQUEST]
    assert [(line["route"], line["status"]) for line in asked] == [("/v1/jobs/edit", 202)]
    assert asked[0]["account_id"] == done["trim"]["account_id"]
