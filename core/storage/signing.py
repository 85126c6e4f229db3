"""Signed, expiring tokens for the URLs of the local storage, and headers that every signed download bears."""

from __future__ import annotations

import re
import time
from dataclasses import asdict, dataclass

from itsdangerous import BadSignature, URLSafeSerializer

from core.errors import EngineError, InputError

_TYPE = re.compile(r"[a-z]+/[a-z0-9._+-]+(; ?charset=[a-z0-9-]+)?", re.ASCII)
_TOKEN_CHARS = re.compile(r"[A-Za-z0-9!#$&+.^_`|~-]", re.ASCII)
# Only these are shown by a browser under our address; anything else could be a page with a script.
_SHOWN = re.compile(r"(image/(jpeg|png|webp|avif|gif)|video/mp4|audio/(mp4|mpeg|ogg|wav|flac)|text/vtt)(;.*)?")


@dataclass(frozen=True, kw_only=True)
class Grant:
    """What one signed URL allows: one method on one key until a moment (seconds since 1970).

    A PUT is of part `number` of an upload, of exactly `size` bytes when that is given; a GET bears the two headers.
    """

    method: str
    key: str
    expires: int
    upload_id: str = ""
    number: int = 0
    size: int | None = None
    content_type: str = ""
    content_disposition: str = ""


class Signer:
    """Makes and reads tokens with one secret (itsdangerous: HMAC, compared in constant time)."""

    def __init__(self, secret: str) -> None:
        self._serializer = URLSafeSerializer(secret, salt="cutwork.storage")

    def token(self, grant: Grant) -> str:
        """Return the token of a grant."""
        return str(self._serializer.dumps(asdict(grant)))

    def verify(self, token: str, method: str) -> Grant:
        """Return the grant of a token; raises InputError `signature_invalid`, `signature_expired`."""
        try:
            grant = Grant(**self._serializer.loads(token))
        except (BadSignature, TypeError):
            raise InputError("signature_invalid", "This URL was not made here, or it was altered.") from None
        if grant.method != method:
            raise InputError("signature_invalid", f"This URL is not for {method}.")
        if grant.expires < time.time():
            raise InputError("signature_expired", "This URL has expired: ask for a new one.")
        return grant


def checked_content_type(content_type: str) -> str:
    """Return a media type in small letters; raises EngineError `bad_content_type`: ours are made by us."""
    lowered = content_type.lower()
    if not _TYPE.fullmatch(lowered):
        raise EngineError("bad_content_type", f"{content_type!r} is no media type.")
    return lowered


def content_disposition(filename: str, content_type: str, *, inline: bool) -> str:
    """Return a Content-Disposition that any file name fits in (RFC 6266, RFC 8187).

    `inline` is granted to pictures, sound and video only; everything else is saved.
    """
    kind = "inline" if inline and _SHOWN.fullmatch(content_type) else "attachment"
    plain = re.sub(r"[^A-Za-z0-9 !#$&+.^_`{}~()\[\],;=@-]", "_", filename)
    encoded = "".join(
        char if _TOKEN_CHARS.fullmatch(char) else "".join(f"%{byte:02X}" for byte in char.encode()) for char in filename
    )
    return f"{kind}; filename=\"{plain}\"; filename*=UTF-8''{encoded}"
