"""Sign-ins, failed logins and invitations whose time is over."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from sqlalchemy import ColumnElement, delete, select
from sqlalchemy.orm import InstrumentedAttribute

from core import lockout
from core.db import reading, transaction
from core.housekeeping.report import PAGE, Removed
from core.models import Invitation, LoginFailure, UserSession, now

Over = tuple[InstrumentedAttribute[str], ColumnElement[bool]]


def sweep(*, dry_run: bool = False) -> Iterator[Removed]:
    """Delete what counts no more; yield the name of each, a sign-in's refresh tokens not named."""
    for name, over in _over(now()):
        while found := _names(name, over):
            if not dry_run:
                # Asked about again, for a sign-in may have been refreshed meanwhile.
                with transaction() as session:
                    session.execute(delete(name.class_).where(name.in_(found), over))
            yield from map(Removed, found)
            if dry_run:
                break


def _over(moment: datetime) -> tuple[Over, ...]:
    return (
        (UserSession.id, UserSession.expires_at < moment),
        (LoginFailure.hash, LoginFailure.updated_at < moment - lockout.FORGOTTEN),
        (Invitation.id, (Invitation.expires_at < moment) & Invitation.accepted_at.is_(None)),
    )


def _names(name: InstrumentedAttribute[str], over: ColumnElement[bool]) -> list[str]:
    with reading() as session:
        return list(session.scalars(select(name).where(over).order_by(name).limit(PAGE)))
