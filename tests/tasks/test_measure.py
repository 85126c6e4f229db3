"""What is counted of a run that ended well."""

from __future__ import annotations

from fractions import Fraction

import pytest
from prometheus_client import REGISTRY

from core.leases import Claim
from core.models import Job, JobStage, now
from media.segments.plan import Part, Segment
from tasks.measure import Run


def claimed(name, kind, params):
    what = {"digest": "0" * 64, "params": params, "inputs": {}, "needs": [], "notes": None, "attempt": 1, "setbacks": 0}
    when = {"queued_at": now(), "started_at": now()}
    return Claim(job_id="job_x", name=name, kind=kind, account_id="acc_x", request_id=None, **what, **when)


@pytest.fixture
def counted():
    """End a run of a stage, and give the seconds of film that it is said to have made."""

    def run(kind, params, result):
        def made() -> float:
            return REGISTRY.get_sample_value("cutwork_stage_output_seconds_total", {"stage": kind}) or 0.0

        row = JobStage(name=f"trim/{kind}", kind=kind, result=result, attempt=1)
        before = made()
        with Run(claimed(row.name, kind, params)) as measured:
            assert measured.end(Job(stages=[row])) is not None
        return made() - before

    return run


def test_a_segment_counts_what_lies_between_its_ends(counted):
    first = Part(0, Fraction(10), Fraction(25), Fraction(-10), closes=False)
    second = Part(1, Fraction(40), Fraction("42.5"), Fraction(-25))
    params = Segment(0, (first, second)).to_dict() | {"threads": 1}
    assert counted("segment", params, {"made": {"frames": 525}}) == 17.5
    assert counted("proxy_part", {"segment": params, "look": {}}, {"made": {"frames": 525}}) == 17.5
    assert counted("proxy_part", {"sound": "42.5"}, {"made": {"tracks": 1}}) == 0


@pytest.mark.parametrize(("kind", "result"), [("trim", {"duration": "4.5"}), ("publish", {"media": {"duration": 4.5}})])
def test_a_film_counts_as_long_as_it_plays(counted, kind, result):
    assert counted(kind, {}, result) == 4.5
