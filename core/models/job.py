"""Jobs and their stages: the truth from which every canvas can be built again."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from core.ids import new_id
from core.models.base import Base, JsonObject, Searchable, now, searched
from core.telemetry.origin import request_id
from core.telemetry.tracing import carried

_MAKES = text("media_ms > 0")
# `core.quotas.MAKER` is the stage that makes.
_MADE = text("name = 'trim' AND status = 'succeeded' AND NOT cached")


class Job(Base):
    """One request of a pipeline; `epoch` fences the messages that may act on it.

    `media_ms` is how much video or sound it makes, foretold until it is made.

    Until `admitted_at` it waits in the database: of its account and `lane` the highest `priority` goes first, then the
    oldest (see `core.admission`). `as_of` is the database's time at which `core.jobs` read it (`lock`, `find`).
    `request_id` and `trace` are those of the request that made it: they are in the logs and traces of all its stages.
    """

    __tablename__ = "jobs"
    __allow_unmapped__ = True
    __table_args__ = (
        Index(None, "account_id", "id"),
        # Lists, narrowed: newest first within each.
        Index(None, "account_id", "status", "id"),
        Index(None, "account_id", "pipeline", "id"),
        Index(None, "account_id", "external_id", "id"),
        searched("jobs", "client_metadata"),
        Index(None, "status", "admitted_at"),
        # Who counts an account's jobs reads this alone.
        Index(None, "account_id", "lane", "status", "admitted_at", "priority", "id"),
        # What was made in a month is added up from this alone, and from the index of the same name of stages.
        Index("ix_jobs_made", "account_id", "id", "status", "media_ms", postgresql_where=_MAKES, sqlite_where=_MAKES),
    )

    id: Mapped[str] = mapped_column(String(40), primary_key=True, default=lambda: new_id("job"))
    account_id: Mapped[str] = mapped_column(ForeignKey("accounts.id"))
    pipeline: Mapped[str] = mapped_column(String(40))
    input_asset_id: Mapped[str | None] = mapped_column(ForeignKey("assets.id"), index=True)
    lane: Mapped[str] = mapped_column(String(16), default="work", server_default="work")
    priority: Mapped[int] = mapped_column(default=0, server_default="0")
    status: Mapped[str] = mapped_column(String(16), default="queued")
    epoch: Mapped[int] = mapped_column(default=1)
    params: Mapped[JsonObject]
    media_ms: Mapped[int] = mapped_column(BigInteger, default=0, server_default="0")
    client_metadata: Mapped[JsonObject] = mapped_column(Searchable, default=dict)
    external_id: Mapped[str | None] = mapped_column(String(200))
    filename: Mapped[str] = mapped_column(String(255))
    progress: Mapped[float] = mapped_column(default=0.0)
    error: Mapped[JsonObject | None]
    webhook_url: Mapped[str | None] = mapped_column(String(2048))
    request_id: Mapped[str | None] = mapped_column(String(64), default=request_id)
    trace: Mapped[str | None] = mapped_column(String(64), default=carried)
    created_at: Mapped[datetime] = mapped_column(default=now)
    admitted_at: Mapped[datetime | None]
    dispatched_at: Mapped[datetime | None]
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]

    as_of: datetime
    stages: Mapped[list[JobStage]] = relationship(
        order_by="JobStage.position", cascade="all, delete-orphan", lazy="selectin", back_populates="job"
    )


class JobStage(Base):
    """One stage of one job: its digest says what it makes, its lease says who is making it.

    `kind` is its name in the stage registry. A stage that runs may ask for others, its parts, and runs again when they
    are done: theirs is `part_of`, its own is `notes`, what it wants to remember until then (see `core.parts`).
    `attempt` counts its runs, `setbacks` those that ended in trouble that passes; `sent_epoch` is the epoch of the last
    canvas that it was sent in.
    `inputs` maps a label to `{"asset": id}` or `{"digest": artifact}`; `needs` names the stages that go before;
    `outputs` maps names in the job document to `{"file": name in the artifact, "suffix": of the download's name}`; one
    with `"stream"` is played instead of fetched, from when the stage that this names is done: its own, or one before.
    """

    __tablename__ = "job_stages"
    __table_args__ = (
        Index(None, "status", "lease_expires_at"),
        Index(None, "status", "queued_at"),
        Index(None, "digest"),
        Index("ix_job_stages_made", "job_id", postgresql_where=_MADE, sqlite_where=_MADE),
    )

    job_id: Mapped[str] = mapped_column(ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True)
    name: Mapped[str] = mapped_column(String(40), primary_key=True)
    kind: Mapped[str] = mapped_column(String(40))
    part_of: Mapped[str | None] = mapped_column(String(40))
    position: Mapped[int]
    queue: Mapped[str] = mapped_column(String(40))
    weight: Mapped[float]
    digest: Mapped[str] = mapped_column(String(64))
    params: Mapped[JsonObject]
    inputs: Mapped[JsonObject]
    needs: Mapped[list[Any]]
    outputs: Mapped[JsonObject]
    notes: Mapped[JsonObject | None]
    status: Mapped[str] = mapped_column(String(16), default="queued")
    cached: Mapped[bool] = mapped_column(default=False)
    attempt: Mapped[int] = mapped_column(default=0)
    setbacks: Mapped[int] = mapped_column(default=0)
    sent_epoch: Mapped[int | None]
    progress: Mapped[float] = mapped_column(default=0.0)
    result: Mapped[JsonObject | None]
    warnings: Mapped[list[Any]] = mapped_column(default=list)
    lease_owner: Mapped[str | None] = mapped_column(String(80))
    lease_expires_at: Mapped[datetime | None]
    queued_at: Mapped[datetime | None]
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]

    job: Mapped[Job] = relationship(back_populates="stages")
