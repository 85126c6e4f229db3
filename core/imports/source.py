"""What a server says of the file behind a URL, and what is asked of it to go on where it was cut off."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from email.message import EmailMessage
from http import HTTPStatus
from pathlib import PurePosixPath
from typing import Any, Self
from urllib.parse import unquote

import httpx

from core.errors import InputError, TransientError
from core.outgoing import Answer

_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+)")
_TYPE = re.compile(r"[A-Za-z]{1,20}/[A-Za-z0-9._+-]{1,120}")
_UNSAFE = re.compile(r"[\x00-\x1f\x7f-\x9f/\\]+")
_LONGEST_NAME = 200
_LATER = frozenset({408, 425, 429}) | frozenset(range(500, 600))


@dataclass(frozen=True, kw_only=True)
class Source:
    """The file: its size where it is told, and what proves that it is still the same (None where nothing does)."""

    size: int | None
    validator: str | None
    filename: str
    content_type: str | None

    @classmethod
    def of(cls, answer: Answer, *, most: int) -> Self:
        """Read the headers of a whole answer; raises InputError `url_not_served`, `url_too_large`, `empty_file`."""
        if answer.headers.get("content-encoding", "identity") != "identity":
            raise InputError(
                "url_not_served", f"{answer.url.host} sends the file compressed, though it was asked not to."
            )
        size = _size(answer)
        if size is not None and size > most:
            raise too_large(most)
        if size == 0:
            raise empty()
        kind = answer.headers.get("content-type", "").partition(";")[0].strip()
        return cls(
            size=size,
            validator=_validator(answer),
            filename=_announced_name(answer) or name_of(answer.url),
            content_type=kind if _TYPE.fullmatch(kind) else None,
        )

    @classmethod
    def from_dict(cls, known: dict[str, Any]) -> Self:
        """Return what `to_dict` has written."""
        return cls(**known)

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON."""
        return asdict(self)

    def asking_from(self, offset: int) -> dict[str, str]:
        """Return the headers that ask for the bytes from `offset` on, should the file still be the same (RFC 9110)."""
        if not offset or self.validator is None:
            return {}
        return {"Range": f"bytes={offset}-", "If-Range": self.validator}

    def goes_on(self, answer: Answer, offset: int) -> bool:
        """Whether an answer is what is missing of this very file."""
        found = _RANGE.fullmatch(answer.headers.get("content-range", ""))
        if answer.status != HTTPStatus.PARTIAL_CONTENT or found is None:
            return False
        return int(found[1]) == offset and self.size in (None, int(found[3]))


def check_status(answer: Answer) -> None:
    """Pass an answer with the file, or a part of it, or the word that there is no such part.

    Raises TransientError `url_unreachable` for what may pass, InputError `url_not_served` for the rest.
    """
    if answer.status in (HTTPStatus.OK, HTTPStatus.PARTIAL_CONTENT, HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE):
        return
    said = f"{answer.url.host} answered {answer.status}"
    if answer.status in _LATER:
        raise TransientError("url_unreachable", f"{said}.")
    raise InputError("url_not_served", f"{said}: check the address, and whether it needs to be signed in.")


def name_of(url: httpx.URL) -> str:
    """Return the file name at the end of a URL's path; `import` where there is none."""
    return _safe(unquote(PurePosixPath(url.path).name, errors="replace")) or "import"


def too_large(most: int) -> InputError:
    """The error for a file of more than `most` bytes."""
    return InputError("url_too_large", f"The file behind the address is larger than the {most} bytes allowed.")


def empty() -> InputError:
    """The error for a file without bytes."""
    return InputError("empty_file", "The file behind the address is empty.")


def _size(answer: Answer) -> int | None:
    text = answer.headers.get("content-length", "")
    return int(text) if text.isascii() and text.isdigit() else None


def _validator(answer: Answer) -> str | None:
    """A strong ETag, else the time of the last change; a weak tag promises no equal bytes (RFC 9110, 8.8.1)."""
    if answer.headers.get("accept-ranges", "").lower() == "none":
        return None
    etag = answer.headers.get("etag", "")
    found = etag if etag.startswith('"') else answer.headers.get("last-modified", "")
    return found if 0 < len(found) <= 200 else None


def _announced_name(answer: Answer) -> str | None:
    message = EmailMessage()
    try:
        message["Content-Disposition"] = answer.headers.get("content-disposition", "")
    except ValueError:
        return None
    return _safe(message.get_filename("") or "")


def _safe(name: str) -> str:
    # PostgreSQL stores no half of a surrogate pair.
    text = _UNSAFE.sub("_", name.encode(errors="replace").decode()).strip()
    return "" if text in {".", ".."} else text[-_LONGEST_NAME:]
