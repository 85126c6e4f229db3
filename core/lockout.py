"""Backoff after failed logins, for addresses that are known and for those that are not alike."""

from __future__ import annotations

import hashlib
import hmac
from datetime import timedelta

from sqlalchemy import delete, select, update
from sqlalchemy.exc import IntegrityError

from core import audit
from core.db import transaction
from core.errors import LimitError
from core.models import LoginFailure, Membership, now
from core.settings import get_settings
from core.telemetry import metrics

FREE = 5
"""So many failures in a row cost nothing; every further one doubles the wait."""
FIRST_S = 15
LONGEST_S = 15 * 60
FORGOTTEN = timedelta(days=1)


def attempt(email: str) -> None:
    """Count a login as failed until `succeeded` says otherwise, so that many at once are counted too.

    Raises LimitError `too_many_attempts` while the address is blocked.
    """
    try:
        wait_s = _attempt(_hash(email))
    except IntegrityError:
        # Two first attempts at once: the row is there now.
        wait_s = _attempt(_hash(email))
    if wait_s:
        metrics.LOGINS.labels("locked").inc()
        raise LimitError("too_many_attempts", "Too many failed logins: wait, then try again.", retry_after_s=wait_s)


def succeeded(email: str) -> None:
    """Forget the failures of an address."""
    with transaction() as session:
        session.execute(delete(LoginFailure).where(LoginFailure.hash == _hash(email)))


def failed(email: str, user_id: str | None) -> None:
    """Note an attempt that has failed in the audit log of each account that the person belongs to, if there is one.

    An attempt that is not let in (`attempt`) is not noted, so that the log cannot be flooded. A stranger's takes as
    long: it writes as well, what changes nothing.
    """
    metrics.LOGINS.labels("wrong" if user_id else "unknown").inc()
    with transaction() as session:
        mine = LoginFailure.hash == _hash(email)
        session.execute(update(LoginFailure).where(mine).values(updated_at=LoginFailure.updated_at))
        for account_id in session.scalars(select(Membership.account_id).where(Membership.user_id == (user_id or ""))):
            audit.record(session, account_id, "login.failed", target=user_id)


def _attempt(key: str) -> int:
    """Count one attempt; return the seconds to wait instead when there are too many."""
    moment = now()
    with transaction() as session:
        row = session.get(LoginFailure, key, with_for_update=True)
        if row is None:
            # Not merged: that would look again, and begin anew what another has counted meanwhile.
            row = LoginFailure(hash=key, count=0, blocked_until=moment, updated_at=moment)
            session.add(row)
        elif row.updated_at < moment - FORGOTTEN:
            row.count, row.blocked_until = 0, moment
        if row.blocked_until > moment:
            return 1 + int((row.blocked_until - moment).total_seconds())
        row.count, row.updated_at = row.count + 1, moment
        if row.count >= FREE:
            row.blocked_until = moment + timedelta(seconds=min(LONGEST_S, FIRST_S * 2 ** min(row.count - FREE, 10)))
    return 0


def _hash(email: str) -> str:
    """Keyed, so that the table tells nobody who has tried to sign in."""
    return hmac.new(get_settings().signing_secret.encode(), email.encode(), hashlib.sha256).hexdigest()
