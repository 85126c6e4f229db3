"""Jobs: started by pipeline, read, listed, canceled, retried."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Response, jsonify

from app import pagination
from app.blueprint import Blueprint
from app.schemas.job import CreateQuery, JobListSchema, JobSchema, JobsQuery, PlanSchema, RetrySchema
from app.security import current_account_id
from app.storage import current_storage
from core import job_document, jobs
from pipelines import submit
from pipelines.registry import PIPELINES, Pipeline

blp = Blueprint("jobs", __name__, url_prefix="/v1/jobs", description="Work on assets.")

_STARTED = (
    "The answer comes at once, with the job: follow it by `follow_job`, by polling `get_job` or by a webhook. Stages "
    "that were done before, by whichever job, are not done again. With `dry_run` nothing is started."
)

Created = Response | tuple[dict[str, Any], dict[str, str]]


def _creator(pipeline: Pipeline) -> Callable[..., Created]:
    """The view that starts a job of one pipeline."""

    @blp.idempotent
    @blp.arguments(CreateQuery, location="query")
    @blp.arguments(pipeline.schema, example=pipeline.example)
    @blp.response(202, JobSchema, headers={"Location": {"schema": {"type": "string"}}})
    @blp.alt_response(200, schema=PlanSchema, description="With `dry_run`: what would run.")
    @blp.job_problems
    @blp.problems(404, *pipeline.missing)
    @blp.problems(422, *pipeline.refusals)
    @blp.problems(503, "storage_unavailable")
    def create(query: dict[str, Any], body: dict[str, Any]) -> Created:
        account_id = current_account_id()
        plan = pipeline.plan(account_id, body)
        if query["dry_run"]:
            told = pipeline.forecast(account_id, body, current_storage())
            return jsonify(PlanSchema().dump(submit.preview_plan(plan) | {"forecast": told}))
        job = submit.submit(account_id, plan)
        return job_document.document(job, current_storage()), {"Location": f"/v1/jobs/{job.id}"}

    create.__doc__ = f"{pipeline.summary}\n\n{_STARTED}"
    return create


for _pipeline in PIPELINES.values():
    _name = f"create_{_pipeline.name}_job"
    blp.add_operation(f"/{_pipeline.name}", _creator(_pipeline), needs="jobs:write", method="POST", name=_name)


@blp.route("", needs="jobs:read")
@blp.arguments(JobsQuery, location="query")
@blp.response(200, JobListSchema)
def list_jobs(query: dict[str, Any]) -> dict[str, Any]:
    """List jobs, newest first."""
    rows, following = pagination.take(pagination.narrowed(jobs.page, query), current_account_id(), query, kind="jobs")
    return {"data": job_document.documents(rows, current_storage()), "next": following}


@blp.route("/<job_id>", needs="jobs:read")
@blp.response(200, JobSchema)
def get_job(job_id: str) -> dict[str, Any]:
    """Get a job."""
    return job_document.document(jobs.get(current_account_id(), job_id), current_storage())


@blp.route("/<job_id>/cancel", needs="jobs:write", method="POST")
@blp.response(200, JobSchema)
@blp.problems(409, "job_ended")
def cancel_job(job_id: str) -> dict[str, Any]:
    """End a job

    A job that waits ends now; a running stage stops at its next heartbeat. What is done stays for later jobs.
    """
    return job_document.document(submit.cancel(current_account_id(), job_id), current_storage())


@blp.route("/<job_id>/retry", needs="jobs:write", method="POST")
@blp.arguments(RetrySchema, example={"from": "brand"})
@blp.response(202, JobSchema)
@blp.job_problems
@blp.problems(404, "asset_not_found")
@blp.problems(409, "job_running", "job_succeeded")
@blp.problems(422, "unknown_stage")
def retry_job(body: dict[str, Any], job_id: str) -> dict[str, Any]:
    """Queue a job again that failed or was canceled.

    Stages whose results exist are kept, whatever `from` says; attempts are counted anew. The answer is 409
    `job_running` for a job that has not ended, and 409 `job_succeeded` for one that has nothing left to do.
    """
    return job_document.document(submit.retry(current_account_id(), job_id, body["start"]), current_storage())
