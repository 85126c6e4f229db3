"""What mails say. Each holds its token alone on a line, and a link where `CONSOLE_URL` names a place for it."""

from __future__ import annotations

from urllib.parse import urlencode

from core import mail
from core.settings import get_settings

_NOT_YOU = "If this was not you, do nothing: without the token nothing happens."


def verification(email: str, token: str) -> None:
    """Ask a new person to confirm the address."""
    text = f"""Somebody, we hope you, has registered at Cutwork with this address. To confirm it within a day,
with the password that was chosen then:

{_way("verify", "/v1/auth/verify", token)}
{_NOT_YOU}
"""
    mail.send("verification", email, "Confirm your address", text)


def already_registered(email: str) -> None:
    """Tell a person who is known that somebody has registered with the address again."""
    text = f"""Somebody, perhaps you, has tried to register at Cutwork with this address. There is an account already:
sign in, or ask for a new password by POST {get_settings().public_url}/v1/auth/forgot-password.
"""
    mail.send("already_registered", email, "You have an account already", text)


def reset(email: str, token: str) -> None:
    """Let a person choose a new password."""
    text = f"""Somebody, we hope you, wants a new password for Cutwork. To choose one within an hour:

{_way("reset", "/v1/auth/reset-password", token)}
{_NOT_YOU}
"""
    mail.send("reset", email, "A new password", text)


def password_changed(email: str) -> None:
    """Tell a person that the password was changed."""
    text = f"""The password of your Cutwork account was changed, and every sign-in has ended. If this was not you, ask
for a new one at once: POST {get_settings().public_url}/v1/auth/forgot-password.
"""
    mail.send("password_changed", email, "Your password was changed", text)


def invitation(email: str, account: str, role: str, token: str) -> None:
    """Invite somebody to an account."""
    text = f"""You are invited to the Cutwork account "{account}" as {role}. To accept within a week:

{_way("invitation", "/v1/auth/accept-invitation", token)}
"""
    mail.send("invitation", email, f"An invitation to {account}", text)


def _way(page: str, path: str, token: str) -> str:
    settings = get_settings()
    by_http = f"send this token to POST {settings.public_url}{path}\n\n{token}\n"
    if not settings.console_url:
        return by_http
    return f"open {settings.console_url.rstrip('/')}/{page}?{urlencode({'token': token})}\n\nor {by_http}"
