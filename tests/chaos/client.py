"""A user who does not give up: every request is made again until the API answers it, with the key that it had first."""

from __future__ import annotations

import itertools
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx

from tests.keys import HEADERS

_PATIENCE_S = 120


class GaveUp(Exception):
    """The API did not answer for long, or answered what nothing in a scenario may cause."""


class Client:
    """Uploads, edits and cancels; `accepted` is what answered 202: the ids of jobs, which must never be lost.

    `on_accept` is called right after each 202, while nothing else of the request has been done.
    """

    def __init__(self, url: str, on_accept: Callable[[], None] = lambda: None) -> None:
        self._http = httpx.Client(
            base_url=url,
            headers=HEADERS,
            timeout=httpx.Timeout(30, connect=10),
            limits=httpx.Limits(max_keepalive_connections=0),
        )
        self._on_accept = on_accept
        self.accepted: dict[str, int] = {}
        self.asked_to_cancel: set[str] = set()
        self.canceled: set[str] = set()
        self.refused: dict[int, str] = {}
        self.repeated = itertools.count()

    def upload(self, path: Path, name: str) -> str:
        """Upload a file and return the asset's id; what was cut off is done again from the start."""
        while True:
            upload = self._ask("POST", "/v1/uploads", json={"filename": name, "size": path.stat().st_size}).json()
            with path.open("rb") as file:
                for part in upload["parts"]:
                    httpx.put(part["url"], content=file.read(upload["part_size"]), timeout=60).raise_for_status()
            answer = self._ask("POST", f"/v1/uploads/{upload['id']}/complete")
            if answer.status_code in {200, 201}:
                return str(answer.json()["id"])
            raise GaveUp(f"complete answered {answer.status_code}: {answer.text}")

    def edit(self, number: int, asset: str, body: dict[str, Any]) -> str | None:
        """Post job `number`; its id, or None when the request was refused for what it asks."""
        request = {"input": asset, **body, "metadata": {"number": number}}
        answer = self._ask("POST", "/v1/jobs/edit", json=request)
        if answer.status_code == 202:
            self._on_accept()
            job_id = str(answer.json()["id"])
            self.accepted[job_id] = number
            return job_id
        if answer.status_code == 422:
            self.refused[number] = answer.json()["code"]
            return None
        raise GaveUp(f"edit answered {answer.status_code}: {answer.text}")

    def cancel(self, job_id: str) -> None:
        """Cancel a job; one that has ended stays as it is, also when the first answer was lost."""
        self.asked_to_cancel.add(job_id)
        answer = self._ask("POST", f"/v1/jobs/{job_id}/cancel")
        if answer.status_code == 200:
            self.canceled.add(job_id)
        elif answer.status_code != 409:
            raise GaveUp(f"cancel answered {answer.status_code}: {answer.text}")

    def _ask(self, method: str, path: str, **options: Any) -> httpx.Response:
        deadline = time.monotonic() + _PATIENCE_S
        key = {"Idempotency-Key": str(uuid.uuid4())}
        while True:
            try:
                answer = self._http.request(method, path, headers=key, **options)
                busy = answer.status_code == 409 and answer.json()["code"] == "idempotency_in_progress"
                if answer.status_code < 500 and not busy:
                    return answer
                trouble = f"{answer.status_code}: {answer.text[:300]}"
            except httpx.TransportError as error:
                trouble = type(error).__name__
            next(self.repeated)
            if time.monotonic() > deadline:
                raise GaveUp(f"{method} {path}: {trouble}")
            time.sleep(0.3)
