import hashlib

import pytest
from troubled_server import job_document, problem


@pytest.fixture
def outputs(world):
    """A finished job with two outputs."""
    world.files |= {"video": b"video" * 9000, "poster": b"poster" * 100}
    found = [
        {
            "name": name,
            "filename": f"../x-{name}.bin",
            "url": f"{world.url}/files/{name}",
            "size": len(content),
            "sha256": hashlib.sha256(content).hexdigest(),
        }
        for name, content in world.files.items()
    ]
    world.job = job_document("succeeded", 1, outputs=found)
    return world


def test_lists_over_several_pages(world, cutwork):
    answer = cutwork("jobs", "--json")
    assert [job["id"] for job in answer.json["data"]] == ["job_2", "job_1"]
    assert "job_2" in cutwork("jobs").out
    assert [job["id"] for job in cutwork("jobs", "-n", "1", "--json").json["data"]] == ["job_2"]


def test_shows_one_job(outputs, cutwork):
    answer = cutwork("job", "job_1")
    assert answer.code == 0
    assert "succeeded" in answer.out
    assert outputs.job["outputs"][0]["url"] in answer.out


def test_cancels(world, cutwork):
    assert cutwork("cancel", "job_1", "--json").json["status"] == "canceled"
    world.refuse = {"POST .*/cancel": problem(409, "job_ended", "The job has ended.")}
    answer = cutwork("cancel", "job_1")
    assert (answer.code, "The job has ended." in answer.err) == (3, True)


def test_retries(world, cutwork):
    assert cutwork("retry", "job_1", "--json").json["status"] == "queued"
    assert "job_1 is queued." in cutwork("retry", "job_1", "--from", "brand").out
    assert world.bodies("POST .*/retry") == [{}, {"from": "brand"}]
    world.refuse = {"POST .*/retry": problem(409, "job_running", "The job has not ended.")}
    answer = cutwork("retry", "job_1")
    assert (answer.code, "The job has not ended." in answer.err) == (3, True)


def test_a_retry_is_seen_through(world, cutwork):
    world.streams = [[job_document("running", 0.5), job_document("failed", 0.5)]]
    assert cutwork("retry", "job_1", "--wait").code == 4


def test_downloads_one_output_to_a_file(outputs, cutwork, tmp_path):
    assert cutwork("download", "job_1", "poster", "-o", tmp_path / "p.jpg").code == 0
    assert (tmp_path / "p.jpg").read_bytes() == outputs.files["poster"]


def test_downloads_all_to_a_folder_that_names_cannot_leave(outputs, cutwork, tmp_path):
    answer = cutwork("download", "job_1", "--all", "-o", tmp_path / "results", "--json")
    assert answer.code == 0, answer.err
    assert sorted(path.name for path in (tmp_path / "results").iterdir()) == ["x-poster.bin", "x-video.bin"]


def test_goes_on_where_the_line_dropped(outputs, cutwork, tmp_path):
    outputs.break_download_after = 12_345
    assert cutwork("download", "job_1", "-o", tmp_path / "v.mp4").code == 0
    assert (tmp_path / "v.mp4").read_bytes() == outputs.files["video"]
    assert [one[2].get("Range") for one in outputs.requests("GET /files")] == [None, "bytes=12345-"]


def test_damaged_bytes_leave_no_file(outputs, cutwork, tmp_path):
    outputs.files["poster"] = b"POSTER" * 100
    answer = cutwork("download", "job_1", "poster", "-o", tmp_path / "p.jpg", "--json")
    assert (answer.code, answer.json["error"]["code"]) == (1, "sha256_mismatch")
    assert not list(tmp_path.glob("*p.jpg*"))


def test_an_output_that_is_not_there(outputs, cutwork):
    answer = cutwork("download", "job_1", "sprite")
    assert (answer.code, "it has video, poster" in answer.err) == (2, True)


def test_downloads_an_asset_without_its_key_to_the_store(world, cutwork, tmp_path, monkeypatch):
    monkeypatch.setenv("CUTWORK_API_KEY", "sesame")
    (tmp_path / "a.bin").write_bytes(b"bytes")
    cutwork("upload", tmp_path / "a.bin")
    assert cutwork("download", "ast_1", "-o", tmp_path / "b.bin").code == 0
    assert (tmp_path / "b.bin").read_bytes() == b"bytes"
    [fetch] = world.requests("GET /files")
    assert "Authorization" not in fetch[2]


def test_lists_assets(world, cutwork, tmp_path):
    assert "No assets yet" in cutwork("assets").err
    (tmp_path / "a.bin").write_bytes(b"bytes")
    cutwork("upload", tmp_path / "a.bin")
    assert "a.bin" in cutwork("assets").out
    assert cutwork("assets", "--json").json["data"][0]["size"] == 5
