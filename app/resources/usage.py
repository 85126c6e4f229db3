"""What the account has used."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from app.blueprint import Blueprint
from app.schemas.usage import UsageSchema
from app.security import current_account_id
from core import quotas
from core.models import now
from core.settings import get_settings

blp = Blueprint("usage", __name__, url_prefix="/v1/usage", description="What the account uses, and what it may.")


@blp.route("", needs="usage:read")
@blp.response(200, UsageSchema)
def get_usage() -> dict[str, Any]:
    """Get what the account has used, added up from its uploads, assets and jobs.

    A request that would go past a bound is answered 403 `storage_quota_exceeded` or `minutes_quota_exceeded`, or 429
    `too_many_jobs`.
    """
    used, settings = quotas.usage(current_account_id(), now()), get_settings()
    minutes = (Decimal(used.media_ms) / 60_000).quantize(Decimal("0.01"))
    return {
        "stored_bytes": {"used": used.stored_bytes, "limit": settings.quota_stored_bytes or None},
        "minutes": {
            "used": str(minutes),
            "limit": settings.quota_minutes or None,
            "since": used.since,
            "until": used.until,
        },
        "jobs": {"used": used.jobs, "limit": settings.quota_jobs or None, "running": settings.max_running_jobs},
    }
