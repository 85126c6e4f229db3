"""Signing in by way of Google or GitHub, in a browser."""

from __future__ import annotations

from werkzeug.wrappers import Response

from app import oauth
from app.blueprint import Blueprint
from app.schemas.account import TokensSchema
from app.security import PUBLIC
from core import identities
from core.sessions import Tokens

blp = Blueprint("oauth", __name__, url_prefix="/v1/auth/oauth", description="Signing in by way of others.")

_PROVIDER = {
    "in": "path",
    "name": "provider",
    "required": True,
    "schema": {"type": "string", "enum": [oauth.GOOGLE, oauth.GITHUB]},
}
_LOCATION = {"Location": {"schema": {"type": "string"}}}


@blp.route("/<provider>", needs=PUBLIC)
@blp.response(302, headers=_LOCATION, description="The provider's page.")
@blp.doc(parameters=[_PROVIDER])
@blp.problems(404, "provider_not_configured")
@blp.problems(503, "provider_unavailable")
def begin_oauth(provider: str) -> Response:
    """Go to a provider to sign in; 404 `provider_not_configured` where it is not set up."""
    return oauth.begin(provider)


@blp.route("/<provider>/callback", needs=PUBLIC)
@blp.response(200, TokensSchema)
@blp.doc(parameters=[_PROVIDER])
@blp.problems(401, "oauth_refused")
@blp.problems(403, "email_not_verified", "registration_closed")
@blp.problems(404, "provider_not_configured")
@blp.problems(503, "database_unavailable", "provider_unavailable")
def finish_oauth(provider: str) -> tuple[Tokens, dict[str, str]]:
    """Come back from a provider and get tokens

    A person is found by the provider's number, else by the address, which the provider must have verified.
    """
    claim = oauth.finish(provider)
    tokens = identities.sign_in(
        claim.provider, claim.subject, email=claim.email, verified=claim.verified, name=claim.name
    )
    return tokens, {"Cache-Control": "no-store"}
