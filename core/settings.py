"""Every setting, read once from the environment.

Each setting `name` is read from the variable `NAME`, or from the file that `NAME_FILE` names (Docker and Kubernetes
secrets). The defaults are those of the embedded stack, so that a fresh clone runs with nothing set.
"""

from __future__ import annotations

import os
import re
from functools import lru_cache
from ipaddress import ip_network
from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from core.errors import InputError

_SHORTEST_SECRET = 16
KEY_PATTERN = r"(cw_[0-9a-z]{8,16})_[0-9A-Za-z]{32,128}"
"""An API key: the part that is shown, then the secret."""


class Settings(BaseSettings):
    """Typed settings; raises `pydantic.ValidationError` that names the variable at fault."""

    model_config = SettingsConfigDict(extra="ignore", frozen=True)

    database_url: str = Field(
        "sqlite:///.cutwork/cutwork.db",
        description="SQLAlchemy URL: PostgreSQL in production, SQLite to try it out.",
    )
    database_silence_s: float = Field(
        15.0,
        ge=0,
        description="A PostgreSQL silent for so many seconds amid a request is given up; 0: as the system.",
    )
    database_statement_s: float = Field(
        120.0,
        ge=0,
        description="PostgreSQL ends a statement after so many seconds, but for migrations and housekeeping; 0: never.",
    )
    broker_url: str = Field(
        "redis://127.0.0.1:6390/0", description="Celery broker: `redis://…` (Redis or Valkey) or `amqp://…`."
    )
    redis_url: str = Field(
        "",
        description="Redis or Valkey for live events and chord counters; the broker's when that is one, else required.",
    )
    public_url: str = Field(
        "http://127.0.0.1:8000", description="Where clients reach the API; signed local URLs start with it."
    )
    secret_key: SecretStr = Field(
        SecretStr(""),
        description="Needed by the API, 16 random characters or more: signs access tokens, links in mails, local "
        "upload and download URLs and addresses of images, and seals the secrets of webhooks.",
    )
    bootstrap_api_key: SecretStr | None = Field(
        None,
        description="An API key of your own making that opens the first account, with every scope: `cw_`, 8 small "
        "letters or digits, `_`, 32 or more letters or digits. Revoke it once others exist.",
    )

    registration: Literal["open", "closed"] = Field(
        "open", description="`open` lets anybody register an account of their own; `closed` only those who are invited."
    )
    console_url: str = Field(
        "",
        description="Where people open links from mails: `/verify`, `/reset`, `/invitation` with `?token=…` are added; "
        "unset, mails hold the token alone.",
    )
    oauth_google_client_id: str = Field("", description="Client of Google's sign-in; unset, it is off.")
    oauth_google_client_secret: SecretStr | None = Field(None, description="The client's secret.")
    oauth_google_issuer: str = Field("https://accounts.google.com", description="The OpenID provider.")
    oauth_github_client_id: str = Field("", description="Client of GitHub's sign-in; unset, it is off.")
    oauth_github_client_secret: SecretStr | None = Field(None, description="The client's secret.")
    oauth_github_url: str = Field("https://github.com", description="GitHub, or an Enterprise server.")
    oauth_github_api_url: str = Field("https://api.github.com", description="Its API.")
    smtp_host: str | None = Field(None, description="Mail server; unset, mails are kept in `MAIL_DIR`.")
    smtp_port: int = Field(587, gt=0, lt=65536, description="Its port.")
    smtp_security: Literal["starttls", "tls", "none"] = Field(
        "starttls", description="`starttls` (587), `tls` (465), or `none` for a server on this machine."
    )
    smtp_user: str | None = Field(None, description="User at the mail server, if it asks for one.")
    smtp_password: SecretStr | None = Field(None, description="The user's password.")
    mail_from: str = Field("Cutwork <cutwork@localhost>", description="Sender of mails.")
    mail_dir: Path | None = Field(None, description="Folder that mails are kept in where no server is set.")

    storage_dir: Path = Field(
        Path(".cutwork/storage"),
        description="Folder for files when `S3_BUCKET` is not set; shared by all processes.",
    )
    s3_bucket: str | None = Field(None, description="Bucket for all files; setting it switches storage to S3.")
    s3_endpoint_url: str | None = Field(None, description="S3 endpoint as the servers reach it; unset means AWS.")
    s3_public_endpoint_url: str | None = Field(
        None,
        description="S3 endpoint as clients reach it, used in presigned URLs; `S3_ENDPOINT_URL` when unset.",
    )
    s3_region: str = Field("us-east-1", description="Region of the bucket.")
    s3_access_key_id: SecretStr | None = Field(
        None, description="Access key; unset uses boto3's own chain, such as an IAM role."
    )
    s3_secret_access_key: SecretStr | None = Field(None, description="Secret of the access key.")
    s3_addressing_style: str = Field("auto", description="`auto`, `path` or `virtual`, as boto3 names them.")

    upload_max_bytes: int = Field(100 * 2**30, gt=0, description="Largest file that may be uploaded, in bytes.")
    upload_part_bytes: int = Field(
        16 * 2**20,
        ge=5 * 2**20,
        description="Part size of an upload in bytes; grows when a file needs over 10,000.",
    )
    upload_ttl_s: int = Field(
        24 * 3600, gt=0, description="An upload not completed in this time is dropped, in seconds."
    )
    url_ttl_s: int = Field(3600, gt=0, description="How long a signed URL works, in seconds.")
    webhook_timeout_s: float = Field(
        15.0, gt=0, le=60, description="How long a webhook's receiver may take, in seconds."
    )
    webhook_window_s: int = Field(
        24 * 3600, gt=0, description="A webhook that does not arrive is tried again for so many seconds."
    )
    webhook_concurrency: int = Field(
        2,
        gt=0,
        description="Most webhooks of one account under way at once, so that slow receivers hold up few workers.",
    )
    webhook_secret_overlap_s: int = Field(
        24 * 3600, ge=0, description="A webhook secret that was rotated goes on signing for so many seconds."
    )
    webhook_disable_after_days: float = Field(
        5, gt=0, description="A webhook that took nothing for so many days is disabled."
    )
    webhook_ttl_days: int = Field(
        30, ge=0, description="Webhook deliveries are kept for so many days after their end; 0 keeps them for ever."
    )
    deliver_every_s: float = Field(5.0, gt=0, description="How often webhooks that are due are looked for, in seconds.")
    outgoing_http: bool = Field(
        False, description="Whether webhooks and imports may use plain http; https alone otherwise."
    )
    outgoing_allow: str = Field(
        "",
        description="Networks that webhooks and imports may reach although they are not public, such as `10.1.0.0/16, "
        "127.0.0.0/8`; none by default. Whoever may create jobs reaches what is named here.",
    )

    max_pixels: int = Field(8192 * 4320, gt=0, description="Largest picture that is opened, in pixels a frame.")
    max_duration_s: int = Field(12 * 3600, gt=0, description="Longest recording that is accepted, in seconds.")
    max_streams: int = Field(64, gt=0, description="Most streams a file may have.")
    max_image_bytes: int = Field(100 * 2**20, gt=0, description="Largest image file that is opened, in bytes.")
    max_image_pixels: int = Field(
        64_000_000,
        gt=0,
        description="Largest image that is opened or made, in pixels; a worker needs some 16 bytes for each.",
    )
    max_image_frames: int = Field(1_000, gt=0, description="Most frames an animated image may have.")
    max_animation_pixels: int = Field(
        200_000_000, gt=0, description="Most pixels of all frames of an animated image together."
    )
    max_keep_ranges: int = Field(500, gt=0, description="Most ranges that one edit may keep.")

    moderation: Literal["", "rules", "rekognition"] = Field(
        "",
        description="Who judges files before anything is made of them: `rules` (kinds, size, hashes below) or "
        "`rekognition` (the rules, then AWS Rekognition on a dozen pictures); empty for nobody.",
    )
    moderation_kinds: str = Field(
        "", description="Kinds or containers that are let through, such as `video, jpeg, png`; empty for all."
    )
    moderation_max_bytes: int | None = Field(None, gt=0, description="Largest file that is let through, in bytes.")
    moderation_hashes: Path | None = Field(
        None,
        description="File with the hashes of what is not let through, one a line: SHA-256, or the `perceptual_hash` of "
        "an image. The API and the workers read it.",
    )
    moderation_region: str = Field("us-east-1", description="Region of Rekognition.")
    moderation_confidence: float = Field(
        80.0, ge=0, le=100, description="From this confidence on, in percent, a label of Rekognition blocks."
    )
    moderation_labels: str = Field(
        "", description="Labels of Rekognition that block, such as `Explicit, Violence`; empty for all."
    )

    scratch_dir: Path | None = Field(
        None, description="Folder for a stage's temporary files; the system's own when unset."
    )
    scratch_min_free_mb: int = Field(
        256,
        ge=0,
        description="A worker takes no stage while less is free in that folder, in MiB; 0 sets no bound.",
    )
    encode_threads: int = Field(0, ge=0, description="Encoder threads a stage may use; 0 lets the encoder decide.")
    encode_width: int = Field(
        4,
        gt=0,
        description="How many encode processes an exact encode is cut into segments for; 1 encodes in one piece.",
    )
    encode_memory_mb: int = Field(
        16384,
        ge=0,
        description="Address space that a process may have while it encodes, in MiB (Linux); 0 sets no bound. 1080p "
        "takes some 1200, 4K 3000, and more with many threads.",
    )
    max_running_jobs: int = Field(
        8,
        gt=0,
        description="Most jobs of one account that are at work or in a broker's queue at once; the rest wait in the "
        "database. Inspections of uploads are counted apart, with the same bound.",
    )
    quota_stored_bytes: int = Field(
        0, ge=0, description="Most bytes of assets and open uploads that an account may have; 0 sets no bound."
    )
    quota_minutes: int = Field(
        0, ge=0, description="Most minutes of results that an account may have made in a calendar month; 0: no bound."
    )
    quota_jobs: int = Field(
        0, ge=0, description="Most jobs of an account that have not ended, those in line included; 0 sets no bound."
    )
    rate_limit_key: str = Field(
        "6000 per minute",
        description="How often one API key or access token may ask, as `60 per minute`; empty sets no bound. Counted "
        "in Redis; while that is away, in each process for itself.",
    )
    rate_limit_ip: str = Field(
        "12000 per minute",
        description="How often one address (of IPv6: one /64 network) may ask, with whatever keys; empty sets no "
        "bound. Health checks and signed storage addresses are not counted.",
    )
    rate_limit_login: str = Field(
        "30 per minute",
        description="How often one address (of IPv6: one /64 network) may sign in, register, or send what a mail held; "
        "empty sets no bound. Refreshing tokens is not counted.",
    )
    cors_origins: str = Field(
        "",
        description="Origins whose pages may call the API, as `https://app.example`, separated by commas; "
        "`*` for all, empty for none.",
    )
    trusted_proxies: int = Field(
        0,
        ge=0,
        description="How many proxies stand before the API and set `X-Forwarded-For`; with too few all clients seem to "
        "have the proxy's address, with too many a client may claim any.",
    )
    lease_s: int = Field(
        15, gt=1, description="A stage whose worker is silent for so many seconds is given to another."
    )
    commit_patience_s: float = Field(
        60.0,
        gt=0,
        description="How long finished work, or word of why it is not, waits for a database or a storage that is away, "
        "in seconds.",
    )
    heartbeat_s: float = Field(
        0.5,
        gt=0,
        description="How often a running stage renews its lease, saves progress and looks for a cancel, in seconds.",
    )
    events_kept: int = Field(200, gt=0, description="Live events kept for each job, for clients that reconnect.")
    events_ttl_s: int = Field(
        24 * 3600, gt=0, description="Live events of a job are dropped after this many idle seconds."
    )
    sse_max_streams: int = Field(
        1000, gt=0, description="Most event streams of an API process; over plain HTTP they hold a socket, no thread."
    )
    live_max_threads: int = Field(
        16,
        gt=0,
        description="Most WebSockets of an API process, and event streams where the server itself does TLS; each "
        "holds a thread, so keep it below the server's threads.",
    )
    image_max_waiting: int = Field(
        8,
        ge=0,
        description="Most requests of an API process that wait at once for an image that is being made; each holds a "
        "thread, so keep it and `LIVE_MAX_THREADS` together below the server's threads. Beyond it the answer is 503 "
        "`image_pending` at once.",
    )
    image_max_waiting_each: int = Field(
        4,
        ge=0,
        description="Most of them that wait for images of one account, and most that one client's address has waiting; "
        "behind a CDN, whose addresses are few, let it be as many as `IMAGE_MAX_WAITING`.",
    )
    sse_max_s: float = Field(
        300.0,
        gt=0,
        description="An event stream this old is ended at its next event or keepalive; the client resumes it.",
    )
    reconcile_every_s: float = Field(5.0, gt=0, description="How often lost work is looked for, in seconds.")
    expire_uploads_every_s: float = Field(
        300.0, gt=0, description="How often uploads that were never completed are looked for, in seconds."
    )
    artifact_ttl_days: int = Field(
        30, ge=0, description="Results are kept for so many days after a job last needed them; 0 keeps them for ever."
    )
    orphan_grace_s: int = Field(
        24 * 3600,
        ge=0,
        description="Files and multipart uploads that no row names are deleted when they are so many seconds old.",
    )
    housekeeping_every_s: float = Field(
        3600.0, gt=0, description="How often expired results, endless events and dead leases are sought, in seconds."
    )
    sweep_storage_every_s: float = Field(
        6 * 3600.0, gt=0, description="How often all of storage is listed for files that no row names, in seconds."
    )
    redeliver_after_s: int = Field(
        60,
        gt=0,
        description="A job that waits with no sign of its message for so many seconds is sent again.",
    )
    worker_processes: int = Field(
        0,
        ge=0,
        description="Processes of a worker that runs stages; 0 takes the pool's own default (encode 1, light 4).",
    )
    worker_max_memory_mb: int = Field(
        1024,
        ge=0,
        description="A process that has used so much memory, in MiB, is replaced after its stage; 0 keeps it.",
    )
    shutdown_grace_s: int = Field(30, ge=0, description="A stopping worker may finish its stage in so many seconds.")
    metrics_port: int | None = Field(
        None,
        ge=0,
        lt=65536,
        description="Port of `/metrics`, for Prometheus; unset: 9100 for the API, 9101 for workers and beat; 0: none.",
    )
    metrics_host: str = Field(
        "0.0.0.0",  # noqa: S104 - the network says who may ask  # nosec B104
        description="Address that `/metrics` is served on; the embedded stack takes 127.0.0.1.",
    )
    metrics_every_s: float = Field(
        10.0, gt=0, description="How often beat asks database, broker and storage for the metrics, in seconds."
    )
    traces_url: str = Field(
        "",
        description="Where traces are sent by OTLP over HTTP, such as `http://tempo:4318/v1/traces`; empty for none. "
        "Needs `cutwork[traces]`.",
    )
    traces_share: float = Field(1.0, ge=0, le=1, description="Share of the requests that are traced, from 0 to 1.")
    alive_file: Path | None = Field(
        None, description="Workers and beat touch this file every few seconds, for probes to look at its age."
    )
    log_json: bool = Field(False, description="Log one JSON object a line instead of text.")

    @field_validator("bootstrap_api_key")
    @classmethod
    def _key_is_one(cls, key: SecretStr | None) -> SecretStr | None:
        if key is not None and not re.fullmatch(KEY_PATTERN, key.get_secret_value()):
            raise ValueError(f"BOOTSTRAP_API_KEY must look like {KEY_PATTERN}")
        return key

    @field_validator("outgoing_allow")
    @classmethod
    def _are_networks(cls, value: str) -> str:
        for part in filter(None, map(str.strip, value.split(","))):
            ip_network(part)
        return value

    @model_validator(mode="before")
    @classmethod
    def _read_files(cls, values: dict[str, object]) -> dict[str, object]:
        for name in cls.model_fields:
            path = os.environ.get(f"{name.upper()}_FILE")
            if path:
                values[name] = Path(path).read_text().strip()
        return values

    @property
    def signing_secret(self) -> str:
        """What everything is signed with; raises InputError `secret_key_missing` when it is unset or can be guessed."""
        secret = self.secret_key.get_secret_value()
        if len(secret) < _SHORTEST_SECRET or len(set(secret)) < _SHORTEST_SECRET // 2:
            raise InputError(
                "secret_key_missing",
                f"SECRET_KEY must be set, to {_SHORTEST_SECRET} random characters or more, the same in every process: "
                "openssl rand -hex 32",
            )
        return secret

    @property
    def events_url(self) -> str:
        """The Redis that holds live events and chord counters."""
        if self.redis_url:
            return self.redis_url
        if self.broker_url.startswith(("redis://", "rediss://", "unix://")):
            return self.broker_url
        raise InputError("redis_url_missing", "BROKER_URL is not Redis: set REDIS_URL for live events and chords.")


@lru_cache
def get_settings() -> Settings:
    """The process's settings; tests call `get_settings.cache_clear()` after they change the environment."""
    return Settings()
