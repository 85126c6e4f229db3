"""Import: a file from a URL, straight into storage."""

from __future__ import annotations

from core.imports.transfer import Transfer
from core.outgoing import client_from
from tasks.base import stage
from tasks.context import StageContext


@stage("import")
def fetch(ctx: StageContext) -> None:
    """Fetch the file behind an address and make it an asset."""
    transfer = Transfer(
        ctx.account_id,
        ctx.params["url"],
        client=client_from(ctx.settings),
        storage=ctx.storage,
        settings=ctx.settings,
        seconds=ctx.seconds,
        notes=ctx.notes,
        progress=ctx.progress,
        remember=ctx.remember,
    )
    ctx.provide(transfer.run())
