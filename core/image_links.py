"""Signed addresses of images in any size: nobody but a holder of `assets:read` decides what is computed.

The signature is HMAC-SHA256 over the asset's id and the sorted query, in base64 without padding.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import time
from collections.abc import Mapping
from urllib.parse import urlencode

from core.errors import ForbiddenError
from core.settings import get_settings

SIGNATURE = "s"
EXPIRES = "expires"
_PURPOSE = b"cutwork.image-link"


def query(asset_id: str, params: Mapping[str, object], *, expires_s: int | None) -> tuple[str, int | None]:
    """Return the signed query, and when it ends in seconds since 1970: None for an address that works for ever."""
    ends = None if expires_s is None else int(time.time()) + expires_s
    plain = {name: str(value) for name, value in params.items() if value is not None}
    if ends is not None:
        plain[EXPIRES] = str(ends)
    return urlencode([*sorted(plain.items()), (SIGNATURE, _signature(asset_id, plain))]), ends


def check(asset_id: str, given: Mapping[str, str]) -> None:
    """Raise ForbiddenError `signature_invalid` or `signature_expired` unless the whole query was signed here."""
    plain = {name: value for name, value in given.items() if name != SIGNATURE}
    if not hmac.compare_digest(_signature(asset_id, plain).encode(), given.get(SIGNATURE, "").encode()):
        raise ForbiddenError("signature_invalid", "This address was not signed here, or it was altered.")
    if EXPIRES in plain and int(plain[EXPIRES]) < time.time():
        raise ForbiddenError("signature_expired", "This address has expired: ask for a new one.")


def _signature(asset_id: str, plain: Mapping[str, str]) -> str:
    key = hmac.digest(get_settings().signing_secret.encode(), _PURPOSE, hashlib.sha256)
    text = f"{asset_id}?{urlencode(sorted(plain.items()))}"
    return base64.urlsafe_b64encode(hmac.digest(key, text.encode(), hashlib.sha256)).rstrip(b"=").decode()
