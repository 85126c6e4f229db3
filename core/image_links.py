"""Signed addresses of images in any size: nobody but a holder of `assets:read` decides what is computed."""

from __future__ import annotations

import time
from collections.abc import Mapping

from core import link_signature
from core.link_signature import EXPIRES

_PURPOSE = "image-link"


def query(asset_id: str, params: Mapping[str, object], *, expires_s: int | None) -> tuple[str, int | None]:
    """Return the signed query, and when it ends in seconds since 1970: None for an address that works for ever."""
    ends = None if expires_s is None else int(time.time()) + expires_s
    plain = {name: str(value) for name, value in params.items() if value is not None}
    if ends is not None:
        plain[EXPIRES] = str(ends)
    return link_signature.signed(_PURPOSE, asset_id, plain), ends


def check(asset_id: str, given: Mapping[str, str]) -> None:
    """Raise ForbiddenError `signature_invalid` or `signature_expired` unless the whole query was signed here."""
    link_signature.check(_PURPOSE, asset_id, given)
