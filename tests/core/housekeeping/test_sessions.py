"""Sign-ins, failed logins and invitations go when their time is over."""

import hashlib
from datetime import timedelta

import pytest
from sqlalchemy import select, update

from core import accounts
from core import sessions as tokens
from core.db import reading, transaction
from core.errors import AuthenticationError
from core.housekeeping import sessions
from core.models import Invitation, LoginFailure, RefreshToken, User, UserSession, now
from tests.core.contention import both

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


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
def test_a_token_that_comes_as_its_sign_in_is_swept_is_only_refused():
    add("old", now() - timedelta(minutes=1))
    with transaction() as session:
        session.execute(update(RefreshToken).values(hash=hashlib.sha256(b"cwr_old").hexdigest()))

    def refresh():
        with pytest.raises(AuthenticationError) as caught:
            tokens.refresh("cwr_old")
        return caught.value.code

    held = select(UserSession).with_for_update()
    swept, code = both(lambda: list(sessions.sweep()), refresh, hold=held)
    assert (len(swept), code) == (3, "invalid_token")
