"""An S3 that is thrown away after a test: moto's server, in a process of its own.

>>> with s3() as store:
...     subprocess.run(command, env={**os.environ, **store.environment, "CARBON_LANDING_URL": store.url})
"""

import os
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from carbon_pipeline_tests.cluster.processes import free_ports, start, stop, wait_for_line

BUCKET = "runs"


@dataclass(frozen=True)
class S3:
    """A server with an empty bucket.

    Attributes:
        url: a part of that bucket.
        environment: what obstore needs to reach it.
        pid: ID of its process.
    """

    url: str
    environment: dict[str, str]
    pid: int

    @contextmanager
    def away(self) -> Iterator[None]:
        """Let it hang for the time of a block."""
        os.kill(self.pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(self.pid, signal.SIGCONT)


@contextmanager
def s3() -> Iterator[S3]:
    """Run moto's server on a free port of the loopback.

    Raises:
        ServerError: it does not start.
    """
    (port,) = free_ports(1)
    environment = {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
        "AWS_ACCESS_KEY_ID": "somebody",
        "AWS_SECRET_ACCESS_KEY": "something",
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    with tempfile.TemporaryDirectory(prefix="carbon-s3-") as folder:
        log = Path(folder) / "log"
        command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
        process = start(command, log, folder, os.environ)
        try:
            wait_for_line(process, log, "Running on")
            _make_bucket(environment)
            yield S3(f"s3://{BUCKET}/carbon", environment, process.pid)
        finally:
            stop(process, folder)


def _make_bucket(environment: dict[str, str]) -> None:
    import boto3

    time.sleep(0.2)
    client = boto3.client(
        "s3",
        endpoint_url=environment["AWS_ENDPOINT_URL"],
        aws_access_key_id=environment["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=environment["AWS_SECRET_ACCESS_KEY"],
        region_name=environment["AWS_REGION"],
    )
    client.create_bucket(Bucket=BUCKET)
