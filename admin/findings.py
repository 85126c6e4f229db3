"""What a check finds, and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

State = Literal["ok", "warning", "fault"]


@dataclass(frozen=True)
class Finding:
    """One line of `doctor`: what was looked at, how it is, and, unless it is well, what to do."""

    check: str
    state: State
    detail: str
    advice: str = ""


def ok(check: str, detail: str) -> Finding:
    """All is well."""
    return Finding(check, "ok", detail)


def warning(check: str, detail: str, advice: str) -> Finding:
    """It works, but not as it should."""
    return Finding(check, "warning", detail, advice)


def fault(check: str, detail: str, advice: str) -> Finding:
    """It does not work."""
    return Finding(check, "fault", detail, advice)
