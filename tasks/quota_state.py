"""What accounts use of their quotas, for Prometheus: asked by beat alone, and only where a quota is set.

These are sums over many rows, so they are asked seldom, and on a thread of their own: what is known of queues does not
wait for them.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from core import quota_totals
from core.quota_totals import Total

_EVERY_S = 60.0
# The database spends at most one second in so many on it, however many rows there are.
_SPARING = 50
_NAMES = {
    "stored_bytes": ("stored_bytes", "Bytes of assets and open uploads of all accounts."),
    "minutes": ("media_seconds", "Seconds of results that all accounts have made this month, or are making."),
    "jobs": ("jobs", "Jobs of all accounts that count for their quota."),
}


class QuotaState(Collector):
    """The last sums; `pause_s` seconds should pass until the next."""

    def __init__(self) -> None:
        self.pause_s = _EVERY_S
        self._fresh_until = 0.0
        self._totals: dict[str, Total] = {}

    def ask(self) -> None:
        """Add up; raises TransientError `database_unavailable`."""
        began = time.monotonic()
        self._totals = quota_totals.read()
        ended = time.monotonic()
        self.pause_s = max(_EVERY_S, _SPARING * (ended - began))
        self._fresh_until = ended + 3 * self.pause_s

    def collect(self) -> Iterator[Metric]:
        """Yield the sums, and of each quota how many accounts use a share of it or more, unless they are old."""
        if time.monotonic() > self._fresh_until:
            return
        accounts = GaugeMetricFamily(
            "cutwork_quota_accounts",
            "Accounts that use so many percent of a quota or more.",
            labels=["quota", "percent"],
        )
        for quota, total in self._totals.items():
            name, about = _NAMES[quota]
            for share, count in total.accounts.items():
                accounts.add_metric([quota, str(share)], count)
            # Rows count milliseconds, Prometheus seconds.
            used = total.used / 1000 if quota == "minutes" else total.used
            yield GaugeMetricFamily(f"cutwork_usage_{name}", about, used)
        yield accounts
