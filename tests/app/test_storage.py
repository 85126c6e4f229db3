import hashlib
import io
import time

import pytest

from core.settings import get_settings
from tests.app.conftest import inspect, open_upload, put, upload
from tests.app.test_problems import problem

BODY = bytes(range(256)) * 40


def path_of(url):
    return url.removeprefix("http://localhost")


def altered(url, number):
    token = path_of(url)
    other = "A" if token[number] != "A" else "B"
    return token[:number] + other + token[number + 1 :]


@pytest.fixture
def part(client):
    return path_of(open_upload(client, BODY)["parts"][0]["url"])


@pytest.fixture
def download(client):
    asset = upload(client, BODY, filename="lecture.mp4")
    return path_of(client.get(f"/v1/assets/{asset['id']}/download").headers["Location"])


def test_a_part_is_written(client, part):
    answer = client.put(part, data=BODY)
    assert answer.status_code == 200
    assert answer.headers["ETag"] == f'"{hashlib.md5(BODY).hexdigest()}"'


def test_a_part_may_be_larger_than_a_json_body(client):
    body = b"x" * (2 * 2**20)
    asset = upload(client, body)
    assert asset["size"] == len(body)


def test_a_part_without_length(client, part):
    answer = client.put(part, input_stream=io.BytesIO(BODY), headers={"Transfer-Encoding": "chunked"})
    problem(answer, 411, "length_required")


def test_a_part_of_another_length(client, part):
    problem(client.put(part, data=BODY + b"x"), 413, "part_too_large")
    problem(client.put(part, data=BODY[:-1]), 422, "part_incomplete")
    answer = client.put(part, input_stream=io.BytesIO(BODY[:-1]), headers={"Content-Length": str(len(BODY))})
    assert answer.status_code in {400, 422}
    upload_id = client.get("/v1/uploads/none")
    assert upload_id.status_code == 404


def test_an_address_that_was_altered(client, part, download):
    # The last character of base64 may hold bits that count for nothing: take one before it for the signature.
    for number in (-2, 20, 40):
        problem(client.put(altered(part, number), data=BODY), 403, "signature_invalid")
        problem(client.get(altered(download, number)), 403, "signature_invalid")
    problem(client.get("/v1/storage/abc"), 403, "signature_invalid")


def test_an_address_for_another_method(client, part, download):
    problem(client.get(part), 403, "signature_invalid")
    problem(client.put(download, data=BODY), 403, "signature_invalid")


def test_an_address_that_has_expired(configure, client):
    configure(URL_TTL_S=1)
    document = open_upload(client, BODY)
    time.sleep(2.1)
    configure(URL_TTL_S=600)
    problem(client.put(path_of(document["parts"][0]["url"]), data=BODY), 403, "signature_expired")
    # A new one is had from the list of parts.
    parts = client.get(f"/v1/uploads/{document['id']}/parts").json["data"]
    assert put(client, parts[0]["url"], BODY)[0] == 200


def test_an_address_signed_with_another_secret(configure, client, part):
    from app import create_app

    configure(SECRET_KEY="another-0123456789")
    problem(create_app().test_client().put(part, data=BODY), 403, "signature_invalid")


def test_a_file_is_served(client, download):
    answer = client.get(download)
    assert (answer.status_code, answer.data) == (200, BODY)
    assert answer.content_length == len(BODY)
    assert answer.content_type == "video/mp4"
    assert answer.headers["Accept-Ranges"] == "bytes"
    assert answer.headers["Content-Disposition"].startswith('attachment; filename="lecture.mp4"')
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Content-Security-Policy"] == "sandbox"
    head = client.head(download)
    assert (head.status_code, head.content_length, head.data) == (200, len(BODY), b"")
    assert client.get(download, headers={"If-None-Match": answer.headers["ETag"]}).status_code == 304


@pytest.mark.parametrize(
    ("wanted", "first", "end"),
    [
        ("0-0", 0, 1),
        ("0-99", 0, 100),
        ("100-", 100, len(BODY)),
        ("-7", len(BODY) - 7, len(BODY)),
        ("5-99999999", 5, None),
    ],
)
def test_a_range_is_served(client, download, wanted, first, end):
    answer = client.get(download, headers={"Range": f"bytes={wanted}"})
    assert answer.status_code == 206
    assert answer.data == BODY[first:end]
    assert answer.content_length == len(answer.data)
    assert answer.headers["Content-Range"] == f"bytes {first}-{first + len(answer.data) - 1}/{len(BODY)}"


def test_a_range_past_the_end(client, download):
    answer = client.get(download, headers={"Range": f"bytes={len(BODY)}-"})
    problem(answer, 416, "range_not_satisfiable")
    assert answer.headers["Content-Range"] == f"bytes */{len(BODY)}"


def test_a_range_of_another_version_is_the_whole(client, download):
    answer = client.get(download, headers={"Range": "bytes=0-1", "If-Range": '"other"'})
    assert (answer.status_code, answer.data) == (200, BODY)


def test_a_file_that_is_gone(client):
    asset = upload(client, BODY)
    url = path_of(client.get(f"/v1/assets/{asset['id']}/download").headers["Location"])
    inspect(asset)
    assert client.delete(f"/v1/assets/{asset['id']}").status_code == 204
    problem(client.get(url), 404, "object_missing")


def test_with_s3_nothing_is_served_here(servers):
    from app import create_app

    client = create_app().test_client()
    problem(client.get("/v1/storage/abc"), 404, "not_found")
    problem(client.put("/v1/storage/abc", data=b"x"), 404, "not_found")
    assert get_settings().s3_bucket
