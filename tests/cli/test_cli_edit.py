import hashlib

import pytest
from troubled_server import job_document, problem


@pytest.fixture
def clip(tmp_path):
    path = tmp_path / "clip.mp4"
    path.write_bytes(b"moving picture" * 300)
    return path


@pytest.fixture
def finished(world):
    """A job that runs to its end, with a video, a poster and a thumbnails track."""
    names = {"video": "clip-cut.mp4", "poster": "clip-poster.jpg", "thumbnails": "clip-thumbnails.vtt"}
    world.files |= {name: name.encode() * 50 for name in names}
    outputs = [
        {
            "name": name,
            "filename": filename,
            "url": f"{world.url}/files/{name}",
            "size": len(world.files[name]),
            "sha256": hashlib.sha256(world.files[name]).hexdigest(),
        }
        for name, filename in names.items()
    ]
    done = job_document("succeeded", 1, stages=dict.fromkeys(("probe", "trim", "publish"), "succeeded"))
    running = job_document("running", 0.4, stages={"probe": "succeeded", "trim": "running"})
    world.streams = [[job_document(), running, done | {"outputs": outputs}]]
    return world


def test_uploads_cuts_and_fetches(finished, cutwork, clip, tmp_path):
    out, previews = tmp_path / "out.mp4", tmp_path / "previews"
    answer = cutwork("edit", clip, "--keep", "0:01-0:02.5", "--keep", "4-", "-o", out, "--previews", previews)
    assert answer.code == 0, answer.err
    assert out.read_bytes() == finished.files["video"]
    assert {path.name for path in previews.iterdir()} == {"poster.jpg", "thumbnails.vtt"}
    assert finished.bodies("POST /v1/jobs/edit") == [
        {"input": "ast_1", "keep": [{"start": "1", "end": "2.5"}, {"start": "4"}], "preview": True, "brand": None}
    ]
    assert "job_1 trim: running 50 %" in answer.err
    assert "job_1 trim: done in 1.2 s" in answer.err
    assert str(out) in answer.out


def test_asks_for_streams_and_shows_them(finished, cutwork):
    stream = {"name": "video_hls", "status": "whole", "url": "https://media.example.com/index.m3u8"}
    finished.streams[0][-1]["streams"] = [stream]
    for sizes in ((), ("360,720",)):
        answer = cutwork("edit", "ast_7", "--keep", "1-2", "--hls", *sizes)
        assert answer.code == 0, answer.err
        assert "video_hls" in answer.out
        assert stream["url"] in answer.out
    asked = [body["hls"] for body in finished.bodies("POST /v1/jobs/edit")]
    assert asked == [True, {"ladder": [360, 720]}]
    refused = cutwork("edit", "ast_7", "--keep", "1-2", "--hls", "small")
    assert (refused.code, "360,720" in refused.err) == (2, True)


def test_prints_nothing_but_json_for_scripts(finished, cutwork, clip, tmp_path):
    answer = cutwork("--json", "edit", clip, "--keep", "1-2", "-o", tmp_path / "out.mp4")
    assert answer.json["status"] == "succeeded"
    assert answer.json["files"] == {"video": str(tmp_path / "out.mp4")}
    assert answer.err == ""


def test_asks_for_branding(finished, cutwork, clip, tmp_path):
    logo = tmp_path / "logo.png"
    logo.write_bytes(b"picture")
    options = ["--intro", "text:Algebra|Lecture 7", "--outro", clip, "--card-duration", "3", "--title", "Algebra 1/7"]
    options += ["--watermark", logo, "--watermark-position", "top-left", "--watermark-opacity", "0.5"]
    options += ["--watermark-start", "0:01", "--watermark-fade-in", "0.5"]
    options += ["--transition", "crossfade", "--transition-duration", "0.4", "--no-preview"]
    assert cutwork("edit", "ast_7", "--keep", "1-2", *options).code == 0
    [body] = finished.bodies("POST /v1/jobs/edit")
    assert body == {
        "input": "ast_7",
        "keep": [{"start": "1", "end": "2"}],
        "preview": False,
        "brand": {
            "intro": {"title": "Algebra", "subtitle": "Lecture 7", "duration": "3"},
            "outro": {"asset": "ast_1", "duration": "3"},
            "transition": {"type": "crossfade", "duration": "0.4"},
            "watermark": {"asset": "ast_2", "position": "top-left", "opacity": "0.5", "start": "1", "fade_in": "0.5"},
        },
        "filename": "Algebra 1-7.mp4",
        "metadata": {"title": "Algebra 1/7"},
    }


def test_asks_for_titles_lower_thirds_and_loudness(finished, cutwork, clip):
    options = ["--kit", "kit_1", "--outro-title", "Bye", "--title-template", "band", "--title-accent", "#ff8800"]
    options += ["--lower-third", "0:02-5=Ada|Mathematician", "--lower-third", "6-8=Bob", "--loudness", "-16"]
    assert cutwork("edit", clip, "--keep", "1-9", *options).code == 0
    assert finished.bodies("POST /v1/jobs/edit")[0]["brand"] == {
        "kit": "kit_1",
        "outro": {"title": "Bye", "template": "band", "accent": "#ff8800"},
        "lower_thirds": [
            {"start": "2", "end": "5", "title": "Ada", "subtitle": "Mathematician", "accent": "#ff8800"},
            {"start": "6", "end": "8", "title": "Bob", "accent": "#ff8800"},
        ],
        "loudness": -16,
    }


