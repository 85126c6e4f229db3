"""What all accounts together use of the quotas that are set, and how many are near them: what operators look at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, func, select, union_all

from core.db import reading
from core.models import Asset, Job, Upload, now
from core.quotas import KEPT, LIVE, MINUTE_MS, OPEN, made_since, month
from core.settings import get_settings

SHARES = (80, 100)
"""Percent of a quota from which on accounts are counted."""


@dataclass(frozen=True)
class Total:
    """`used` by all accounts in bytes, milliseconds or jobs; how many `accounts` use that many percent or more."""

    used: int
    accounts: dict[int, int]


def limits() -> dict[str, int]:
    """Return the quotas that are set, by name: `stored_bytes`, `minutes` (in milliseconds), `jobs`."""
    settings = get_settings()
    found = {
        "stored_bytes": settings.quota_stored_bytes,
        "minutes": settings.quota_minutes * MINUTE_MS,
        "jobs": settings.quota_jobs,
    }
    return {name: most for name, most in found.items() if most}


def read() -> dict[str, Total]:
    """Add up what is used of each quota that is set, one query each.

    Raises TransientError `database_unavailable`.
    """
    uses = {"stored_bytes": _stored, "minutes": _made, "jobs": _live}
    return {name: _total(uses[name](), most) for name, most in limits().items()}


def _total(uses: Select[Any], most: int) -> Total:
    each = uses.subquery()
    reached = [func.count().filter(each.c.used >= -(-most * share // 100)) for share in SHARES]
    with reading() as session:
        used, *counts = session.execute(select(func.coalesce(func.sum(each.c.used), 0), *reached)).one()
    return Total(int(used), dict(zip(SHARES, counts, strict=True)))


def _stored() -> Select[Any]:
    # Assets of the same bytes share one file.
    files = select(Asset.account_id, Asset.storage_key, Asset.size).where(KEPT).distinct().subquery()
    uploads = select(Upload.account_id, Upload.size).where(OPEN)
    every = union_all(select(files.c.account_id, files.c.size), uploads).subquery()
    return select(func.sum(every.c.size).label("used")).group_by(every.c.account_id)


def _made() -> Select[Any]:
    since, _ = month(now())
    made = made_since(since)
    return select(func.sum(made.c.media_ms).label("used")).group_by(made.c.account_id)


def _live() -> Select[Any]:
    return select(func.count().label("used")).where(*LIVE).group_by(Job.account_id)
