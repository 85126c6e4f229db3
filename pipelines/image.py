"""The image pipeline: (import →) probe → image, whose files are what people fetch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from core import assets
from core.errors import InputError
from core.models import Asset
from core.plan import JobPlan
from core.storage import Storage
from pipelines import inspect
from pipelines.planner import Output, Planner
from pipelines.request_schema import of_the_job
from pipelines.sources import plan_input

NAME = "image"
_ENDINGS = {"jpeg": "jpg"}


def plan(account_id: str, request: Mapping[str, Any]) -> JobPlan:
    """Plan an image job from a request that `ImageSchema` has loaded.

    Raises NotFoundError `asset_not_found`; InputError `no_image` when the facts of an asset, if they are known by now,
    rule the work out: the engine checks again.
    """
    planner = Planner(account_id)
    given = plan_input(planner, account_id, request["input"])
    if given.asset is not None:
        _check(account_id, given.asset, "input")
    inspect.plan_probe(planner, given.source)
    inputs: dict[str, Asset | Output] = {"source": given.source}
    operations = []
    for place, operation in enumerate(request["operations"]):
        if "asset" in operation:
            # The digest takes the asset's bytes, not its id: the same logo uploaded twice is the same logo.
            label = f"overlay-{place}"
            inputs[label] = assets.get(account_id, operation["asset"])
            _check(account_id, inputs[label], f"operations.{place}.asset")
            operation = {**{key: value for key, value in operation.items() if key != "asset"}, "input": label}  # noqa: PLW2901
        operations.append(operation)
    planner.add(
        NAME,
        params={"operations": operations, "outputs": request["outputs"], "profile": request["profile"]},
        inputs=inputs,
        after=["probe"],
        outputs={output["name"]: (filename(output), f"-{output['name']}") for output in request["outputs"]},
    )
    inspect.plan_moderation(planner)
    return JobPlan(
        pipeline=NAME,
        input_asset_id=given.asset.id if given.asset else None,
        filename=request.get("filename") or given.filename,
        stages=planner.stages,
        **of_the_job(account_id, request),
    )


def filename(output: Mapping[str, Any]) -> str:
    """The name of an output's file."""
    return f"{output['name']}.{_ENDINGS.get(output['format'], output['format'])}"


def forecast(account_id: str, request: Mapping[str, Any], storage: Storage) -> None:  # noqa: ARG001
    """An image takes a second or so; nothing is told of it."""
    return


def _check(account_id: str, asset: Any, field: str) -> None:
    facts = inspect.facts(account_id, asset)
    if facts is not None and facts["kind"] != "image":
        raise InputError("no_image", f"The {field} is a recording, not an image.", fields={field: ["Not an image."]})
