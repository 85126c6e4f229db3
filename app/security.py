"""Who asks, and whether they may: every operation declares what it needs, and one hook checks it before any view.

The OpenAPI document and the table of tests read the same declarations. What declares nothing still needs a token.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar, cast

from flask import Flask, current_app, g, request

from app.request_ids import request_id
from core import audit, keys, sessions, signed
from core.errors import AuthenticationError, ForbiddenError
from core.scopes import Principal

View = TypeVar("View", bound=Callable[..., Any])
BEARER, TICKET = "bearer", "ticket"
_DECLARED = "cutwork_needs"


@dataclass(frozen=True, kw_only=True)
class Needs:
    """What an operation needs: a `scope` of the token, a `person` and not an API key, or nothing (`public`).

    With `ticket`, a ticket in the query will do as well: for browsers, whose streams cannot send a header.
    """

    scope: str | None = None
    person: bool = False
    public: bool = False
    ticket: bool = False

    def security(self) -> list[dict[str, list[str]]]:
        """Return OpenAPI's security requirements of the operation."""
        held = [self.scope] if self.scope else []
        return [] if self.public else [{name: held} for name in (BEARER, TICKET)[: 1 + self.ticket]]


PUBLIC = Needs(public=True)
SIGNED_IN = Needs()
PERSON = Needs(person=True)


def declare(needs: Needs) -> Callable[[View], View]:
    """Say what a view needs; for views of blueprints that are not `app.blueprint.Blueprint`."""

    def decorate(view: View) -> View:
        setattr(view, _DECLARED, needs)
        return view

    return decorate


def needs_of(app: Flask, endpoint: str) -> Needs | None:
    """Return what an endpoint has declared, None when nothing."""
    return cast(Needs | None, getattr(app.view_functions[endpoint], _DECLARED, None))


def init_app(app: Flask) -> None:
    """Check every request before its view."""
    app.before_request(_authorize)


def current_principal() -> Principal:
    """Return who asks; raises AuthenticationError in a public view."""
    if "principal" not in g:
        raise AuthenticationError("authentication_required", "Send an API key or an access token as a Bearer token.")
    return cast(Principal, g.principal)


def current_account_id() -> str:
    """Return the account of whoever asks."""
    return current_principal().account_id


def _authorize() -> None:
    # OPTIONS is answered by Flask itself, and browsers send it without a token.
    if request.endpoint is None or request.method == "OPTIONS":
        return
    audit.origin.set(audit.Origin(ip=request.remote_addr, request_id=request_id()))
    needs = needs_of(current_app, request.endpoint) or SIGNED_IN
    if needs.public:
        return
    g.principal = _principal(needs)
    audit.origin.set(audit.Origin(actor=g.principal.id, ip=request.remote_addr, request_id=request_id()))
    if needs.person and g.principal.session_id is None:
        raise ForbiddenError("person_required", "This is for people who have signed in, not for API keys.")
    if needs.scope:
        g.principal.demand(needs.scope)


def _principal(needs: Needs) -> Principal:
    if needs.ticket and TICKET in request.args and "Authorization" not in request.headers:
        return _of_ticket(request.args[TICKET], needs)
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    token = token.strip()
    if scheme.lower() != "bearer" or not token:
        raise AuthenticationError("authentication_required", "Send an API key or an access token as a Bearer token.")
    return keys.principal(token) if keys.looks_like_one(token) else sessions.principal(token)


def _of_ticket(ticket: str, needs: Needs) -> Principal:
    account_id, job_id = signed.read_ticket(ticket)
    if (request.view_args or {}).get("job_id") != job_id:
        raise ForbiddenError("ticket_of_another_job", "This ticket is for another job.")
    return Principal(account_id=account_id, scopes=frozenset({needs.scope or ""}), job_id=job_id)