def test_no_brand_wins(finished, cutwork, clip):
    assert cutwork("edit", clip, "--keep", "1-2", "--intro-title", "Hello", "--no-brand").code == 0
    assert "brand" not in finished.bodies("POST /v1/jobs/edit")[0]


def test_detached_it_prints_the_id_alone(finished, cutwork, clip):
    answer = cutwork("edit", clip, "--keep", "1-2", "--detach")
    assert answer.out == "job_1\n"
    assert "cutwork job job_1 --wait" in answer.err
    assert not finished.requests("events")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--keep", "2-1"], "its end must be later"),
        (["--keep", "soon"], "not a range"),
        ([], "Missing option '--keep'"),
        (["--keep", "1-", "--intro", "none.mp4"], "there is no such file"),
        (["--keep", "1-", "--intro", "text: "], "names no title"),
        (["--keep", "1-", "--intro", "text:A", "--intro-title", "B"], "twice"),
        (["--keep", "1-", "--watermark-position", "center"], "--watermark-position need --watermark"),
        (["--keep", "1-", "--transition", "crossfade"], "needs --intro or --outro"),
        (["--keep", "1-", "--lower-third", "2-3"], "START-END=Name|Role"),
        (["--keep", "1-", "--lower-third", "2-=Ada"], "when it goes"),
        (["--keep", "1-", "--detach", "-o", "x.mp4"], "does not wait"),
        (["--keep", "1-", "-o", "/no/such/folder/x.mp4"], "no such folder"),
        (["--keep", "1-", "--url", "ftp://there"], "is not an address"),
    ],
)
def test_wrong_usage_ends_before_anything_is_sent(world, cutwork, clip, options, words):
    answer = cutwork("edit", clip, *options)
    assert answer.code == 2
    assert words in answer.err
    assert world.seen == []


def test_an_address_is_left_to_the_server(finished, cutwork):
    answer = cutwork("edit", "https://example.com/talk.mp4", "--keep", "1-2", "--detach")
    assert (answer.code, answer.out) == (0, "job_1\n")
    [body] = finished.bodies("POST /v1/jobs/edit")
    assert body["input"] == {"url": "https://example.com/talk.mp4"}
    assert finished.requests("POST /v1/uploads") == []


def test_a_lost_answer_makes_no_second_job(finished, cutwork, clip):
    busy = problem(409, "idempotency_in_progress", "A request with this key is being answered.", retry_after=0)
    finished.job_answers = [None, busy, problem(503, "database_unavailable", "The database did not answer.")]
    answer = cutwork("edit", clip, "--keep", "1-2", "--detach")
    assert (answer.code, answer.out) == (0, "job_1\n")
    keys = [headers["Idempotency-Key"] for _, _, headers, _ in finished.requests("POST /v1/jobs/edit")]
    assert len(keys) == 4
    assert len(set(keys)) == 1


def test_a_refusal_is_shown_in_words(world, cutwork, clip):
    errors = {"keep.0.end": ["Past the end of the video."]}
    world.refuse = {
        "POST /v1/jobs/edit": problem(
            422, "range_past_end", "The range ends after the video.", stage="trim", errors=errors, request_id="req_5"
        )
    }
    answer = cutwork("edit", clip, "--keep", "1-99")
    assert answer.code == 3
    assert answer.out == ""
    for words in (
        "The range ends after the video.",
        "code: range_past_end  stage: trim  request: req_5",
        "keep.0.end: Past the end of the video.",
    ):
        assert words in answer.err
    scripted = cutwork("edit", clip, "--keep", "1-99", "--json")
    assert scripted.code == 3
    assert scripted.json["error"]["code"] == "range_past_end"
    assert scripted.json["error"]["errors"] == errors


def test_a_failed_job(world, cutwork, clip, tmp_path):
    error = {"code": "damaged_file", "message": "The file is damaged.", "stage": "trim", "retryable": False}
    world.streams = [[job_document("failed", 0.1, error=error)]]
    answer = cutwork("edit", clip, "--keep", "1-2", "-o", tmp_path / "out.mp4")
    assert answer.code == 4
    assert "The file is damaged." in answer.err
    assert "code: damaged_file  stage: trim" in answer.err
    assert not (tmp_path / "out.mp4").exists()


def test_a_canceled_job(world, cutwork):
    world.streams = [[job_document("running", 0.1), job_document("canceled", 0.1)]]
    assert cutwork("job", "job_1", "--wait").code == 5


def test_a_fault_of_the_server(world, cutwork):
    world.refuse = {"GET /v1/jobs": (500, {"code": "internal_error", "detail": "Something broke."})}
    answer = cutwork("jobs")
    assert (answer.code, "Something broke." in answer.err) == (1, True)


def test_an_answer_that_is_not_cutworks(world, cutwork):
    answer = cutwork("jobs", "--url", f"{world.url}/elsewhere")
    assert answer.code == 3
    assert "no such thing" in answer.err


def test_nobody_there(cutwork, unused_port):
    answer = cutwork("jobs", "--url", f"http://127.0.0.1:{unused_port}", "--json")
    assert answer.code == 6
    assert answer.json["error"]["code"] == "no_answer"
    assert "start it with: make up" in answer.err
