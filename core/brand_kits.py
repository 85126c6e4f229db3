"""Brand kits: how an account's films look, under a name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from core import assets, idempotency
from core.db import reading, transaction
from core.errors import ConflictError, NotFoundError
from core.models import BrandKit, now

MOST = 100
"""Kits that an account may have."""


def create(account_id: str, name: str, document: Mapping[str, Any]) -> BrandKit:
    """Store a kit; its assets must be the account's.

    Raises NotFoundError `asset_not_found`, ConflictError `too_many_brand_kits`.
    """
    _check_assets(account_id, document)
    with transaction() as session:
        made = idempotency.earlier(session, BrandKit)
        if made is not None:
            return made
        count = session.scalar(select(func.count()).where(BrandKit.account_id == account_id)) or 0
        if count >= MOST:
            raise ConflictError("too_many_brand_kits", f"An account has {MOST} brand kits at most: delete one first.")
        kit = BrandKit(account_id=account_id, name=name, document=dict(document))
        session.add(kit)
        session.flush()
        idempotency.record(session, kit)
    return kit


def get(account_id: str, kit_id: str) -> BrandKit:
    """Return one kit of the account; raises NotFoundError `brand_kit_not_found`."""
    with reading() as session:
        return _owned(session, account_id, kit_id)


def page(account_id: str, *, before: str | None, limit: int) -> list[BrandKit]:
    """Return up to `limit` kits, newest first, older than the id `before`."""
    query = select(BrandKit).where(BrandKit.account_id == account_id).order_by(BrandKit.id.desc()).limit(limit)
    with reading() as session:
        return list(session.scalars(query.where(BrandKit.id < before) if before else query))


def replace(account_id: str, kit_id: str, name: str, document: Mapping[str, Any]) -> BrandKit:
    """Put another kit under the same id; edits that were planned keep what they had.

    Raises NotFoundError `brand_kit_not_found`, `asset_not_found`.
    """
    _check_assets(account_id, document)
    with transaction() as session:
        kit = _owned(session, account_id, kit_id, lock=True)
        kit.name, kit.document, kit.updated_at = name, dict(document), now()
    return kit


def delete(account_id: str, kit_id: str) -> None:
    """Forget a kit; raises NotFoundError `brand_kit_not_found`."""
    with transaction() as session:
        session.delete(_owned(session, account_id, kit_id, lock=True))


def _check_assets(account_id: str, document: Mapping[str, Any]) -> None:
    named = [
        document.get("logo"),
        *((document.get(part) or {}).get("asset") for part in ("intro", "outro", "watermark")),
    ]
    for asset_id in filter(None, named):
        assets.get(account_id, asset_id)


def _owned(session: Session, account_id: str, kit_id: str, *, lock: bool = False) -> BrandKit:
    query = select(BrandKit).where(BrandKit.id == kit_id, BrandKit.account_id == account_id)
    kit = session.scalars(query.with_for_update() if lock else query).one_or_none()
    if kit is None:
        raise NotFoundError("brand_kit_not_found", "There is no brand kit of that id.")
    return kit
