import pytest
from celery.canvas import _chain, _chord, group

from core import states
from core.models import Job, JobStage
from pipelines import canvas

EDIT = {
    "probe": [],
    "trim": ["probe"],
    "preview": ["trim"],
    "brand": ["trim"],
    "publish": ["brand", "preview"],
}


def job_of(needs, **status):
    stages = [
        JobStage(name=name, kind=name, needs=before, status=status.get(name, states.QUEUED), weight=1)
        for name, before in needs.items()
    ]
    return Job(id="job_x", epoch=3, status=states.RUNNING, stages=stages)


def without(*names):
    needs = {name: [n for n in before if n not in names] for name, before in EDIT.items() if name not in names}
    return needs | {"publish": needs["publish"] or ["trim"]}


@pytest.mark.parametrize(
    ("needs", "status", "expected"),
    [
        (EDIT, {}, [["probe"], ["trim"], ["preview", "brand"], ["publish"]]),
        (without("brand"), {}, [["probe"], ["trim"], ["preview"], ["publish"]]),
        (without("brand", "preview"), {}, [["probe"], ["trim"], ["publish"]]),
        (EDIT, {"probe": "succeeded", "trim": "succeeded", "preview": "succeeded"}, [["brand"], ["publish"]]),
        (EDIT, {name: "succeeded" for name in EDIT if name != "preview"}, [["preview"]]),
        (EDIT, dict.fromkeys(EDIT, "succeeded"), []),
        # What a worker holds is not sent again, nor what waits for it.
        (EDIT, {"probe": "succeeded", "trim": "succeeded", "preview": "running"}, [["brand"]]),
        (EDIT, {"probe": "succeeded", "trim": "running"}, []),
    ],
)
def test_levels(needs, status, expected):
    assert canvas.levels(job_of(needs, **status).stages) == expected


def test_a_circle_is_refused():
    with pytest.raises(ValueError, match="circle"):
        canvas.levels(job_of({"a": ["b"], "b": ["a"]}).stages)


def flatten(signature):
    if isinstance(signature, _chord):
        return [*flatten_all(signature.tasks), *flatten(signature.body)]
    if isinstance(signature, _chain):
        return flatten_all(signature.tasks)
    return [signature]


def flatten_all(signatures):
    return [one for signature in signatures for one in flatten(signature)]


def test_an_edit_is_a_chain_with_one_chord_inside():
    built = canvas.build(job_of(EDIT))
    assert isinstance(built, _chain)
    probe, trim, rest = built.tasks
    assert (probe.task, trim.task) == ("probe", "trim")
    assert isinstance(rest, _chord)
    assert sorted(task.task for task in rest.tasks) == ["brand", "preview"]
    assert rest.body.task == "publish"


def test_what_takes_longest_is_sent_first():
    job = job_of({"one": [], "two": [], "three": [], "join": ["one", "two", "three"]})
    for stage, weight in zip(job.stages, (1.3, 2.2, 1.8, 0.3), strict=True):
        stage.weight = weight
    assert [message.args[2] for message in flatten(canvas.build(job))] == ["two", "three", "one", "join"]


def test_what_is_watched_as_it_comes_is_sent_in_the_order_in_which_it_was_asked_for():
    job = job_of({"long": [], "one": [], "two": [], "join": ["long", "one", "two"]})
    for stage, weight in zip(job.stages, (9, 1, 2, 0.3), strict=True):
        stage.weight = weight
    for stage in job.stages[1:3]:
        stage.kind = "proxy_part"
    assert [message.args[2] for message in flatten(canvas.build(job))] == ["one", "two", "long", "join"]


APART = {
    "probe": [],
    "trim": ["probe"],
    "proxy": ["probe"],
    "preview": ["proxy"],
    "brand": ["trim"],
    "publish": ["brand"],
}
PARTS = APART | {"proxy/1": ["probe"], "proxy/2": ["probe"], "proxy": ["probe", "proxy/1", "proxy/2"]}


def shape(signature):
    if isinstance(signature, _chord):
        return [{shape_of(task) for task in signature.tasks}, *shape(signature.body)]
    if isinstance(signature, _chain):
        return [step for task in signature.tasks for step in shape(task)]
    if isinstance(signature, group):
        return [{shape_of(task) for task in signature.tasks}]
    return [signature.args[2]]


def shape_of(signature):
    return " > ".join(map(str, shape(signature)))


@pytest.mark.parametrize(
    ("needs", "status", "expected"),
    [
        (APART, {}, ["probe", {"trim > brand > publish", "proxy > preview"}]),
        (APART, {"probe": "succeeded"}, [{"trim > brand > publish", "proxy > preview"}]),
        (APART, {"probe": "succeeded", "trim": "running"}, ["proxy", "preview"]),
        (PARTS, {"probe": "succeeded", "trim": "running"}, [{"proxy/1", "proxy/2"}, "proxy", "preview"]),
        # A preview that has to know where trim has cut.
        (APART | {"preview": ["proxy", "trim"]}, {}, ["probe", {"trim", "proxy"}, {"preview", "brand > publish"}]),
    ],
)
def test_what_does_not_need_each_other_is_sent_apart(needs, status, expected):
    assert shape(canvas.build(job_of(needs, **status))) == expected


def test_parts_of_one_stage_are_no_part_of_what_goes_beside_it():
    built = canvas.build(job_of(PARTS, probe="succeeded"))
    assert isinstance(built, group)
    assert [shape(line) for line in built.tasks] == [
        ["trim", "brand", "publish"],
        [{"proxy/1", "proxy/2"}, "proxy", "preview"],
    ]


def test_every_message_carries_job_epoch_and_stage_and_nothing_else():
    for message in flatten(canvas.build(job_of(EDIT))):
        assert (message.args, message.kwargs, message.immutable) == (("job_x", 3, message.task), {}, True)


def test_a_job_that_is_done_has_no_canvas():
    assert canvas.build(job_of(EDIT, **dict.fromkeys(EDIT, "succeeded"))) is None
