import itertools

import pytest

from core import states
from core.errors import IllegalTransition
from core.models import Job, JobStage

ALL = [states.QUEUED, states.RUNNING, states.SUCCEEDED, states.FAILED, states.CANCELED]
JOB_STEPS = {
    ("queued", "running"),
    ("queued", "succeeded"),
    ("queued", "failed"),
    ("queued", "canceled"),
    ("running", "succeeded"),
    ("running", "failed"),
    ("running", "canceled"),
}
STAGE_STEPS = JOB_STEPS | {("running", "queued")}


@pytest.mark.parametrize(("kind", "steps"), [(Job, JOB_STEPS), (JobStage, STAGE_STEPS)])
@pytest.mark.parametrize(("start", "to"), list(itertools.product(ALL, ALL)))
def test_only_the_drawn_steps_are_allowed(kind, steps, start, to):
    row = kind(status=start)
    if (start, to) in steps:
        states.move(row, to)
        assert row.status == to
    else:
        with pytest.raises(IllegalTransition):
            states.move(row, to)
        assert row.status == start


@pytest.mark.parametrize(("kind", "ends"), [(Job, {"failed", "canceled"}), (JobStage, states.TERMINAL)])
@pytest.mark.parametrize("start", ALL)
def test_only_what_has_ended_begins_again(kind, ends, start):
    row = kind(status=start)
    if start in ends:
        states.begin_again(row)
        assert row.status == states.QUEUED
    else:
        with pytest.raises(IllegalTransition):
            states.begin_again(row)
        assert row.status == start
