"""The moderator that needs nobody: allowed kinds of files, a largest size, and a list of hashes of known files.

The list is a text file with one hash a line: a SHA-256 (64 hex digits) of a file, or a perceptual hash (16 hex digits)
as the facts of an image tell it, which also meets copies in other sizes and formats. What follows `#` is a comment.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from core.errors import InputError
from core.moderation.base import Item, Verdict
from core.settings import Settings

ALIKE_BITS = 6
"""Of 64: so many may differ between the perceptual hashes of one picture in two sizes or formats."""
_LINE = re.compile(r"([0-9a-f]{64}|[0-9a-f]{16})?\s*(#.*)?", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class Rules:
    """`kinds` holds containers and kinds of media (`mp4`, `image`), empty for all; `most_bytes` None for any size."""

    kinds: frozenset[str] = frozenset()
    most_bytes: int | None = None
    files: frozenset[str] = frozenset()
    pictures: frozenset[int] = frozenset()

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """Return the rules of the settings; raises InputError `moderation_hashes`."""
        hashes = _read(settings.moderation_hashes) if settings.moderation_hashes else []
        return cls(
            kinds=frozenset(filter(None, re.split(r"[\s,]+", settings.moderation_kinds.lower()))),
            most_bytes=settings.moderation_max_bytes,
            files=frozenset(one for one in hashes if len(one) == 64),
            pictures=frozenset(int(one, 16) for one in hashes if len(one) == 16),
        )

    @property
    def name(self) -> str:
        """`rules`."""
        return "rules"

    @property
    def stamp(self) -> str:
        """The digest of all rules."""
        rules = [sorted(self.kinds), self.most_bytes, sorted(self.files), sorted(self.pictures)]
        return f"rules-{hashlib.sha256(json.dumps(rules).encode()).hexdigest()[:32]}"

    def review(self, item: Item) -> Verdict:
        """Judge by size, kind and hashes."""
        kind, container = item.media["kind"], item.media["container"]
        reasons = []
        if self.kinds and not {kind, *container.split(",")} & self.kinds:
            reasons.append(f"files of this kind ({container}) are not accepted here")
        if self.most_bytes is not None and item.size > self.most_bytes:
            reasons.append(f"it is larger than the {self.most_bytes} bytes that are accepted here")
        if item.sha256 in self.files or self._looks_known(item):
            reasons.append("it is on the list of files that are not accepted here")
        return Verdict(reasons=reasons)

    def _looks_known(self, item: Item) -> bool:
        image = item.media.get("image")
        if not image or not self.pictures:
            return False
        seen = int(image["perceptual_hash"], 16)
        return any((seen ^ known).bit_count() <= ALIKE_BITS for known in self.pictures)


def _read(path: Path) -> list[str]:
    try:
        lines = path.read_text().splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError("moderation_hashes", f"MODERATION_HASHES cannot be read: {path.name}.") from error
    hashes = []
    for number, line in enumerate(lines, 1):
        match = _LINE.fullmatch(line.strip())
        if match is None:
            raise InputError("moderation_hashes", f"Line {number} of MODERATION_HASHES is no hash and no comment.")
        if match[1]:
            hashes.append(match[1].lower())
    return hashes
