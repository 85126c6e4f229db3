"""Jobs: the document that create, get, list and events share."""

from __future__ import annotations

from marshmallow import EXCLUDE, Schema, fields, validate

from app.schemas.listing import ListQuery
from core.admission import PRIORITIES
from core.states import CANCELED, FAILED, QUEUED, RUNNING, SUCCEEDED
from pipelines import inspect
from pipelines.registry import PIPELINES

_STATUSES = [QUEUED, RUNNING, SUCCEEDED, FAILED, CANCELED]
_INSTANT = {"format": "date-time"}


class PartsSchema(Schema):
    """How far the parts are that a stage was split into."""

    total = fields.Integer(required=True)
    running = fields.Integer(required=True)
    succeeded = fields.Integer(required=True)


class StageSchema(Schema):
    """How one stage stands."""

    status = fields.String(required=True, validate=validate.OneOf(_STATUSES))
    progress = fields.Float(required=True, metadata={"description": "0 to 1."})
    attempt = fields.Integer(required=True)
    queue = fields.String(required=True)
    queued_ms = fields.Integer(required=True, allow_none=True, metadata={"description": "Time in the queue."})
    run_ms = fields.Integer(required=True, allow_none=True, metadata={"description": "Time at work."})
    cached = fields.Boolean(required=True, metadata={"description": "Answered by earlier work."})
    parts = fields.Nested(
        PartsSchema,
        required=True,
        allow_none=True,
        metadata={"description": "What many workers encode at once; null for a stage that one worker runs."},
    )
    result = fields.Dict(required=True, allow_none=True, metadata={"description": "What the stage found or made."})


class OutputSchema(Schema):
    """One file to fetch."""

    name = fields.String(required=True, metadata={"example": "video"})
    url = fields.String(required=True, metadata={"description": "Signed; works until `expires_at`."})
    expires_at = fields.String(required=True, metadata=_INSTANT)
    filename = fields.String(required=True)
    size = fields.Integer(required=True)
    sha256 = fields.String(required=True)
    content_type = fields.String(required=True)
    media = fields.Dict(required=True, allow_none=True)


class StreamSchema(Schema):
    """Something to play, by HTTP Live Streaming."""

    name = fields.String(required=True, metadata={"example": "seams_hls"})
    url = fields.String(required=True, metadata={"description": "A playlist; signed, works until `expires_at`."})
    expires_at = fields.String(required=True, metadata=_INSTANT)
    status = fields.String(
        required=True,
        validate=validate.OneOf(["growing", "whole"]),
        metadata={"description": "A playlist that is growing is fetched again by players until it is whole."},
    )
    content_type = fields.String(required=True)
    media = fields.Dict(required=True, allow_none=True, metadata={"description": "null while it is growing."})


class WarningSchema(Schema):
    """Something that was done otherwise than one might expect."""

    code = fields.String(required=True)
    message = fields.String(required=True)
    stage = fields.String(required=True)


class JobErrorSchema(Schema):
    """Why a job failed."""

    code = fields.String(required=True, metadata={"example": "damaged_file"})
    message = fields.String(required=True)
    stage = fields.String(required=True)
    retryable = fields.Boolean(required=True)


