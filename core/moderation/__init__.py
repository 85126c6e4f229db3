"""What an operator does not let through: one protocol, and the moderators that keep it.

A moderator sees a file before anything is made of it. The settings name the one that judges; with none, nothing is
looked at and no stage is planned for it.
"""

from __future__ import annotations

from core.moderation.base import Item, Moderator, Verdict
from core.moderation.rekognition import Rekognition
from core.moderation.rules import Rules
from core.settings import Settings

__all__ = ["Item", "Moderator", "Rekognition", "Rules", "Verdict", "moderator", "stamp"]


def moderator(settings: Settings) -> Moderator | None:
    """Return the moderator that the settings ask for; raises InputError `moderation_hashes` for a list of hashes that
    cannot be read."""
    if not settings.moderation:
        return None
    rules = Rules.of(settings)
    return rules if settings.moderation == "rules" else Rekognition.of(settings, rules)


def stamp(settings: Settings) -> str | None:
    """Return what names the moderator with all of its rules: what one let through, another looks at again. None where
    nothing is looked at."""
    found = moderator(settings)
    return None if found is None else found.stamp
