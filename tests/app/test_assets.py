import hashlib

import pytest

from tests.app.conftest import inspect, upload
from tests.app.test_problems import problem


def test_what_is_known_of_a_video(client, sample):
    asset = upload(client, sample.read_bytes())
    waiting = client.get(f"/v1/assets/{asset['id']}/probe")
    assert waiting.status_code == 202
    assert waiting.headers["Retry-After"] == "1"
    assert waiting.headers["Location"] == f"/v1/jobs/{waiting.json['id']}"
    assert client.get(waiting.headers["Location"]).json["pipeline"] == "inspect"
    assert client.get(f"/v1/assets/{asset['id']}/keyframes").status_code == 202
    # Asking does not start it twice.
    assert client.get(f"/v1/assets/{asset['id']}/probe").json["id"] == waiting.json["id"]

    inspect(asset)
    media = client.get(f"/v1/assets/{asset['id']}/probe").json
    assert (media["kind"], media["container"]) == ("video", "mp4")
    assert float(media["duration"]) == pytest.approx(4, abs=0.1)
    assert {stream["type"] for stream in media["streams"]} == {"video", "audio"}
    assert client.get(f"/v1/assets/{asset['id']}").json["media"] == media
    assert client.get("/v1/assets").json["data"][0]["media"] == media
    answer = client.get(f"/v1/assets/{asset['id']}/keyframes")
    assert answer.content_type == "application/json"
    keyframes = answer.json
    assert keyframes["times"][0] == "0"
    assert keyframes["frames"] == sum(keyframes["gop_frames"])


def test_the_same_bytes_are_probed_once(client, sample):
    inspect(upload(client, sample.read_bytes()))
    second = upload(client, sample.read_bytes(), filename="copy.mp4")
    assert second["media"]["kind"] == "video"


def test_a_file_that_is_no_media(client):
    asset = upload(client, b"#EXTM3U\nhttp://127.0.0.1/secret.ts\n")
    inspect(asset)
    for path in ("probe", "keyframes"):
        document = problem(client.get(f"/v1/assets/{asset['id']}/{path}"), 422, "unsupported_format")
        assert document["stage"] == "probe"
        assert not document["retryable"]
    assert client.get(f"/v1/assets/{asset['id']}").json["media"] is None


def test_a_sound_has_no_keyframes(client, sound):
    asset = upload(client, sound.read_bytes(), filename="talk.wav")
    inspect(asset)
    assert client.get(f"/v1/assets/{asset['id']}/probe").json["kind"] == "audio"
    problem(client.get(f"/v1/assets/{asset['id']}/keyframes"), 422, "no_video")


def test_facts_found_by_an_older_probe_are_found_again(client, sample, monkeypatch):
    from dataclasses import replace

    from tasks.stages import STAGES

    asset = upload(client, sample.read_bytes())
    first = inspect(asset)
    monkeypatch.setitem(STAGES, "probe", replace(STAGES["probe"], version=STAGES["probe"].version + 1))
    answer = client.get(f"/v1/assets/{asset['id']}/probe")
    assert answer.status_code == 202
    assert answer.json["id"] != first.id


def test_the_file_itself(any_client):
    import httpx

    body = b"<html>not a page</html>"
    asset = upload(any_client, body, filename="naïve page.html", content_type="text/html")
    answer = any_client.get(f"/v1/assets/{asset['id']}/download")
    assert answer.status_code == 302
    url = answer.headers["Location"]
    if url.startswith("http://localhost/"):
        got = any_client.get(url.removeprefix("http://localhost"))
        content, headers = got.data, got.headers
    else:
        got = httpx.get(url)
        content, headers = got.content, got.headers
    assert content == body
    assert headers["Content-Disposition"].startswith("attachment")
    assert "filename*=UTF-8''na%C3%AFve%20page.html" in headers["Content-Disposition"]
    assert headers["Content-Type"].startswith("text/html")


def test_assets_are_listed_in_pages_and_deleted(client):
    made = [upload(client, f"file {n}".encode(), filename=f"{n}.bin") for n in range(3)]
    page = client.get("/v1/assets?limit=2").json
    assert [asset["id"] for asset in page["data"]] == [made[2]["id"], made[1]["id"]]
    rest = client.get(f"/v1/assets?limit=2&cursor={page['next']}").json
    assert [asset["id"] for asset in rest["data"]] == [made[0]["id"]]
    assert rest["next"] is None
    assert page["data"][0]["sha256"] == hashlib.sha256(b"file 2").hexdigest()
    inspect(made[1])
    assert client.delete(f"/v1/assets/{made[1]['id']}").status_code == 204
    problem(client.get(f"/v1/assets/{made[1]['id']}"), 404, "asset_not_found")
    problem(client.delete(f"/v1/assets/{made[1]['id']}"), 404, "asset_not_found")
    assert len(client.get("/v1/assets").json["data"]) == 2


@pytest.mark.parametrize("asset_id", ["ast_" + "0" * 26, "ast_x", "a%00b"])
def test_an_unknown_asset(client, asset_id):
    for method, path in (("get", ""), ("get", "/probe"), ("get", "/keyframes"), ("get", "/download"), ("delete", "")):
        problem(client.open(f"/v1/assets/{asset_id}{path}", method=method), 404, "asset_not_found")
