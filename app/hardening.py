"""Headers that bound what a browser does with an answer, and which pages of others may ask at all."""

from __future__ import annotations

from urllib.parse import urlsplit

from flask import Flask, Response
from flask_cors import CORS

from core.settings import get_settings

_YEAR_S = 365 * 24 * 3600
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    # Answers are data. The page of the documentation, which is one, says what it loads.
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    # They hold signed addresses. What may be kept says so.
    "Cache-Control": "no-store",
}
_EXPOSED = [
    "ETag", "Idempotency-Replayed", "Location", "RateLimit-Limit", "RateLimit-Policy", "RateLimit-Remaining",
    "RateLimit-Reset", "Retry-After", "WWW-Authenticate", "X-Request-ID",
]  # fmt: skip
_ALLOWED = ["Authorization", "Content-Type", "Idempotency-Key", "Last-Event-ID", "Range", "X-Request-ID"]


def init_app(app: Flask) -> None:
    """Send the headers with every answer, and those of CORS where the settings name origins."""
    settings = get_settings()
    headers = dict(_HEADERS)
    if urlsplit(settings.public_url).scheme == "https":
        headers["Strict-Transport-Security"] = f"max-age={_YEAR_S}"

    def harden(response: Response) -> Response:
        for name, value in headers.items():
            response.headers.setdefault(name, value)
        return response

    app.after_request(harden)
    origins = [origin.strip() for origin in settings.cors_origins.split(",") if origin.strip()]
    if origins:
        # Tokens go in a header and never in a cookie: there are no credentials to allow.
        CORS(app, origins=origins, expose_headers=_EXPOSED, allow_headers=_ALLOWED, max_age=3600)
