"""Sign-ins, failed logins and invitations go when their time is over."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from core import accounts
from core.db import reading, transaction
from core.housekeeping import sessions
from core.models import Invitation, LoginFailure, RefreshToken, User, UserSession, now

pytestmark = pytest.mark.usefixtures("database")


def add(name, moment):
    account = accounts.default_account().id
    with transaction() as session:
        user = User(email=name, name="")
        session.add(user)
        session.flush()
        family = UserSession(id=f"ses_{name}", user_id=user.id, account_id=account, expires_at=moment)
        session.add_all([
            family,
            LoginFailure(hash=f"fail_{name}", count=1, blocked_until=moment, updated_at=moment - timedelta(days=1)),
            Invitation(
                id=f"inv_{name}", account_id=account, email=name, role="member", token_hash=name, expires_at=moment
            ),
        ])  # fmt: skip
        session.flush()
        session.add(RefreshToken(hash=name, session_id=family.id))


def test_only_what_is_over_goes():
    add("old", now() - timedelta(minutes=1))
    add("new", now() + timedelta(minutes=1))
    assert len(list(sessions.sweep(dry_run=True))) == 3
    assert {one.name for one in sessions.sweep()} == {"ses_old", "fail_old", "inv_old"}
    assert list(sessions.sweep()) == []
    with reading() as session:
        assert session.scalars(select(RefreshToken.hash)).all() == ["new"]
        assert session.scalars(select(Invitation.id)).all() == ["inv_new"]
