"""Images in the size that a page asks for: an image job the first time, its artifact ever after."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Collection, Mapping
from contextlib import AbstractContextManager
from typing import Any

from core import artifacts, jobs, states
from core.db import reading
from core.errors import InputError, TransientError
from core.models import Artifact, Asset, Job
from core.plan import JobPlan
from pipelines import image, inspect, submit
from pipelines.image_schema import ImageSchema

_NAME = "image"
_LANE = "delivery"
_MODERN = ("avif", "webp")
_PAUSES_S = (0.05, 0.25)
_REFUSED_S, _BROKEN_S = 600, 60
"""How long it is remembered that an image cannot be made: refused as it is, or failed by what may pass."""

Patience = Callable[[], AbstractContextManager[float]]
"""Entered before somebody waits, and left after it: for how many seconds he may."""


def plan(account_id: str, asset: Asset, wanted: Mapping[str, Any], *, accepted: Collection[str]) -> JobPlan:
    """Plan the image that `ImageQuery` asks for; `accepted` are the media types that the client names.

    Raises InputError `no_image`, as `pipelines.image.plan`.
    """
    output = {key: value for key, value in wanted.items() if value is not None} | {"name": _NAME}
    if output["format"] == "auto":
        output["format"] = next(
            (kind for kind in _MODERN if f"image/{kind}" in accepted), _everybody_reads(account_id, asset)
        )
    if output["format"] not in {"avif", "webp", "jpeg"}:
        output.pop("quality", None)
    made = image.plan(account_id, ImageSchema().load({"input": asset.id, "outputs": [output]}))
    return dataclasses.replace(made, lane=_LANE)


def serve(account_id: str, wanted: JobPlan, patience: Patience) -> Artifact:
    """Return the artifact of a plan, made now if need be.

    What could not be made is not tried again at each request: for ten minutes the answer is known.
    Raises InputError with the code that its job failed with; TransientError `image_pending` when patience ends.
    """
    found = _find(wanted)
    if found is None:
        job = jobs.live_of_digest(account_id, wanted.stages[-1].digest) or _begin(account_id, wanted)
        with patience() as seconds:
            found = _wait(account_id, job, wanted, seconds)
    return found


def version(wanted: JobPlan) -> str:
    """What the delivered bytes follow from, as a tag: under other rules of a moderator it is another."""
    return "-".join(_needed(wanted))


def _begin(account_id: str, wanted: JobPlan) -> Job:
    failed = jobs.failed_last(account_id, [stage.digest for stage in wanted.stages])
    age_s = (failed.as_of - failed.finished_at).total_seconds() if failed and failed.finished_at else _REFUSED_S
    if failed is not None and age_s < _REFUSED_S:
        _refuse(failed)
        if age_s < _BROKEN_S:
            raise _pending()
    return submit.submit(account_id, wanted)


def _everybody_reads(account_id: str, asset: Asset) -> str:
    facts = inspect.facts(account_id, asset)
    seen = facts["image"] if facts else None
    if seen is None:
        return "jpeg" if asset.content_type == "image/jpeg" else "png"
    if seen["frames"] > 1:
        return "gif"
    return "png" if seen["transparent"] else "jpeg"


def _needed(wanted: JobPlan) -> list[str]:
    """The digests of what must be there: the verdict, where a moderator judges by rules of today, and the image."""
    return [stage.digest for stage in wanted.stages if stage.name in {"moderate", wanted.stages[-1].name}]


def _find(wanted: JobPlan) -> Artifact | None:
    digests = _needed(wanted)
    with reading() as session:
        found = artifacts.find(session, digests)
    return found[digests[-1]] if len(found) == len(digests) else None


def _wait(account_id: str, job: Job, wanted: JobPlan, patience_s: float) -> Artifact:
    deadline, pause = time.monotonic() + patience_s, _PAUSES_S[0]
    while True:
        found = _find(wanted)
        if found is not None:
            return found
        job = jobs.get(account_id, job.id)
        _refuse(job)
        if job.status in states.TERMINAL or time.monotonic() > deadline:
            raise _pending()
        time.sleep(pause)
        pause = min(pause * 1.5, _PAUSES_S[1])


def _refuse(job: Job) -> None:
    """Raise what a job failed with, where trying again does not help."""
    if job.error and not job.error["retryable"]:
        raise InputError(job.error["code"], job.error["message"])


def _pending() -> TransientError:
    return TransientError("image_pending", "The image is still being made: ask again in a moment.")


def file(made: Artifact) -> Mapping[str, Any]:
    """The one file of a delivered image: `key`, `size`, `content_type`."""
    entry: Mapping[str, Any]
    [entry] = made.files.values()
    return entry
