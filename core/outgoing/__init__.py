"""Requests to addresses that users give: webhooks and imports. All of them go through one guarded client."""

from core.outgoing.client import Answer, Client, client_from
from core.outgoing.guard import Guard, guard_from

__all__ = ["Answer", "Client", "Guard", "client_from", "guard_from"]
