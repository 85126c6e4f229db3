"""Signing in with Google and GitHub: OpenID Connect and OAuth 2.0 by Authlib, with state, nonce and PKCE.

State and verifier lie in a signed cookie of the browser that began, until it comes back.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

from authlib.common.errors import AuthlibBaseError
from authlib.integrations.flask_client import OAuth
from flask import Flask, current_app
from joserfc.errors import JoseError
from requests import RequestException
from werkzeug.wrappers import Response

from core.errors import AuthenticationError, NotFoundError, TransientError
from core.settings import Settings, get_settings

GOOGLE, GITHUB = "google", "github"
_KEY = "cutwork_oauth"
_LONGEST_NAME = 200
_CLIENT = {"code_challenge_method": "S256", "default_timeout": 10}


@dataclass(frozen=True, kw_only=True)
class Claim:
    """Who a provider says it is: `subject` never changes, `verified` tells whether the address is theirs."""

    provider: str
    subject: str
    email: str
    verified: bool
    name: str


def init_app(app: Flask) -> None:
    """Register the providers that are configured."""
    settings = get_settings()
    app.config.update(
        SESSION_COOKIE_NAME="cutwork_oauth",
        SESSION_COOKIE_PATH="/v1/auth/oauth",
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=settings.public_url.startswith("https:"),
    )
    oauth = OAuth(app)
    app.extensions[_KEY] = oauth
    _google(oauth, settings)
    _github(oauth, settings)


def begin(provider: str) -> Response:
    """Return the redirect to a provider; raises NotFoundError `provider_not_configured`, TransientError."""
    back = f"{get_settings().public_url.rstrip('/')}/v1/auth/oauth/{provider}/callback"
    try:
        return cast(Response, _client(provider).authorize_redirect(back))
    except RequestException as error:
        raise _unavailable() from error


def finish(provider: str) -> Claim:
    """Return who has come back; raises NotFoundError, AuthenticationError `oauth_refused`, TransientError."""
    client = _client(provider)
    try:
        token = client.authorize_access_token()
        return _of_google(token) if provider == GOOGLE else _of_github(client, token)
    except (AuthlibBaseError, JoseError, KeyError) as error:
        raise AuthenticationError("oauth_refused", "The sign-in was not completed: begin again.") from error
    except (RequestException, ValueError) as error:
        raise _unavailable() from error


def _google(oauth: OAuth, settings: Settings) -> None:
    if settings.oauth_google_client_id and settings.oauth_google_client_secret:
        oauth.register(
            GOOGLE,
            client_id=settings.oauth_google_client_id,
            client_secret=settings.oauth_google_client_secret.get_secret_value(),
            server_metadata_url=f"{settings.oauth_google_issuer.rstrip('/')}/.well-known/openid-configuration",
            client_kwargs=_CLIENT | {"scope": "openid email profile"},
        )


def _github(oauth: OAuth, settings: Settings) -> None:
    if settings.oauth_github_client_id and settings.oauth_github_client_secret:
        login = f"{settings.oauth_github_url.rstrip('/')}/login/oauth"
        oauth.register(
            GITHUB,
            client_id=settings.oauth_github_client_id,
            client_secret=settings.oauth_github_client_secret.get_secret_value(),
            authorize_url=f"{login}/authorize",
            access_token_url=f"{login}/access_token",
            api_base_url=f"{settings.oauth_github_api_url.rstrip('/')}/",
            client_kwargs=_CLIENT | {"scope": "read:user user:email"},
        )


def _client(provider: str) -> Any:
    client = cast(OAuth, current_app.extensions[_KEY]).create_client(provider)
    if client is None:
        raise NotFoundError("provider_not_configured", "Nobody signs in here by way of this provider.")
    return client


def _of_google(token: dict[str, Any]) -> Claim:
    person = token["userinfo"]
    return Claim(
        provider=GOOGLE,
        subject=str(person["sub"]),
        email=str(person["email"]),
        verified=person.get("email_verified") is True,
        name=_name(person.get("name")),
    )


def _of_github(client: Any, token: dict[str, Any]) -> Claim:
    """GitHub is no OpenID provider: https://docs.github.com/en/rest/users/emails says which address is verified."""
    answers = [client.get(path, token=token) for path in ("user", "user/emails")]
    for answer in answers:
        answer.raise_for_status()
    person, addresses = (answer.json() for answer in answers)
    primary = next((one for one in addresses if one["primary"]), {"email": "", "verified": False})
    return Claim(
        provider=GITHUB,
        subject=str(person["id"]),
        email=str(primary["email"]),
        verified=primary["verified"] is True,
        name=_name(person.get("name") or person.get("login")),
    )


def _name(said: object) -> str:
    """A name as it can be stored and put into a mail."""
    plain = "".join(character for character in str(said or "") if character.isprintable())
    return " ".join(plain.split())[:_LONGEST_NAME]


def _unavailable() -> TransientError:
    return TransientError("provider_unavailable", "The provider did not answer; try again shortly.")
