"""Accounts. The first one, which the bootstrap key opens, is made on first use; the others by registration."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from core.db import reading, transaction
from core.models import Account

DEFAULT = "default"


def default_account() -> Account:
    """Return the account of the bootstrap key, made on first use."""
    with reading() as session:
        found = session.scalars(select(Account).where(Account.handle == DEFAULT)).one_or_none()
    if found:
        return found
    try:
        with transaction() as session:
            account = Account(name=DEFAULT, handle=DEFAULT)
            session.add(account)
        return account
    except IntegrityError:
        # Another process made it between the look and the insert.
        return default_account()


def get(account_id: str) -> Account:
    """Return an account that is known to exist."""
    with reading() as session:
        return session.get_one(Account, account_id)
