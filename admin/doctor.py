"""`doctor`: asks everything that Cutwork needs whether it is as it should be, and says what to do."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict

import click

from admin import check_processes, check_services, check_storage
from admin.findings import Finding
from admin.main import as_json, show

_SIGNS = {"ok": ("ok     ", "green"), "warning": ("warning", "yellow"), "fault": ("FAULT  ", "red")}


def examine() -> Iterator[Finding]:
    """Yield what is found, as it is found."""
    yield from check_processes.here()
    yield from check_services.database()
    yield from check_services.broker()
    yield from check_services.live_events()
    yield from check_storage.storage()
    yield from check_processes.workers()
    if check_services.tables_there():
        yield from check_processes.recovery()


@click.command()
@as_json
def doctor(*, shown_as_json: bool) -> int:
    """Check database, broker, live events, storage, CORS, clocks, versions and workers; exit code 1 for a fault."""
    worst = 0
    found = []
    for finding in examine():
        worst |= finding.state == "fault"
        found.append(finding)
        if not shown_as_json:
            sign, color = _SIGNS[finding.state]
            click.echo(f"{click.style(sign, fg=color)}  {finding.check}: {finding.detail}")
            if finding.advice:
                click.echo(f"           → {finding.advice}")
    if shown_as_json:
        show([asdict(one) for one in found], shown_as_json=True, empty="")
    return int(worst)


COMMANDS = (doctor,)
