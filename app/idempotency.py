"""Idempotency-Key at the edge: which requests are the same, and how an answer is replayed (see `core.idempotency`)."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar, cast

import structlog
from flask import Response, make_response, request

from app.errors import problem
from app.security import current_account_id, current_principal
from core import idempotency
from core.errors import InputError, TransientError
from core.idempotency import Claim, InProgress, Kept

HEADER = "Idempotency-Key"
REPLAYED = "Idempotency-Replayed"
PARAMETER = {
    "in": "header",
    "name": HEADER,
    "required": False,
    "schema": {"type": "string", "minLength": 1, "maxLength": 255},
    "description": "Any text that is new for each thing to make. Asked again with the same key within 24 hours, the "
    f"answer is the first one's, with `{REPLAYED}: true`; a request that is not the same is refused with 422 "
    "`idempotency_mismatch`, one that comes while the first is at work with 409 `idempotency_in_progress`.",
}

_KEY = re.compile(r"[\x21-\x7e]([\x20-\x7e]{0,253}[\x21-\x7e])?")
_KEPT_HEADERS = ("Content-Type", "Location")
_RETRY_AFTER_S = 1
_log = structlog.get_logger(__name__)
View = TypeVar("View", bound=Callable[..., Any])


def idempotent(view: View) -> View:
    """Do a request with a key once, and answer its repetitions as the first."""

    @wraps(view)
    def once(*args: Any, **kwargs: Any) -> Any:
        key = request.headers.get(HEADER)
        if key is None:
            return view(*args, **kwargs)
        if not _KEY.fullmatch(key):
            raise InputError("invalid_idempotency_key", f"{HEADER} takes 1 to 255 printable ASCII characters.")
        try:
            claimed = idempotency.claim(current_account_id(), key, _fingerprint())
            if isinstance(claimed, Kept):
                return _replay(claimed)
            with idempotency.acting(claimed):
                return _answer(claimed, lambda: make_response(view(*args, **kwargs)))
        except InProgress as error:
            wait = [("Retry-After", str(_RETRY_AFTER_S))]
            return problem(409, error.code, error.message, retryable=True, headers=wait)

    return cast(View, once)


def _answer(claimed: Claim, view: Callable[[], Response]) -> Response:
    response: Response | None = None
    try:
        response = view()
    finally:
        _settle(claimed, response if response is not None and 200 <= response.status_code < 300 else None)
    return response


def _settle(claimed: Claim, response: Response | None) -> None:
    """Keep a good answer, and let go of a key that got none."""
    try:
        if response is None:
            idempotency.release(claimed)
            return
        headers = {name: response.headers[name] for name in _KEPT_HEADERS if name in response.headers}
        idempotency.keep(claimed, status=response.status_code, headers=headers, body=response.get_data())
    except TransientError as error:
        # The claim lapses, and what was made is written in the key's row.
        _log.warning("idempotency key not settled", code=error.code)


def _replay(kept: Kept) -> Response:
    response = Response(kept.body, kept.status, headers=dict(kept.headers))
    response.headers[REPLAYED] = "true"
    return response


def _fingerprint() -> str:
    """What makes two requests the same: who asks, method, path, query, and the body as JSON, however it was written.

    An answer may hold a secret, such as a new API key, that is for nobody else in the account.
    """
    body = request.get_data(cache=True)
    try:
        canonical = json.dumps(json.loads(body), sort_keys=True).encode()
    except (ValueError, RecursionError):
        canonical = body
    query = sorted(request.args.items(multi=True))
    head = json.dumps([current_principal().id, request.method, request.path, query]).encode()
    return hashlib.sha256(head + b"\n" + canonical).hexdigest()
