"""How often a key and an address may ask: Flask-Limiter, counted in Redis for all processes.

All are checked before the token is, so that guessing keys is bound as well; signing in is bound more closely. While
Redis is away each process counts for itself: requests pass, and the bounds hold for each process alone.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from ipaddress import IPv6Address, IPv6Network, ip_address

from flask import Flask, Response, current_app, request
from flask_limiter import ApplicationLimit, Limiter

from core.settings import get_settings

_KEY = "cutwork_limiter"
# What a load balancer asks, what documents, and what carries a signature of its own for every single part.
FREE = {"health", "docs", "storage", "api-docs"}
# What guesses passwords, costs a password's hash, or sends a mail: everything there but these.
_SIGNING_IN, _CHEAP = {"auth", "oauth"}, {"auth.refresh", "auth.logout"}
_REDIS_S = 1
_SUBNET = 64
"""Bits of an IPv6 address that name the network; the rest its holder chooses at will (RFC 4291, 2.5.4)."""


def init_app(app: Flask) -> None:
    """Count every request; to be called before anybody looks at its token."""
    settings = get_settings()
    limits: list[str | Callable[[], str] | ApplicationLimit] = [
        ApplicationLimit(limit, key_function=key, scope=scope, exempt_when=exempt)
        # Of those with one window, the first that counts is told in the headers.
        for limit, key, scope, exempt in (
            (settings.rate_limit_login, client_address, "login", lambda: not _signs_in()),
            (settings.rate_limit_key, _token, "key", lambda: _is_free() or not _has_token()),
            (settings.rate_limit_ip, client_address, "ip", _is_free),
        )
        if limit
    ]
    limiter = Limiter(
        client_address,
        application_limits=limits,
        storage_uri=settings.events_url.replace("unix://", "redis+unix://", 1),
        storage_options={"socket_connect_timeout": _REDIS_S, "socket_timeout": _REDIS_S},
        strategy="fixed-window",
        key_prefix="cutwork",
        in_memory_fallback_enabled=True,
        headers_enabled=False,
        enabled=bool(limits),
    )
    limiter.init_app(app)
    app.extensions[_KEY] = limiter
    app.after_request(_tell)


def _tell(response: Response) -> Response:
    """Say how much is left (draft-ietf-httpapi-ratelimit-headers-07), and when to come back."""
    limiter: Limiter = current_app.extensions[_KEY]
    limit = limiter.current_limit
    if limit is not None:
        seconds = min(limit.limit.get_expiry(), max(1, limit.reset_at - int(time.time())))
        response.headers["RateLimit-Limit"] = str(limit.limit.amount)
        response.headers["RateLimit-Remaining"] = str(max(0, limit.remaining))
        response.headers["RateLimit-Reset"] = str(seconds)
        response.headers["RateLimit-Policy"] = f"{limit.limit.amount};w={limit.limit.get_expiry()}"
        if limit.breached:
            response.headers["Retry-After"] = str(seconds)
    return response


def client_address() -> str:
    """Whom an address stands for: itself, or the /64 network that each holder of an IPv6 address has at least."""
    text = request.remote_addr or ""
    try:
        found = ip_address(text)
    except ValueError:
        # A socket of Unix, or what a proxy made up.
        return text
    if not isinstance(found, IPv6Address):
        return str(found)
    return str(found.ipv4_mapped or IPv6Network((found.packed, _SUBNET), strict=False))


def _is_free() -> bool:
    return request.blueprint in FREE


def _signs_in() -> bool:
    return request.blueprint in _SIGNING_IN and request.endpoint not in _CHEAP


def _has_token() -> bool:
    return bool(request.headers.get("Authorization"))


def _token() -> str:
    # A hash, because the counters' names are seen by whoever looks into Redis.
    return hashlib.sha256(request.headers.get("Authorization", "").encode()).hexdigest()[:32]
