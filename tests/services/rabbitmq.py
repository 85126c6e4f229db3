"""A RabbitMQ server of the system's package as a private node: on loopback, on free ports, its files in one folder."""

import os
import shutil
import signal
import subprocess
from contextlib import contextmanager
from pathlib import Path

import amqp
import pytest

from tests.services.ports import free_ports
from tests.services.process import serving

# Debian's `rabbitmq-server` on the path insists on being root and becomes the user rabbitmq; these are what it calls.
FOLDERS = ("/usr/lib/rabbitmq/bin", "/opt/rabbitmq/sbin", "/usr/local/sbin")
WHY = "RabbitMQ is not here. On Debian: apt install --no-install-recommends rabbitmq-server"


def server() -> str:
    """The program; where there is none the test is skipped, but under continuous integration it fails."""
    found = shutil.which("rabbitmq-server", path=os.pathsep.join(FOLDERS))
    if found is None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(WHY)
    return found


@contextmanager
def running(folder: Path, settings: str = ""):
    """Yield the URL of a node that keeps its data in a folder; `settings` are lines of its rabbitmq.conf.

    The port mapper that Erlang starts for a node would outlive it, so it is started here, on a port of its own.
    """
    program = server()
    port, distribution, mapper = free_ports(3)
    config = folder / "rabbitmq.conf"
    config.write_text(f"listeners.tcp.1 = 127.0.0.1:{port}\nloopback_users = none\n{settings}\n")
    plugins = folder / "enabled_plugins"
    plugins.write_text("[].\n")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("RABBITMQ_", "ERL_"))} | {
        "HOME": str(folder),
        "ERL_EPMD_PORT": str(mapper),
        "ERL_EPMD_ADDRESS": "127.0.0.1",
        "RABBITMQ_NODENAME": f"cutwork-{port}@localhost",
        "RABBITMQ_NODE_PORT": str(port),
        "RABBITMQ_DIST_PORT": str(distribution),
        "RABBITMQ_CONF_ENV_FILE": os.devnull,
        "RABBITMQ_CONFIG_FILE": str(config),
        "RABBITMQ_ADVANCED_CONFIG_FILE": str(folder / "none.config"),
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(plugins),
        "RABBITMQ_MNESIA_BASE": str(folder / "data"),
        "RABBITMQ_LOG_BASE": str(folder / "log"),
        "RABBITMQ_LOGS": "-",
        "RABBITMQ_PID_FILE": str(folder / "pid"),
        "RABBITMQ_GENERATED_CONFIG_DIR": str(folder / "config"),
        # Distribution on loopback only, and no wide use of the cores.
        "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1} +S 1:1 +sbwt none",
    }
    url = f"amqp://guest:guest@127.0.0.1:{port}//"
    options = {"env": environment, "cwd": folder}
    map_names = [shutil.which("epmd") or "epmd", "-port", str(mapper), "-address", "127.0.0.1"]
    with (
        serving(map_names, log=folder / "epmd.log", ready=lambda: _maps(mapper), stop=signal.SIGTERM, **options),
        serving([program], log=folder / "rabbitmq.log", ready=lambda: answers(port), stop=signal.SIGTERM, **options),
    ):
        yield url


def answers(port: int) -> bool:
    """Whether the node takes connections."""
    try:
        with amqp.Connection(f"127.0.0.1:{port}", connect_timeout=10):
            return True
    except (OSError, amqp.exceptions.AMQPError):
        return False


def _maps(port: int) -> bool:
    asked = subprocess.run(["epmd", "-port", str(port), "-names"], capture_output=True, timeout=60, check=False)
    return asked.returncode == 0
