"""Signing up, in and out."""

from __future__ import annotations

from typing import Any

from app.blueprint import Blueprint
from app.schemas.account import (
    Acceptance,
    AcceptedSchema,
    Address,
    Login,
    NewPassword,
    PersonSchema,
    RefreshSchema,
    Registration,
    TokensSchema,
    Verification,
)
from app.security import PERSON, PUBLIC, current_principal
from core import members, sessions, users
from core.models import User
from core.sessions import Tokens

blp = Blueprint("auth", __name__, url_prefix="/v1/auth", description="Signing up, in and out.")

_TAKEN = {"status": "accepted"}
_UNKEPT = {"Cache-Control": "no-store"}


@blp.route("/register", needs=PUBLIC, method="POST")
@blp.arguments(Registration)
@blp.response(202, AcceptedSchema)
@blp.problems(403, "registration_closed")
@blp.problems(503, "database_unavailable")
def register(body: dict[str, Any]) -> dict[str, str]:
    """Register; the address is confirmed by a token that comes by mail

    The answer is the same for an address that is known already, whose owner gets a mail that says so.
    """
    users.register(**body)
    return _TAKEN


@blp.route("/verify", needs=PUBLIC, method="POST")
@blp.arguments(Verification)
@blp.response(200, PersonSchema)
@blp.problems(401, "invalid_credentials")
@blp.problems(422, "link_invalid", "link_expired")
@blp.problems(429, "too_many_attempts")
@blp.problems(503, "database_unavailable")
def verify_email(body: dict[str, str]) -> User:
    """Confirm an address

    The token comes by mail and may be sent twice; the password is the one that was registered, so that nobody confirms
    an account which another has made with their address. A wrong one counts as a failed login. Whoever belongs to no
    account gets one of their own, as its admin.
    """
    return users.verify(**body)


@blp.route("/login", needs=PUBLIC, method="POST")
@blp.arguments(Login)
@blp.response(200, TokensSchema)
@blp.problems(401, "invalid_credentials")
@blp.problems(404, "account_not_found")
@blp.problems(429, "too_many_attempts")
@blp.problems(503, "database_unavailable")
def login(body: dict[str, Any]) -> tuple[Tokens, dict[str, str]]:
    """Sign in by password

    Failures are answered alike, whatever was wrong (401 `invalid_credentials`), also where the address is still to be
    confirmed. After five in a row it has to wait (429 `too_many_attempts`), at first 15 seconds, at most 15 minutes.
    """
    return users.login(**body), _UNKEPT


@blp.route("/refresh", needs=PUBLIC, method="POST")
@blp.arguments(RefreshSchema)
@blp.response(200, TokensSchema)
@blp.problems(401, "invalid_token", "token_expired", "token_reused")
@blp.problems(503, "database_unavailable")
def refresh(body: dict[str, str]) -> tuple[Tokens, dict[str, str]]:
    """Trade a refresh token for new tokens

    It is good once. When it comes again the whole sign-in ends (401 `token_reused`), for then somebody has stolen it.
    """
    return sessions.refresh(body["refresh_token"]), _UNKEPT


@blp.route("/logout", needs=PERSON, method="POST")
@blp.response(204)
def logout() -> None:
    """Sign out

    The access token and all refresh tokens of this sign-in end now; other sign-ins of the person go on.
    """
    sessions.end(current_principal().session_id or "")


@blp.route("/forgot-password", needs=PUBLIC, method="POST")
@blp.arguments(Address)
@blp.response(202, AcceptedSchema)
@blp.problems(503, "database_unavailable")
def forgot_password(body: dict[str, str]) -> dict[str, str]:
    """Ask for a mail with a token for a new password

    The answer is the same for an address that nobody has, and comes as fast.
    """
    users.forgot_password(body["email"])
    return _TAKEN


@blp.route("/reset-password", needs=PUBLIC, method="POST")
@blp.arguments(NewPassword)
@blp.response(204)
@blp.problems(422, "link_invalid", "link_expired")
@blp.problems(503, "database_unavailable")
def reset_password(body: dict[str, str]) -> None:
    """Choose a new password

    The token is the one of the mail that `forgot_password` sends, and good once. Every sign-in of before ends.
    """
    users.reset_password(body["token"], body["password"])


@blp.route("/accept-invitation", needs=PUBLIC, method="POST")
@blp.arguments(Acceptance)
@blp.response(200, TokensSchema)
@blp.problems(401, "invalid_credentials")
@blp.problems(422, "invitation_invalid")
@blp.problems(429, "too_many_attempts")
@blp.problems(503, "database_unavailable")
def accept_invitation(body: dict[str, str]) -> tuple[Tokens, dict[str, str]]:
    """Take up an invitation and sign in to the account

    Who is new gives the password that they want to have, who is known the one that they have; a wrong one counts as a
    failed login.
    """
    return members.accept(**body), _UNKEPT
