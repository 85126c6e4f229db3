"""Presigned URLs of S3 that count from a moment of one's choice: the same moment, the same URL.

boto3 signs as of now, so that no two URLs are alike. What a playlist names may not change from one fetch to the next
(RFC 8216, 6.2.1), and a browser finds what it has cached by its URL.
"""

from __future__ import annotations

import hashlib
import hmac
from datetime import UTC, datetime
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

from botocore.credentials import ReadOnlyCredentials

_ALGORITHM = "AWS4-HMAC-SHA256"
_LONGEST_S = 7 * 24 * 3600


def signed_since(url: str, credentials: ReadOnlyCredentials, *, region: str, since: int, expires_s: int) -> str:
    """Return a presigned GET signed anew, as if at `since`, seconds since 1970; it works for seven days at most.

    By Signature Version 4 of query parameters:
    https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html
    """
    parts = urlsplit(url)
    stamp = datetime.fromtimestamp(since, UTC).strftime("%Y%m%dT%H%M%SZ")
    scope = f"{stamp[:8]}/{region}/s3/aws4_request"
    asked = [(name, value) for name, value in parse_qsl(parts.query) if not name.startswith("X-Amz-")]
    asked += [
        ("X-Amz-Algorithm", _ALGORITHM),
        ("X-Amz-Credential", f"{credentials.access_key}/{scope}"),
        ("X-Amz-Date", stamp),
        ("X-Amz-Expires", str(min(expires_s, _LONGEST_S))),
        ("X-Amz-SignedHeaders", "host"),
    ]
    if credentials.token:
        asked.append(("X-Amz-Security-Token", credentials.token))
    query = urlencode(sorted(asked), quote_via=quote, safe="")
    canonical = f"GET\n{parts.path}\n{query}\nhost:{parts.netloc}\n\nhost\nUNSIGNED-PAYLOAD"
    text = f"{_ALGORITHM}\n{stamp}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    key = f"AWS4{credentials.secret_key}".encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    signature = hmac.digest(key, text.encode(), "sha256").hex()
    return parts._replace(query=f"{query}&X-Amz-Signature={signature}").geturl()
