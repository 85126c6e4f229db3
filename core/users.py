"""People: registered, verified, let in. Whether an address is known is told by no answer, and by no time it takes."""

from __future__ import annotations

from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from core import audit, letters, lockout, passwords, scopes, sessions, signed
from core.db import reading, transaction
from core.errors import AuthenticationError, ForbiddenError
from core.models import Account, Membership, User, now
from core.sessions import Tokens
from core.settings import get_settings
from core.telemetry import metrics


def normalised(email: str) -> str:
    """Return an address as it is stored and compared."""
    return email.strip().lower()


def register(email: str, password: str, *, name: str = "", account_name: str = "") -> None:
    """Note a new person and send the token that confirms the address.

    A known address gets another mail, and nothing changes; one that was never confirmed gets the new password.
    Raises ForbiddenError `registration_closed` where only who is invited may come.
    """
    email = normalised(email)
    demand_open()
    stored = passwords.hashed(password)
    try:
        user = _note(email, stored, name)
    except IntegrityError:
        # The same address at the same moment: it is there now.
        user = _note(email, stored, name)
    if user.verified_at:
        letters.already_registered(email)
        return
    letters.verification(email, _verification(user, account_name or name))


def demand_open() -> None:
    """Raise ForbiddenError `registration_closed` where only who is invited may come."""
    if get_settings().registration == "closed":
        raise ForbiddenError("registration_closed", "One comes here by invitation: ask somebody who is here.")


def verify(token: str, password: str) -> User:
    """Confirm an address; the person gets an account of their own, unless there is one already.

    The password has to be the one that was registered: else whoever registers with another's address, and a password of
    their own, has an account in it as soon as its owner follows the mail. Raises InputError `link_invalid`,
    `link_expired`; AuthenticationError, LimitError as `login` does. A second time does nothing.
    """
    content = signed.read_mailed("verify", token, seconds=signed.VERIFY_S)
    with reading() as session:
        found = session.get(User, str(content["user"]))
    if found is None or _fingerprint(found) != content["of"]:
        raise signed.link_invalid()
    lockout.attempt(found.email)
    if not passwords.matches(found.password_hash, password):
        lockout.failed(found.email, found.id)
        message = "This is not the password that was registered. If somebody else did that, register yourself."
        raise AuthenticationError("invalid_credentials", message)
    with transaction() as session:
        user = session.get_one(User, found.id, with_for_update=True)
        if _fingerprint(user) != content["of"]:
            raise signed.link_invalid()
        confirm(session, user, account_name=str(content["account"]))
    lockout.succeeded(user.email)
    return user


def login(email: str, password: str, account_id: str | None = None) -> Tokens:
    """Sign in by password.

    Raises AuthenticationError `invalid_credentials`, LimitError `too_many_attempts`, NotFoundError `account_not_found`.
    """
    user = authenticate(email, password)
    return sessions.begin(user.id, account_id, how="password")


def authenticate(email: str, password: str) -> User:
    """Return the person of an address and a password; raises AuthenticationError, LimitError as `login` does.

    An address that was not confirmed is answered as one that nobody has: else whoever registers it, and then signs in
    with the password chosen, is told whether it was known.
    """
    email = normalised(email)
    lockout.attempt(email)
    user = find(email)
    if not passwords.matches(user.password_hash if user else None, password) or user is None or not user.verified_at:
        lockout.failed(email, user.id if user else None)
        message = "E-mail address and password do not fit together, or the address is still to be confirmed."
        raise AuthenticationError("invalid_credentials", message)
    lockout.succeeded(email)
    metrics.LOGINS.labels("succeeded").inc()
    return user


def forgot_password(email: str) -> None:
    """Send a token for a new password, if the address is known and was confirmed."""
    user = find(normalised(email))
    # Made for strangers as well, to take the same time.
    token = signed.mailed("reset", {"user": user.id if user else "", "of": _fingerprint(user)})
    if user and user.verified_at:
        letters.reset(user.email, token)


def reset_password(token: str, password: str) -> None:
    """Set a new password, end every sign-in; raises InputError `link_invalid`, `link_expired`.

    The token is worth nothing afterwards, since it was made for the password of before.
    """
    content = signed.read_mailed("reset", token, seconds=signed.RESET_S)
    stored = passwords.hashed(password)
    with transaction() as session:
        user = session.get(User, str(content["user"]), with_for_update=True)
        if user is None or _fingerprint(user) != content["of"]:
            raise signed.link_invalid()
        user.password_hash = stored
        sessions.end_all(session, user.id)
        for place in session.scalars(select(Membership).where(Membership.user_id == user.id)):
            audit.record(session, place.account_id, "password.reset", actor=user.id, target=user.id)
    lockout.succeeded(user.email)
    letters.password_changed(user.email)


def confirm(session: Session, user: User, *, account_name: str = "") -> None:
    """Take an address for confirmed; who belongs nowhere gets an account and is its admin."""
    user.verified_at = user.verified_at or now()
    if session.scalars(select(Membership).where(Membership.user_id == user.id).limit(1)).first():
        return
    account = Account(name=account_name or user.name or user.email.partition("@")[0])
    session.add(account)
    session.flush()
    session.add(Membership(account_id=account.id, user_id=user.id, role=scopes.ADMIN))
    audit.record(session, account.id, "account.created", actor=user.id, target=user.id)


def find(email: str) -> User | None:
    """Return the person of a normalised address."""
    with reading() as session:
        return session.scalars(select(User).where(User.email == email)).one_or_none()


def get(user_id: str) -> User:
    """Return a person who is known to exist."""
    with reading() as session:
        return session.get_one(User, user_id)


def accounts_of(user_id: str) -> list[tuple[Account, str]]:
    """Return the accounts of a person with the role in each, oldest place first."""
    query = (
        select(Account, Membership.role)
        .join(Membership, Membership.account_id == Account.id)
        .where(Membership.user_id == user_id)
        .order_by(Membership.created_at, Account.id)
    )
    with reading() as session:
        return [(account, role) for account, role in session.execute(query)]


def _note(email: str, stored: str, name: str) -> User:
    with transaction() as session:
        user = session.scalars(select(User).where(User.email == email).with_for_update()).one_or_none()
        if user is None:
            user = User(email=email, name=name, password_hash=stored)
            session.add(user)
        elif user.verified_at is None:
            # Whoever was first may not have been the owner of the address: an older mail's token is void from here.
            user.password_hash, user.name = stored, name
        else:
            # A write that changes nothing, since one that is waited for takes longer than none.
            session.execute(update(User).where(User.id == user.id).values(name=User.name))
    return user


def _verification(user: User, account_name: str) -> str:
    return signed.mailed("verify", {"user": user.id, "of": _fingerprint(user), "account": account_name})


def _fingerprint(user: User | None) -> str:
    return signed.fingerprint(user.password_hash if user else None)
