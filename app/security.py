"""Who asks, and whether they may: every operation declares what it needs, and one hook checks it before any view.

The OpenAPI document and the table of tests read the same declarations. What declares nothing still needs a token.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar, cast

from flask import Flask, current_app, g, request

from core import keys
from core.errors import AuthenticationError, ForbiddenError
from core.scopes import Principal

View = TypeVar("View", bound=Callable[..., Any])
BEARER = "bearer"
_DECLARED = "cutwork_needs"


@dataclass(frozen=True, kw_only=True)
class Needs:
    """What an operation needs: a `scope` of the token, a `person` and not an API key, or nothing (`public`)."""

    scope: str | None = None
    person: bool = False
    public: bool = False

    def security(self) -> list[dict[str, list[str]]]:
        """Return OpenAPI's security requirements of the operation."""
        return [] if self.public else [{BEARER: [self.scope] if self.scope else []}]


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
    needs = needs_of(current_app, request.endpoint) or SIGNED_IN
    if needs.public:
        return
    g.principal = _principal()
    if needs.person and g.principal.session_id is None:
        raise ForbiddenError("person_required", "This is for people who have signed in, not for API keys.")
    if needs.scope:
        g.principal.demand(needs.scope)


def _principal() -> Principal:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    token = token.strip()
    if scheme.lower() != "bearer" or not token:
        raise AuthenticationError("authentication_required", "Send an API key or an access token as a Bearer token.")
    return keys.principal(token)