class JobSchema(Schema):
    """A job."""

    id = fields.String(required=True, metadata={"example": "job_01k9x3v5m8q2r7t4w6y0b1c3d5"})
    pipeline = fields.String(required=True)
    status = fields.String(required=True, validate=validate.OneOf(_STATUSES))
    priority = fields.String(required=True, validate=validate.OneOf(list(PRIORITIES)))
    progress = fields.Float(required=True, metadata={"description": "0 to 1; goes back by a retry alone."})
    eta_s = fields.Integer(
        required=True,
        allow_none=True,
        metadata={
            "description": "Seconds to go, from the pace of the stages that run and from what such stages took in your "
            "last jobs; null for a job that does not run, that waits for a worker, or about which too little is known."
        },
    )
    queue_position = fields.Integer(
        required=True,
        allow_none=True,
        metadata={
            "description": "1 is started next; null for a job that is not queued. Counted are the jobs that are sure "
            "to be started before: those that stand in the same queue, and for a job that waits until its account has "
            "room also those of the account that come before it. New jobs of other accounts may overtake such a one."
        },
    )
    stages = fields.Dict(keys=fields.String(), values=fields.Nested(StageSchema), required=True)
    outputs = fields.List(fields.Nested(OutputSchema), required=True)
    streams = fields.List(
        fields.Nested(StreamSchema),
        required=True,
        metadata={"description": "What can be played by now; there before the job has ended."},
    )
    warnings = fields.List(fields.Nested(WarningSchema), required=True)
    error = fields.Nested(JobErrorSchema, required=True, allow_none=True)
    external_id = fields.String(required=True, allow_none=True, metadata={"description": "The client's own id for it."})
    metadata = fields.Dict(required=True, metadata={"description": "What the client gave."})
    created_at = fields.String(required=True, metadata=_INSTANT)
    started_at = fields.String(required=True, allow_none=True, metadata=_INSTANT)
    finished_at = fields.String(required=True, allow_none=True, metadata=_INSTANT)


class JobListSchema(Schema):
    """One page of jobs, newest first."""

    data = fields.List(fields.Nested(JobSchema), required=True)
    next = fields.String(required=True, allow_none=True)


class JobsQuery(ListQuery):
    """Which jobs to list."""

    status = fields.String(validate=validate.OneOf(_STATUSES))
    pipeline = fields.String(validate=validate.OneOf([*PIPELINES, inspect.NAME]), metadata={"example": "edit"})


class PlannedStageSchema(Schema):
    """One stage that would run."""

    stage = fields.String(required=True)
    queue = fields.String(required=True)
    cached = fields.Boolean(required=True, metadata={"description": "Its result is there already."})
    after = fields.List(fields.String(), required=True)


class KeptSchema(Schema):
    """A range that would be kept, in seconds."""

    start = fields.String(required=True)
    end = fields.String(required=True, allow_none=True)


class ForecastSchema(Schema):
    """How the source would be cut, told from its keyframe map alone."""

    mode = fields.String(required=True, metadata={"description": "The way that would be used."})
    reason = fields.String(required=True, allow_none=True, metadata={"description": "Why it is not the one asked for."})
    ranges = fields.List(fields.Nested(KeptSchema), required=True, metadata={"description": "After snapping."})
    frames = fields.Integer(required=True)
    reencoded_frames = fields.Integer(required=True)
    estimated_cpu_s = fields.String(required=True)
    estimated_bytes = fields.Integer(required=True)


class PlanSchema(Schema):
    """What a job would run; nothing was started."""

    pipeline = fields.String(required=True)
    plan = fields.List(fields.Nested(PlannedStageSchema), required=True)
    forecast = fields.Nested(
        ForecastSchema,
        required=True,
        allow_none=True,
        metadata={"description": "null while the asset's facts are not known, for sound alone, and for images."},
    )


class CreateQuery(Schema):
    """How to take the request."""

    dry_run = fields.Boolean(
        load_default=False,
        truthy={"true", "1"},
        falsy={"false", "0"},
        metadata={"description": "Check the request and answer with the plan alone."},
    )


class RetrySchema(Schema):
    """Where to begin again."""

    start = fields.String(
        data_key="from",
        load_default=None,
        allow_none=True,
        metadata={
            "description": "The stage to begin anew, with those that need it: what it was split into is forgotten. "
            "Without, whatever is done is kept, to the part."
        },
    )


class EventsQuery(Schema):
    """Where to take the events up again, for clients that cannot set a header."""

    class Meta:
        """What stands in for EventSource in some places adds parameters of its own."""

        unknown = EXCLUDE

    last_event_id = fields.String(metadata={"description": "As `Last-Event-ID`."})
