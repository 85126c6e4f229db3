"""Counts what a boto3 client asks S3 and how long that takes, by botocore's own events.

https://botocore.amazonaws.com/v1/documentation/api/latest/topics/events.html
"""

from __future__ import annotations

import time
from typing import Any

from core.telemetry import metrics

_BEGAN = "cutwork_began"


def measure(client: Any) -> None:
    """Count the requests of a client from now on; signing an address asks nobody and is not counted."""
    events = client.meta.events
    events.register("before-call.s3", _begin)
    events.register("after-call.s3", _end)
    events.register("after-call-error.s3", _end)
    events.register("response-received.s3", _count)


def _begin(context: dict[str, Any], **_: Any) -> None:
    context[_BEGAN] = time.perf_counter()


def _end(context: dict[str, Any], event_name: str, **_: Any) -> None:
    operation = event_name.rpartition(".")[2]
    metrics.STORAGE_SECONDS.labels(operation).observe(time.perf_counter() - context[_BEGAN])


def _count(event_name: str, parsed_response: Any, **_: Any) -> None:
    """One try: the class of its HTTP status, or `none` when there was no answer."""
    answer = (parsed_response or {}).get("ResponseMetadata", {})
    status = f"{answer['HTTPStatusCode'] // 100}xx" if "HTTPStatusCode" in answer else "none"
    metrics.STORAGE_REQUESTS.labels(event_name.rpartition(".")[2], status).inc()
