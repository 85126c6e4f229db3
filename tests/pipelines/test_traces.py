"""A job's trace goes with its messages, whoever sends them, and whenever."""

import json

import pytest

from core.db import transaction
from core.models import Job
from pipelines import canvas, reconciler
from tests.core.rows import make_job
from tests.pipelines.test_reconciler import LONG_AGO, again, change, change_stage, run

pytestmark = pytest.mark.usefixtures("database")
TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def traces(broker, queue):
    return [json.loads(raw)["headers"].get("traceparent") for raw in broker.lrange(queue, 0, -1)]


def test_a_canvas_that_is_built_anew_keeps_its_trace(broker):
    job = make_job()
    change(job, trace=TRACE)
    canvas.dispatch(again(job))
    assert traces(broker, "probe") == [TRACE]
    broker.flushdb()
    change(job, dispatched_at=LONG_AGO, admitted_at=LONG_AGO)
    change_stage(job, "probe", queued_at=LONG_AGO)
    assert reconciler.run()["message_lost"] == 1
    assert traces(broker, "probe") == [TRACE]


def test_every_step_of_a_chain_bears_it(broker):
    job = make_job()
    change(job, trace=TRACE)
    canvas.dispatch(again(job))
    run(job, "probe")
    change(job, dispatched_at=None, admitted_at=LONG_AGO, epoch=2)
    reconciler.run()
    queues = [key for key in broker.scan_iter() if broker.type(key) == "list"]
    assert {trace for queue in queues for trace in traces(broker, queue)} == {TRACE}


def test_a_job_without_a_trace_sends_none(broker):
    job = make_job()
    canvas.dispatch(job)
    assert traces(broker, "probe") == [None]
    with transaction() as session:
        assert session.get_one(Job, job.id).trace is None
