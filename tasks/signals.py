"""What the stages tell those above them, who listen: imports point down only."""

from __future__ import annotations

from celery.utils.dispatch import Signal

job_changed = Signal(name="job_changed", providing_args=["job_id"])
"""Sent with `job_id` after a change that may have left messages to send. It is a hint: who misses it is helped by the
reconciler, which looks at the rows."""
