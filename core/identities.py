"""People as other providers know them."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from core import sessions, users
from core.db import transaction
from core.errors import ForbiddenError
from core.models import Identity, User
from core.sessions import Tokens


def sign_in(provider: str, subject: str, *, email: str, verified: bool, name: str) -> Tokens:
    """Sign in whom a provider vouches for; a new person gets an account.

    Raises ForbiddenError `email_not_verified` when the provider does not know whose the address is,
    `registration_closed` for a new person where only who is invited may come.
    """
    email = users.normalised(email)
    try:
        user_id = _known_or_made(provider, subject, email=email, verified=verified, name=name)
    except IntegrityError:
        # The same person twice at the same moment: they are there now.
        user_id = _known_or_made(provider, subject, email=email, verified=verified, name=name)
    return sessions.begin(user_id, how=provider)


def _known_or_made(provider: str, subject: str, *, email: str, verified: bool, name: str) -> str:
    known = select(Identity.user_id).where(Identity.provider == provider, Identity.subject == subject)
    with transaction() as session:
        user_id = session.scalars(known).one_or_none()
        if user_id is not None:
            return user_id
        if not verified or not email:
            raise ForbiddenError("email_not_verified", "Verify your address with the provider first.")
        user = _of_address(session, email, name)
        session.add(Identity(user_id=user.id, provider=provider, subject=subject))
        users.confirm(session, user)
        return user.id


def _of_address(session: Session, email: str, name: str) -> User:
    user = session.scalars(select(User).where(User.email == email).with_for_update()).one_or_none()
    if user is None:
        users.demand_open()
        user = User(email=email, name=name)
        session.add(user)
        session.flush()
    elif user.verified_at is None:
        # Whoever registered with this address has not shown that it is theirs: their password must not count.
        user.password_hash = None
    return user
