"""Idempotency-Key: a request that is made twice with the same key is done once.

A request claims its key before it does anything, by a row that only one can insert. What it makes is written into
that row in the same transaction, and the row is held meanwhile: so a request whose claim has passed to another can make
nothing any more, and a process that dies between the commit and its answer leaves behind what it made. The claim
lapses, and whoever repeats the request then is given the very thing, not a second one.

Only good answers are kept. Whatever failed has made nothing, and may be asked again with the same key. An answer that
was sealed by another SECRET_KEY is one that was lost: what was made for the key is answered anew.
"""

from __future__ import annotations

import json
import secrets
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol, TypeVar, cast

import structlog
from sqlalchemy import CursorResult, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from core import clock
from core.db import transaction
from core.errors import ConflictError, EngineError, InputError
from core.models import IdempotencyKey
from core.sealing import seal, unseal

KEPT_S = 24 * 3600
CLAIM_S = 30
"""How long a request may take; a key whose process was killed is free again after it."""
_PURPOSE = "idempotency"
_log = structlog.get_logger(__name__)
_INSERTS: dict[str, Any] = {"postgresql": postgresql.insert, "sqlite": sqlite.insert}


class InProgress(ConflictError):
    """A request with the key is being answered."""

    retryable = True

    def __init__(self) -> None:
        super().__init__(
            "idempotency_in_progress", "A request with this Idempotency-Key is being answered: ask again in a moment."
        )


@dataclass(frozen=True)
class Claim:
    """The right to answer for a key."""

    account_id: str
    key: str
    token: str


@dataclass(frozen=True)
class Kept:
    """An answer that was given before."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Identified(Protocol):
    """A row with an id."""

    id: Any


Row = TypeVar("Row", bound=Identified)
_current: ContextVar[Claim | None] = ContextVar("idempotency_claim", default=None)


def claim(account_id: str, key: str, fingerprint: str) -> Claim | Kept:
    """Claim a key for a request that `fingerprint` (64 characters) tells from others, or return the answer kept.

    Raises InProgress; InputError `idempotency_mismatch` when the key was used for another request.
    """
    mine = Claim(account_id, key, secrets.token_hex(16))
    with transaction() as session:
        moment = clock.moment(session)
        fresh = _fresh(mine, fingerprint, moment)
        insert = _INSERTS[session.get_bind().dialect.name](IdempotencyKey)
        made = session.execute(insert.values(account_id=account_id, key=key, **fresh).on_conflict_do_nothing())
        if cast("CursorResult[Any]", made).rowcount:
            return mine
        row = _held(session, mine)
        if row is None:
            # Released in between.
            raise InProgress
        if row.expires_at <= moment:
            for name, value in fresh.items():
                setattr(row, name, value)
            return mine
        if row.fingerprint != fingerprint:
            raise InputError(
                "idempotency_mismatch",
                "This Idempotency-Key was used for another request: take a new key for this one.",
            )
        if row.answer is not None and _is_readable(row):
            return _opened(row)
        if row.claimed_until is not None and row.claimed_until > moment:
            raise InProgress
        row.claim, row.claimed_until = mine.token, moment + timedelta(seconds=CLAIM_S)
        row.status = row.answer = None
    return mine


@contextmanager
def acting(held: Claim) -> Iterator[None]:
    """Let what is made while the block runs be made for a claim."""
    token = _current.set(held)
    try:
        yield
    finally:
        _current.reset(token)


def earlier(session: Session, kind: type[Row]) -> Row | None:
    """Return what an earlier request with this key has made, for its maker to return instead of making another.

    To be called first in the transaction that makes it; None where there is none, or no key. The key is held until the
    end of the transaction. Raises InProgress when another request has it by now.
    """
    held = _current.get()
    if held is None:
        return None
    row = _held(session, held)
    if row is None or row.claim != held.token:
        raise InProgress
    return session.get(kind, row.resource_id) if row.resource_id else None


def record(session: Session, made: Identified) -> None:
    """Note what was made for the key of this request, if it has one, in the transaction that made it."""
    held = _current.get()
    row = _held(session, held) if held else None
    if row is not None:
        row.resource_id = made.id


def keep(held: Claim, *, status: int, headers: Mapping[str, str], body: bytes) -> None:
    """Keep an answer for whoever asks again."""
    head = json.dumps(dict(headers)).encode()
    sealed = seal(zlib.compress(head + b"\n" + body), purpose=_PURPOSE)
    with transaction() as session:
        row = _held(session, held)
        if row is not None and row.claim == held.token:
            row.status, row.answer = status, sealed
            row.claim = row.claimed_until = None


def release(held: Claim) -> None:
    """Let the next request with the key have it at once; what was made is remembered."""
    with transaction() as session:
        row = _held(session, held)
        if row is None or row.claim != held.token:
            return
        row.claim = row.claimed_until = None
        if row.resource_id is None:
            session.delete(row)


def _fresh(mine: Claim, fingerprint: str, moment: datetime) -> dict[str, Any]:
    return {
        "fingerprint": fingerprint,
        "claim": mine.token,
        "claimed_until": moment + timedelta(seconds=CLAIM_S),
        "resource_id": None,
        "status": None,
        "answer": None,
        "expires_at": moment + timedelta(seconds=KEPT_S),
    }


def _held(session: Session, held: Claim) -> IdempotencyKey | None:
    query = select(IdempotencyKey).where(IdempotencyKey.account_id == held.account_id, IdempotencyKey.key == held.key)
    return session.scalars(query.with_for_update()).one_or_none()


def _is_readable(row: IdempotencyKey) -> bool:
    """Whether the answer was sealed by the SECRET_KEY of now; another's is as good as one that was never kept."""
    assert row.answer is not None
    try:
        unseal(row.answer, purpose=_PURPOSE)
    except EngineError as error:
        _log.warning("kept answer not read", account_id=row.account_id, code=error.code)
        return False
    return True


def _opened(row: IdempotencyKey) -> Kept:
    assert row.answer is not None
    assert row.status is not None
    head, _, body = zlib.decompress(unseal(row.answer, purpose=_PURPOSE)).partition(b"\n")
    return Kept(row.status, json.loads(head), body)
