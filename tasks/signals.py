"""What the stages and their workers tell those above them, who listen: imports point down only.

Each is a hint: who misses one is helped by the reconciler, which looks at the rows.
"""

from __future__ import annotations

from celery.utils.dispatch import Signal

job_changed = Signal(name="job_changed", providing_args=["job_id"])
"""Sent with `job_id` after a change that may have left messages to send."""

holder_stops = Signal(name="holder_stops", providing_args=["holder"])
"""Sent by a worker that stops, with the holder (`tasks.holder`) of each of its processes, for others to go on."""

holder_lost = Signal(name="holder_lost", providing_args=["holder"])
"""Sent by a worker when one of its processes has died, with its holder."""
