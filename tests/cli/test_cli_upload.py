import hashlib
import os
import random

import pytest
from troubled_server import PART_SIZE, problem


@pytest.fixture
def clip(tmp_path):
    """A file of seven and a half parts."""
    path = tmp_path / "my clip.mp4"
    path.write_bytes(random.Random(1).randbytes(PART_SIZE * 15 // 2))
    return path


def test_sends_every_part_once_and_without_the_key(world, cutwork, clip, monkeypatch):
    monkeypatch.setenv("CUTWORK_API_KEY", "sesame")
    answer = cutwork("upload", clip, "--json")
    assert answer.code == 0, answer.err
    [asset] = answer.json["data"]
    assert world.files[asset["id"]] == clip.read_bytes()
    assert asset["sha256"] == hashlib.sha256(clip.read_bytes()).hexdigest()
    [created] = world.bodies("POST /v1/uploads$")
    assert created == {"filename": "my clip.mp4", "size": PART_SIZE * 15 // 2, "content_type": "video/mp4"}
    puts = world.requests("PUT /store")
    assert len(puts) == 8
    assert all("Authorization" not in put[2] for put in puts)
    assert all(one[2]["Authorization"] == "Bearer sesame" for one in world.requests("/v1/"))
    assert answer.err == ""


def test_tries_a_part_again(world, cutwork, clip):
    world.put_failures.update({3: 2})
    assert cutwork("upload", clip).code == 0
    assert len(world.requests("PUT /store")) == 10


def test_asks_for_a_new_address_when_one_has_expired(world, cutwork, clip):
    world.put_expired = {2, 8}
    assert cutwork("upload", clip).code == 0
    first, second = (one[1] for one in world.requests("PUT /store/upl_1/8"))
    assert first != second


def test_resumes_with_the_parts_that_are_missing(world, cutwork, clip):
    world.refuse = {"PUT /store/upl_1/[678]": problem(418, "teapot", "Not now.")}
    refused = cutwork("upload", clip)
    assert refused.code == 3
    # A refusal forgets the upload, an interruption keeps it: here the note is put back as Ctrl-C would have left it.
    world.refuse = {"POST /v1/uploads/upl_2/complete": (500, {"code": "internal_error", "detail": "Broken."})}
    assert cutwork("upload", clip).code == 1
    there = set(world.parts["upl_2"])
    del world.parts["upl_2"][4]
    world.refuse, world.seen = {}, []
    assert cutwork("upload", clip).code == 0
    assert there == set(range(1, 9))
    assert [one[1].partition("?")[0] for one in world.requests("PUT")] == ["/store/upl_2/4"]
    assert not world.requests("POST /v1/uploads$")


def test_does_not_send_twice_what_is_there(world, cutwork, clip):
    first = cutwork("upload", clip, "--json").json
    world.seen = []
    assert cutwork("upload", clip, "--json").json == first
    assert not world.requests("PUT|POST")


def test_a_changed_file_is_another_upload(world, cutwork, clip):
    cutwork("upload", clip)
    os.utime(clip, ns=(1, 1))
    cutwork("upload", clip)
    assert len(world.bodies("POST /v1/uploads$")) == 2


def test_a_lost_answer_to_complete_is_asked_for_again(world, cutwork, clip):
    world.refuse = {"POST .*/complete": (500, {"code": "internal_error", "detail": "Broken."})}
    cutwork("upload", clip)
    world.refuse = {}
    world.uploads["upl_1"]["status"] = "completed"  # the server had done it; only the answer was lost
    world.seen = []
    answer = cutwork("upload", clip)
    assert not world.requests("PUT")
    assert world.bodies("POST .*/complete") == [{}]
    assert answer.code == 3  # this server wants the digest; the real one answers with the asset


@pytest.mark.parametrize("content", [b"", b"x" * PART_SIZE], ids=["empty", "one whole part"])
def test_sizes_at_the_edge(world, cutwork, tmp_path, content):
    path = tmp_path / "edge.mp4"
    path.write_bytes(content)
    assert cutwork("upload", path).code == 0
    assert world.files["ast_1"] == content


def test_shows_progress_as_lines_when_there_is_no_terminal(world, cutwork, clip):
    answer = cutwork("upload", clip)
    assert "my clip.mp4: 100 %" in answer.err
    assert "ast_1" in answer.out


def test_a_missing_file_is_wrong_usage(world, cutwork, tmp_path):
    answer = cutwork("upload", tmp_path / "none.mp4")
    assert answer.code == 2
    assert "there is no such file" in answer.err
    assert world.seen == []
