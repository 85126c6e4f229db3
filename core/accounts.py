"""Accounts. The embedded stack has one; more come with sign-in."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from core.db import reading, transaction
from core.models import Account

DEFAULT_NAME = "default"


def default_account() -> Account:
    """Return the account that owns everything where nobody signs in, made on first use."""
    with reading() as session:
        found = session.scalars(select(Account).where(Account.name == DEFAULT_NAME)).one_or_none()
    if found:
        return found
    try:
        with transaction() as session:
            account = Account(name=DEFAULT_NAME)
            session.add(account)
        return account
    except IntegrityError:
        # Another process made it between the look and the insert.
        return default_account()
