import pytest
from troubled_server import job_document, problem

from cli.client import Api
from cli.errors import NoAnswerError, RefusedError
from cli.events import follow, parse_events


def bytewise(text):
    return [bytes([byte]) for byte in text.encode()]


@pytest.mark.parametrize("chunks", [lambda text: [text.encode()], bytewise], ids=["whole", "byte by byte"])
def test_parses_what_the_standard_allows(chunks):
    text = (
        "retry: 10\n\n: a comment\nid: 7\nevent: job\ndata: one\ndata:two\n\n"
        "data: caf\u00e9\u2028 stays a line\r\n\r\nid\rdata: third\r\revent: dropped\n\ndata: cut off"
    )
    events = [(event.name, event.data, event.id) for event in parse_events(chunks(text))]
    assert events == [
        ("job", "one\ntwo", "7"),
        ("message", "caf\u00e9\u2028 stays a line", "7"),
        ("message", "third", ""),
    ]


def test_takes_a_broken_stream_up_after_its_last_event(world):
    world.streams = [
        [job_document("queued"), job_document("running", 0.2, stages={"probe": "running"})],
        [job_document("running", 0.6), job_document("succeeded", 1)],
    ]
    seen = [job["status"] for job in follow(Api(world.url, None), "job_1")]
    assert seen == ["queued", "running", "running", "succeeded"]
    first, second = world.requests("GET /v1/jobs/job_1/events")
    assert "Last-Event-ID" not in first[2]
    assert second[2]["Last-Event-ID"] == "2-0"


def test_asks_for_the_job_while_there_is_no_stream(world):
    world.job = job_document("running", 0.5)
    seen = []
    for job in follow(Api(world.url, None), "job_1"):
        seen.append(job["status"])
        world.job = job_document("succeeded", 1)
    assert seen == ["running", "succeeded"]


def test_asks_for_the_job_while_there_are_too_many_streams_and_then_follows_one(world):
    full = problem(503, "too_many_streams", "Too many clients follow jobs here.")
    world.refuse = {"GET .*/events": full}
    world.job = job_document("queued")
    world.streams = [[job_document("running", 0.6), job_document("succeeded", 1)]]
    documents = follow(Api(world.url, None), "job_1")
    assert [next(documents)["status"] for _ in range(2)] == ["queued", "queued"]
    world.refuse = {}
    assert [job["status"] for job in documents] == ["running", "succeeded"]
    assert len(world.requests("GET /v1/jobs/job_1$")) == 2


def test_an_unknown_job_is_refused(world):
    with pytest.raises(RefusedError, match="no job of that id"):
        list(follow(Api(world.url, None), "job_9"))


def test_gives_up_when_nothing_answers(unused_port):
    with pytest.raises(NoAnswerError, match="make up"):
        list(follow(Api(f"http://127.0.0.1:{unused_port}", None), "job_1", patience_s=0.3))
