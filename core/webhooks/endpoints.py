"""Endpoints: made, read, changed, deleted; their secrets are shown once and rotated with an overlap."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from core import audit, idempotency
from core.db import reading, transaction
from core.errors import ConflictError, EngineError, InputError, NotFoundError
from core.models import Account, WebhookEndpoint, now
from core.outgoing import guard_from
from core.sealing import seal, unseal
from core.settings import get_settings
from core.webhooks.signing import new_secret

ENABLED, DISABLED = "enabled", "disabled"
ENDS = ("job.succeeded", "job.failed", "job.canceled")
DISABLED_EVENT = "webhook.disabled"
EVENTS = (*ENDS, "job.running", DISABLED_EVENT)
ASKED, FAILING, GONE = "asked", "failing", "gone"
MOST = 50
MOST_SECRETS = 10
"""So many sign at once at most: the oldest makes room, for a rotation must always be possible."""
_PURPOSE = "webhook"


def create(account_id: str, *, url: str, description: str, events: Sequence[str]) -> tuple[WebhookEndpoint, str]:
    """Make an endpoint and return it with its secret, which is not shown again.

    Raises InputError `url_refused`, ConflictError `too_many_webhooks`.
    """
    guard_from(get_settings()).url(url)
    secret = new_secret()
    with transaction() as session:
        made = idempotency.earlier(session, WebhookEndpoint)
        if made is not None:
            return made, _shown_again(made)
        mine = select(func.count()).where(WebhookEndpoint.account_id == account_id, WebhookEndpoint.url.is_not(None))
        if (session.scalar(mine) or 0) >= MOST:
            raise ConflictError("too_many_webhooks", f"An account has at most {MOST} webhooks: delete one first.")
        endpoint = WebhookEndpoint(
            account_id=account_id, url=url, description=description, events=list(events), secret=_seal(secret)
        )
        session.add(endpoint)
        session.flush()
        idempotency.record(session, endpoint)
        audit.record(session, account_id, "webhook.created", target=endpoint.id)
    return endpoint, secret


def get(account_id: str, endpoint_id: str) -> WebhookEndpoint:
    """Return one endpoint of the account; raises NotFoundError `webhook_not_found`."""
    with reading() as session:
        return _owned(session, account_id, endpoint_id)


def page(account_id: str, *, before: str | None, limit: int) -> list[WebhookEndpoint]:
    """Return up to `limit` endpoints, newest first, older than the id `before`."""
    query = select(WebhookEndpoint).where(WebhookEndpoint.account_id == account_id, WebhookEndpoint.url.is_not(None))
    query = query.order_by(WebhookEndpoint.id.desc()).limit(limit)
    with reading() as session:
        return list(session.scalars(query.where(WebhookEndpoint.id < before) if before else query))


def update(account_id: str, endpoint_id: str, changes: Mapping[str, Any]) -> WebhookEndpoint:
    """Change `url`, `description`, `events` or `status`; raises NotFoundError, InputError `url_refused`."""
    if "url" in changes:
        guard_from(get_settings()).url(changes["url"])
    with transaction() as session:
        endpoint = _owned(session, account_id, endpoint_id, lock=True)
        for name in ("url", "description", "events"):
            setattr(endpoint, name, changes.get(name, getattr(endpoint, name)))
        audit.record(session, account_id, "webhook.changed", target=endpoint.id, fields=sorted(changes))
        if changes.get("status") == DISABLED and endpoint.status == ENABLED:
            disable(endpoint, ASKED)
        elif changes.get("status") == ENABLED:
            endpoint.status = ENABLED
            endpoint.disabled_reason = endpoint.disabled_at = endpoint.failing_since = None
    return endpoint


def hold(session: Session, endpoint_id: str) -> WebhookEndpoint | None:
    """Return an endpoint, held against other changes until the transaction ends; None when it was deleted.

    Taken before the row of any of its deliveries, and not against events that are written for it meanwhile: two that
    are disabled at once tell each other.
    """
    query = select(WebhookEndpoint).where(WebhookEndpoint.id == endpoint_id)
    return session.scalars(query.with_for_update(key_share=True)).one_or_none()


def disable(endpoint: WebhookEndpoint, reason: str) -> None:
    """Disable a locked endpoint; its deliveries fail when they come due."""
    endpoint.status, endpoint.disabled_reason, endpoint.disabled_at = DISABLED, reason, now()


def delete(account_id: str, endpoint_id: str) -> None:
    """Delete an endpoint with its deliveries; raises NotFoundError `webhook_not_found`."""
    with transaction() as session:
        session.delete(_owned(session, account_id, endpoint_id, lock=True))
        audit.record(session, account_id, "webhook.deleted", target=endpoint_id)


def rotate(account_id: str, endpoint_id: str) -> tuple[WebhookEndpoint, str]:
    """Give an endpoint a new secret and return both; those before sign as well, each for `WEBHOOK_SECRET_OVERLAP_S`.

    Raises NotFoundError `webhook_not_found`.
    """
    with transaction() as session:
        made = idempotency.earlier(session, WebhookEndpoint)
        endpoint = _owned(session, account_id, endpoint_id, lock=True)
        if made is not None:
            return endpoint, _shown_again(endpoint)
        secret = _rotate(endpoint)
        idempotency.record(session, endpoint)
        audit.record(session, account_id, "webhook.secret_rotated", target=endpoint_id)
    return endpoint, secret


def rotate_for_jobs(account_id: str) -> str:
    """Return a new secret for the addresses that jobs name; those before go on signing for a while, as in `rotate`."""
    with transaction() as session:
        made = idempotency.earlier(session, WebhookEndpoint)
        # Two that are the first at the same moment would both make the row.
        session.get_one(Account, account_id, with_for_update={"key_share": True})
        endpoint = hold(session, for_jobs(account_id))
        if endpoint is not None and made is not None:
            return _shown_again(endpoint)
        if endpoint is None:
            secret = new_secret()
            endpoint = WebhookEndpoint(id=for_jobs(account_id), account_id=account_id, events=[], secret=_seal(secret))
            session.add(endpoint)
            session.flush()
        else:
            secret = _rotate(endpoint)
        idempotency.record(session, endpoint)
        audit.record(session, account_id, "webhook.secret_rotated", target=endpoint.id)
    return secret


def require_for_jobs(account_id: str, url: str) -> str:
    """Return an address that a job may name; raises InputError `url_refused`, `webhook_secret_missing`."""
    guard_from(get_settings()).url(url)
    with reading() as session:
        if session.get(WebhookEndpoint, for_jobs(account_id)) is None:
            message = "Make a secret that signs for the addresses of jobs first: POST /v1/webhooks/job_urls/rotate."
            raise InputError("webhook_secret_missing", message, fields={"webhook_url": [message]})
    return url


def for_jobs(account_id: str) -> str:
    """The id of the account's endpoint for addresses of jobs; of one account there can be only one."""
    return f"whk_{account_id.partition('_')[2]}"


