"""Nothing secret in a log line: tokens, keys, passwords, signatures and e-mail addresses are masked as it is written.

Code that logs does not log them; this is for what libraries write, for addresses in their errors, and for mistakes.
"""

from __future__ import annotations

import re

MASK = "[masked]"

_WORDS = ("auth", "cookie", "cred", "key", "passw", "secret", "signature", "ticket", "token")
"""Each of the names below has one of these in it."""
_NAMES = (
    r"(?:access_?key|api_?key|authorization|client_?secret|cookie|credential|id_?token|new_?password|password|passwd|"
    r"refresh_?token|access_?token|secret|secret_?key|session_?token|signature|ticket|token)"
)
_PATTERNS = [
    (needles, re.compile(pattern, re.IGNORECASE), replacement)
    for needles, pattern, replacement in (
        # The address of a file in local storage: the token in it is the permission.
        (("/v1/storage/",), r"(/v1/storage/)[\w.~%-]+", rf"\1{MASK}"),
        # Query parameters that sign or sign in: of S3 (both versions of its signature), of our own, of others.
        (
            ("?", "&"),
            rf"([?&](?:x-amz-[a-z-]+|awsaccesskeyid|code|state|{_NAMES})=)[^&\s\"'<>\\]+",
            rf"\1{MASK}",
        ),
        # User and password before the host of an address.
        (("@",), r"(\b[a-z][a-z0-9+.-]*://)[^\s/@:\"']*:[^\s/@\"']+@", rf"\1{MASK}@"),
        (("bearer", "basic"), r"\b(bearer|basic)\s+[\w.~+/=-]{8,}", rf"\1 {MASK}"),
        (("cw_",), r"\bcw_[0-9a-z]{8}_[0-9a-f]{8,}", MASK),
        (("whsec_",), r"\bwhsec_[\w+/=-]+", MASK),
        # Refresh tokens, and those of invitations.
        (("cwr_", "cwi_"), r"\bcw[ri]_[\w-]{20,}", MASK),
        # JWS: three parts in base64url, of which the first is a JSON object.
        (("eyj",), r"\beyJ[\w-]{6,}\.[\w-]+\.[\w-]+", MASK),
        (_WORDS, rf"([\"']?\b{_NAMES}[\"']?\s*[=:]\s*[\"'])[^\"']+", rf"\1{MASK}"),
        (("@",), r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+", MASK),
    )
]


def mask(text: str) -> str:
    """Return a text without its secrets."""
    # Each line passes here, and looking for a word costs a hundredth of what looking for a pattern does.
    plain = text.casefold()
    for needles, pattern, replacement in _PATTERNS:
        if any(needle in plain for needle in needles):
            text = pattern.sub(replacement, text)
    return text
