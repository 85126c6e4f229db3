"""The asset document: the row, and what its probe found."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from core.models import Asset
from pipelines import inspect


def documents(account_id: str, rows: Iterable[Asset]) -> list[dict[str, Any]]:
    """Return what `AssetSchema` serialises, for assets of one account; `media` is None until it is known."""
    assets = list(rows)
    probes = inspect.probes(account_id, assets)
    return [
        {
            "id": asset.id,
            "filename": asset.filename,
            "content_type": asset.content_type,
            "size": asset.size,
            "sha256": asset.sha256,
            "media": probes[asset.id].result if asset.id in probes else None,
            "external_id": asset.external_id,
            "metadata": asset.client_metadata,
            "created_at": asset.created_at,
        }
        for asset in assets
    ]


def document(account_id: str, asset: Asset) -> dict[str, Any]:
    """Return the document of one asset."""
    return documents(account_id, [asset])[0]