def live_secrets(endpoint: WebhookEndpoint) -> list[str]:
    """Return the secrets that sign now, the newest first; raises EngineError `sealed_by_another_key`."""
    return [_open(endpoint.secret), *(_open(sealed) for sealed, _ in _still_signing(endpoint))]


def _rotate(endpoint: WebhookEndpoint) -> str:
    secret, kept = new_secret(), _still_signing(endpoint)
    if _is_readable(endpoint.secret):
        kept.insert(0, (endpoint.secret, now() + timedelta(seconds=get_settings().webhook_secret_overlap_s)))
    endpoint.old_secret, endpoint.old_secret_until = kept.pop(0) if kept else (None, None)
    endpoint.older_secrets = [
        {"secret": sealed.decode(), "until": until.isoformat()} for sealed, until in kept[: MOST_SECRETS - 2]
    ]
    endpoint.secret = _seal(secret)
    return secret


def _still_signing(endpoint: WebhookEndpoint) -> list[tuple[bytes, datetime]]:
    """The secrets of before that sign now, sealed, newest first, and until when.

    What was sealed by another SECRET_KEY signs nothing any more, and no other has to wait for it.
    """
    older = [(old["secret"].encode(), datetime.fromisoformat(old["until"])) for old in endpoint.older_secrets]
    last = (
        [(endpoint.old_secret, endpoint.old_secret_until)] if endpoint.old_secret and endpoint.old_secret_until else []
    )
    moment = now()
    return [(sealed, until) for sealed, until in (*last, *older) if until > moment and _is_readable(sealed)]


def _shown_again(endpoint: WebhookEndpoint) -> str:
    """The secret that an answer which was lost had shown; another one where it can be read no more."""
    return _open(endpoint.secret) if _is_readable(endpoint.secret) else _rotate(endpoint)


def _seal(secret: str) -> bytes:
    return seal(secret.encode(), purpose=_PURPOSE)


def _open(sealed: bytes) -> str:
    return unseal(sealed, purpose=_PURPOSE).decode()


def _is_readable(sealed: bytes) -> bool:
    try:
        _open(sealed)
    except EngineError:
        return False
    return True


def _owned(session: Session, account_id: str, endpoint_id: str, *, lock: bool = False) -> WebhookEndpoint:
    query = select(WebhookEndpoint).where(WebhookEndpoint.id == endpoint_id, WebhookEndpoint.account_id == account_id)
    query = query.where(WebhookEndpoint.url.is_not(None))
    endpoint = session.scalars(query.with_for_update(key_share=True) if lock else query).one_or_none()
    if endpoint is None:
        raise NotFoundError("webhook_not_found", "There is no webhook of that id.")
    return endpoint
