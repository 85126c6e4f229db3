"""Health: is the process alive, and can it serve."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from app.blueprint import Blueprint
from app.schemas.health import HealthSchema, ReadinessSchema
from app.security import PUBLIC
from app.storage import current_storage
from core import db, events
from core.errors import TransientError

blp = Blueprint("health", __name__, description="For load balancers and people.")


@blp.route("/healthz", needs=PUBLIC)
@blp.response(200, HealthSchema)
def check_health() -> dict[str, str]:
    """Say that the process answers

    Nothing else is asked: for liveness probes, which restart what does not answer.
    """
    return {"status": "ok"}


@blp.route("/readyz", needs=PUBLIC)
@blp.response(200, ReadinessSchema)
@blp.alt_response(503, schema=ReadinessSchema, description="Something that is needed does not answer.")
def check_readiness() -> tuple[dict[str, Any], int]:
    """Say whether database, storage and live events answer

    For readiness probes and load balancers: 503 while something that is needed does not answer, with the reason.
    """
    checks = {
        "database": _ask(db.check),
        "storage": _ask(current_storage().check),
        "events": _ask(events.check),
    }
    ready = all(check["ok"] for check in checks.values())
    return {"status": "ok" if ready else "unavailable", "checks": checks}, 200 if ready else 503


def _ask(check: Callable[[], None]) -> dict[str, Any]:
    try:
        check()
    except TransientError as error:
        return {"ok": False, "detail": error.message}
    return {"ok": True}
