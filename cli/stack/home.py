"""The folder of one embedded stack, and the variables that its processes get.

.cutwork/
  cutwork.db     SQLite, unless DATABASE_URL names a server
  storage/       files, unless S3_BUCKET is set
  scratch/       temporary files of stages, unless SCRATCH_DIR is set; emptied when a stack starts
  broker/        Valkey's append-only file, unless BROKER_URL or REDIS_URL is set
  secret, key    what signs addresses, and the API key; made once, readable by their owner alone
  mail/          mails that would have been sent, unless SMTP_HOST is set
  logs/          one file for each process
  metrics.json   where each process answers Prometheus: a list of targets (file_sd_configs)
  lock           held while the stack runs
"""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import shutil
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from cli.errors import StackError
from cli.stack.ports import LOOPBACK, Ports

ROOT = Path(__file__).resolve().parents[2]
REDIS_SCHEMES = ("redis://", "rediss://", "unix://")


class Home:
    """One stack's folder; made when it is first used."""

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        for folder in (self.path, self.logs, self.broker, self.scratch):
            folder.mkdir(parents=True, exist_ok=True)

    @property
    def logs(self) -> Path:
        """Where each process's output goes."""
        return self.path / "logs"

    @property
    def broker(self) -> Path:
        """Where our Valkey keeps its data."""
        return self.path / "broker"

    @property
    def scratch(self) -> Path:
        """Where stages keep files while they run."""
        return self.path / "scratch"

    @property
    def targets(self) -> Path:
        """Where Prometheus finds the processes of the stack that runs."""
        return self.path / "metrics.json"

    def tell_targets(self, ports: Mapping[str, int]) -> None:
        """Write down where each process answers Prometheus."""
        targets = [
            {"targets": [f"{LOOPBACK}:{port}"], "labels": {"job": "cutwork", "process": name}}
            for name, port in ports.items()
        ]
        made = self.targets.with_suffix(".new")
        made.write_text(json.dumps(targets, indent=2))
        made.replace(self.targets)

    def sweep(self) -> None:
        """Delete what stages that were killed left in our scratch folder; to be called with the lock held.

        The forwarders of a stack hold its lock too, so that none of its stages runs any more when we have it.
        """
        for entry in self.scratch.iterdir():
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry)
            else:
                entry.unlink()

    @contextmanager
    def lock(self, url: str) -> Iterator[None]:
        """Hold the folder for one stack; raises StackError `already_running` when another has it.

        The kernel lets go of the lock when its last holder is gone, so that no stale lock can be left behind.
        """
        with (self.path / "lock").open("a+") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise StackError(_already_running(self.path, file.name), code="already_running") from None
            file.truncate(0)
            file.write(json.dumps({"pid": os.getpid(), "url": url}))
            file.flush()
            yield
            file.truncate(0)

    def secret(self) -> str:
        """Return the key that signs addresses, made on first use."""
        return self._made_once("secret", secrets.token_urlsafe(48))

    def key(self) -> str:
        """Return the stack's own API key, made on first use."""
        return self._made_once("key", f"cw_{secrets.token_hex(4)}_{secrets.token_hex(24)}")

    def _made_once(self, name: str, value: str) -> str:
        path = self.path / name
        try:
            with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
                file.write(value)
        except FileExistsError:
            pass
        return path.read_text()


def _already_running(home: Path, lock: str) -> str:
    try:
        holder = json.loads(Path(lock).read_text())
    except ValueError:
        holder = {}
    who = f" (process {holder['pid']}, {holder['url']})" if {"pid", "url"} <= set(holder) else ""
    return f"a stack already runs on {home}{who}: stop it, or set CUTWORK_HOME to another folder"


def api_key(variables: Mapping[str, str]) -> str:
    """Return the API key that opens a stack with these variables."""
    file = variables.get("BOOTSTRAP_API_KEY_FILE")
    return Path(file).read_text().strip() if file else variables["BOOTSTRAP_API_KEY"]


def needs_broker(outer: Mapping[str, str]) -> bool:
    """Tell whether we have to start a Valkey: for messages, for live events, or for both."""
    return not outer.get("REDIS_URL") and not outer.get("BROKER_URL", "").startswith(REDIS_SCHEMES)


def environment(home: Home, ports: Ports, outer: Mapping[str, str]) -> dict[str, str]:
    """Return the variables of the stack's processes; what the user has set stands, an empty variable is not set."""
    own = f"redis://{LOOPBACK}:{ports.broker}/0"
    outside = {name: value for name, value in outer.items() if value}
    redis = outside.get("REDIS_URL") or (own if needs_broker(outside) else outside["BROKER_URL"])
    defaults = {
        "DATABASE_URL": f"sqlite:///{home.path / 'cutwork.db'}",
        "BROKER_URL": redis,
        "REDIS_URL": redis,
        "STORAGE_DIR": str(home.path / "storage"),
        "SCRATCH_DIR": str(home.scratch),
        "PUBLIC_URL": ports.url,
        "MAIL_DIR": str(home.path / "mail"),
        # Ctrl-C shall not take long: a worker may end its stage in this time, then the stage is given back.
        "SHUTDOWN_GRACE_S": "3",
        "REMAP_SIGTERM": "SIGQUIT",
    }
    if "SECRET_KEY_FILE" not in outside and "SECRET_KEY" not in outside:
        defaults["SECRET_KEY"] = home.secret()
    if "BOOTSTRAP_API_KEY_FILE" not in outside and "BOOTSTRAP_API_KEY" not in outside:
        defaults["BOOTSTRAP_API_KEY"] = home.key()
    fixed = {
        "CUTWORK_HOME": str(home.path),
        "API_PORT": str(ports.api),
        "FLOWER_PORT": str(ports.flower),
        "BROKER_PORT": str(ports.broker),
        "BROKER_DIR": str(home.broker),
        "PYTHONUNBUFFERED": "1",
        # The Procfile's `python` and `gunicorn` are those of the environment that we run in.
        "PATH": os.pathsep.join(filter(None, [str(Path(sys.executable).parent), outer.get("PATH")])),
    }
    return defaults | outside | fixed
