"""What helps to look at a result never costs it: what cannot be packed is left out, and the job says so."""

from fractions import Fraction

import pytest

from core import accounts, jobs, states
from media.errors import EngineError
from media.sample import make_sample
from tasks import aids
from tasks.app import celery_app
from tests.app.test_streams import fetch, start


@pytest.fixture(scope="module")
def long(tmp_path_factory):
    """Two parts of a proxy."""
    path = tmp_path_factory.mktemp("clips") / "long.mp4"
    make_sample(path, seconds=Fraction(32), fps=Fraction(10), size=(64, 64), keyframe_every=20)
    return path.read_bytes()


@pytest.fixture
def _broken(monkeypatch):
    """The engine has a fault wherever something is packed to be played early."""

    def broken(*_, **__):
        raise EngineError("bad_layout", "The finished film cannot be cut into segments: it cannot be entered.")

    monkeypatch.setattr("media.hls.seams.package", broken)
    monkeypatch.setattr("media.hls.parts.package", broken)
    monkeypatch.setattr("tasks.preview.package", broken)


def ready(row):
    done = {stage.name for stage in row.stages if stage.status == states.SUCCEEDED}
    return [stage for stage in row.stages if stage.status == states.QUEUED and done.issuperset(stage.needs)]


def finish(client, job):
    """Run every stage in this process, as workers would, whatever it is split into; return the documents on the way."""
    account, seen = accounts.default_account().id, []
    while stages := ready(row := jobs.get(account, job["id"])):
        celery_app.loader.import_default_modules()
        celery_app.tasks[stages[0].kind].apply(args=(row.id, row.epoch, stages[0].name))
        seen.append(client.get(f"/v1/jobs/{row.id}").json)
    return seen


@pytest.mark.usefixtures("_broken")
def test_the_result_is_there_without_its_aids(client, configure, long):
    configure(ENCODE_WIDTH=2)
    keep = [{"start": "1", "end": "30"}]
    *on_the_way, document = finish(client, start(client, long, keep=keep))
    assert (document["status"], document["error"]) == ("succeeded", None)
    assert document["stages"]["proxy"]["parts"]["succeeded"] == 3
    names = [output["name"] for output in document["outputs"]]
    assert {"video", "preview", "poster", "sprite"} <= set(names)
    # Once of each, though two parts had to tell.
    told = [(warning["stage"], warning["code"]) for warning in document["warnings"]]
    assert sorted(told) == [
        ("preview", aids.STREAM.code),
        ("proxy", aids.GROWING.code),
        ("seams", aids.SEAMS.code),
    ]
    assert document["stages"]["seams"]["result"]["refused"] == "bad_layout"
    assert not any(seen["streams"] for seen in [*on_the_way, document])


def test_without_its_parts_a_preview_is_played_as_far_as_its_seams_go(client, configure, long, monkeypatch):
    configure(ENCODE_WIDTH=2)

    def broken(*_, **__):
        raise EngineError("encode_failed", "The encoder failed.")

    monkeypatch.setattr("tasks.proxy_part.pack_part", broken)
    keep = [{"start": "1", "end": "30"}]
    *on_the_way, document = finish(client, start(client, long, keep=keep))
    assert document["status"] == "succeeded"
    assert [warning["code"] for warning in document["warnings"]] == [aids.GROWING.code]
    growing = [one for seen in on_the_way for one in seen["streams"] if one["status"] == "growing"]
    assert growing
    assert "#EXTINF" in fetch(client, growing[-1]["url"]).get_data(as_text=True)
    assert {one["name"]: one["status"] for one in document["streams"]} == {
        "seams_hls": "whole",
        "preview_hls": "whole",
    }
