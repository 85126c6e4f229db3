"""What every moderator is given, and what it answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol


@dataclass(frozen=True, kw_only=True)
class Item:
    """A file to judge: its size in bytes, its SHA-256, the media document of its probe, and its pictures.

    `stills(n)` returns up to n JPEG files, upright, 64 to 1,024 pixels wide and high, spread over a recording; one
    of an image, none of sound. They are decoded when they are asked for.
    """

    size: int
    sha256: str
    media: Mapping[str, Any]
    stills: Callable[[int], Sequence[bytes]]


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """Whether a file may be worked on; `reasons` says in plain words why not, `labels` what was seen in it."""

    reasons: Sequence[str] = ()
    labels: Mapping[str, float] = field(default_factory=dict)

    @property
    def allowed(self) -> bool:
        """Whether nothing speaks against it."""
        return not self.reasons


class Moderator(Protocol):
    """Judges files; safe to call from several processes."""

    @property
    def name(self) -> str:
        """A word for results."""

    @property
    def stamp(self) -> str:
        """Names the moderator with all of its rules."""

    def review(self, item: Item) -> Verdict:
        """Judge one file; raises TransientError when a service that it asks does not answer."""
