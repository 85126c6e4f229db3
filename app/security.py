"""Who asks. Every view goes through `current_account_id`, so that sign-in has one place to come to."""

from __future__ import annotations

from flask import g

from core.accounts import default_account


def current_account_id() -> str:
    """Return the id of the account that the request acts for: the default one, where nobody signs in."""
    if "account_id" not in g:
        g.account_id = default_account().id
    return str(g.account_id)
