"""Assets: read, listed, deleted."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from core import audit, listing, states
from core.db import reading, transaction
from core.errors import ConflictError, NotFoundError
from core.listing import ALL, Filter
from core.models import Asset, Job, JobStage, now
from core.storage import Storage


def get(account_id: str, asset_id: str) -> Asset:
    """Return one asset of the account; raises NotFoundError `asset_not_found`."""
    with reading() as session:
        return _owned(session, account_id, asset_id)


def of_any_account(asset_id: str) -> Asset:
    """Return one asset to whoever holds a signed address of it; raises NotFoundError `asset_not_found`."""
    with reading() as session:
        asset = session.get(Asset, asset_id)
    if asset is None or asset.deleted_at:
        raise _missing()
    return asset


def page(account_id: str, *, narrowed: Filter = ALL, before: str | None, limit: int) -> Sequence[Asset]:
    """Return up to `limit` assets, newest first, older than the id `before`."""
    return listing.page(Asset, account_id, narrowed, Asset.deleted_at.is_(None), before=before, limit=limit)


def store(session: Session, asset: Asset) -> None:
    """Add an asset whose file is verified and in storage. When the account has these bytes already, the asset shares
    their file: its `storage_key` is then another, and what lies under its own is not needed.
    """
    same = select(Asset).where(
        Asset.account_id == asset.account_id,
        Asset.sha256 == asset.sha256,
        Asset.size == asset.size,
        Asset.deleted_at.is_(None),
    )
    # Held until the end of the transaction: whoever deletes it waits, and then sees this one.
    first = session.scalars(same.order_by(Asset.id).limit(1).with_for_update()).one_or_none()
    if first is not None:
        asset.storage_key = first.storage_key
    session.add(asset)
    session.flush()


def delete(account_id: str, asset_id: str, storage: Storage) -> None:
    """Delete the asset, and its file unless another asset shares it; what jobs made of it stays.

    Raises NotFoundError `asset_not_found`, ConflictError `asset_in_use` while a job that has not ended reads it.
    """
    with transaction() as session:
        asset = _owned(session, account_id, asset_id, lock=True)
        if _readers(session, account_id, asset_id):
            raise ConflictError("asset_in_use", "A job that has not ended reads this asset: cancel it, or wait for it.")
        asset.deleted_at = now()
        audit.record(session, account_id, "asset.deleted", target=asset_id)
        session.flush()
        sharing = select(Asset.id).where(Asset.storage_key == asset.storage_key, Asset.deleted_at.is_(None))
        shared = session.scalars(sharing.limit(1)).one_or_none() is not None
    if not shared:
        storage.delete(asset.storage_key)


def _readers(session: Session, account_id: str, asset_id: str) -> bool:
    live = (
        select(JobStage.inputs)
        .join(Job)
        .where(
            Job.account_id == account_id,
            Job.status.in_((states.QUEUED, states.RUNNING)),
            JobStage.status.not_in(states.TERMINAL),
        )
    )
    return any(source.get("asset") == asset_id for inputs in session.scalars(live) for source in inputs.values())


def _owned(session: Session, account_id: str, asset_id: str, *, lock: bool = False) -> Asset:
    query = select(Asset).where(Asset.id == asset_id, Asset.account_id == account_id, Asset.deleted_at.is_(None))
    asset = session.scalars(query.with_for_update() if lock else query).one_or_none()
    if asset is None:
        raise _missing()
    return asset


def _missing() -> NotFoundError:
    return NotFoundError("asset_not_found", "There is no asset of that id.")
