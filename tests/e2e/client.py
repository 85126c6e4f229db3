"""A client as a user would write it: HTTP only."""

import time

import httpx

from tests.keys import HEADERS
from tests.services.process import LONG_S

TERMINAL = {"succeeded", "failed", "canceled"}


class Client:
    def __init__(self, url: str) -> None:
        self.http = httpx.Client(base_url=url, timeout=LONG_S, headers=HEADERS)

    def upload(self, path, *, filename=None) -> dict:
        """Upload a file in parts and return the asset."""
        size = path.stat().st_size
        upload = self.post("/v1/uploads", 201, filename=filename or path.name, size=size)
        with path.open("rb") as file:
            for part in upload["parts"]:
                block = file.read(upload["part_size"])
                assert httpx.put(part["url"], content=block, timeout=LONG_S).status_code == 200
        return self.post(f"/v1/uploads/{upload['id']}/complete", 201)

    def edit(self, asset: dict, keep, **options) -> dict:
        return self.post("/v1/jobs/edit", 202, input=asset["id"], keep=keep, **options)

    def wait(self, job: dict, *, seconds: float = 4 * LONG_S) -> dict:
        """Poll until the job ends; its progress must never go back."""
        deadline = time.monotonic() + seconds
        progress = 0.0
        while time.monotonic() < deadline:
            document = self.get(f"/v1/jobs/{job['id']}")
            assert document["progress"] >= progress
            progress = document["progress"]
            if document["status"] in TERMINAL:
                return document
            time.sleep(0.1)
        raise AssertionError(f"not ended after {seconds} s: {document}")

    def download(self, job: dict, name: str, folder):
        """Save one output of a job; the path is returned."""
        output = next(one for one in job["outputs"] if one["name"] == name)
        path = folder / output["filename"]
        answer = httpx.get(output["url"], timeout=LONG_S)
        assert answer.status_code == 200
        assert len(answer.content) == output["size"]
        path.write_bytes(answer.content)
        return path

    def get(self, path: str, status: int = 200, **params) -> dict:
        return self._read(self.http.get(path, params=params), status)

    def post(self, path: str, status: int, **body) -> dict:
        return self._read(self.http.post(path, json=body), status)

    def _read(self, answer: httpx.Response, status: int) -> dict:
        assert answer.status_code == status, f"{answer.status_code}: {answer.text}"
        return answer.json()
