"""A PostgreSQL that is thrown away after a test.

>>> with postgres() as server:
...     (dagster_home / "dagster.yaml").write_text(dagster_yaml(server))
"""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from carbon_pipeline_tests.cluster.processes import ServerError, free_ports, start, stop, wait_for_line

BINARIES = "/usr/lib/postgresql"
USER = "postgres"
QUICK = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "shared_buffers=16MB", "max_connections=100")


@dataclass(frozen=True)
class Postgres:
    """A server with an empty database, which trusts everyone on this machine.

    Attributes:
        port: its port on 127.0.0.1.
        mark: name of its processes.
    """

    port: int
    mark: str
    host: str = "127.0.0.1"
    user: str = USER
    database: str = "postgres"


@contextmanager
def postgres() -> Iterator[Postgres]:
    """Run a PostgreSQL of Debian's on a free port of the loopback.

    Raises:
        ServerError: it is not installed, or does not start.
    """
    binaries = _binaries()
    folder = Path(tempfile.mkdtemp(prefix="carbon-postgres-"))  # pytest's own folders are closed to other users
    data, log = folder / "data", folder / "log"
    server = Postgres(port=free_ports(1)[0], mark=str(folder))
    try:
        if os.geteuid() == 0:
            shutil.chown(folder, USER, USER)
        _create(binaries, data)
        options = [f"port={server.port}", f"listen_addresses={server.host}", "unix_socket_directories=", *QUICK]
        flags = [part for option in options for part in ("-c", option)]
        command = [str(binaries / "postgres"), "-D", str(data), *flags]
        process = start(command, log, server.mark, os.environ, user=_as_user(), stop_signal="INT")
        try:
            wait_for_line(process, log, "database system is ready to accept connections")
            yield server
        finally:
            stop(process, server.mark, signal.SIGINT)  # else its shared memory would be left
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def dagster_yaml(server: Postgres) -> str:
    """Configuration of a Dagster instance whose runs, events and schedules are in this database."""
    return (
        "telemetry: {enabled: false}\n"
        "nux: {enabled: false}\n"
        "storage:\n"
        "  postgres:\n"
        "    postgres_db:\n"
        f"      hostname: {server.host}\n"
        f"      port: {server.port}\n"
        f"      username: {server.user}\n"
        '      password: ""\n'
        f"      db_name: {server.database}\n"
    )


def _binaries() -> Path:
    versions = sorted(Path(BINARIES).glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    if not versions:
        raise ServerError(f"no PostgreSQL in {BINARIES}: apt-get install -y postgresql")
    return versions[-1].parent


def _create(binaries: Path, data: Path) -> None:
    options = ["--no-sync", "--auth=trust", f"--username={USER}", "--encoding=UTF8", "--locale=C"]
    command = [*_as_user(), str(binaries / "initdb"), *options, "-D", str(data)]
    done = subprocess.run(command, capture_output=True, text=True, cwd="/", check=False)
    if done.returncode:
        raise ServerError(f"initdb: {done.stderr.strip()}")


def _as_user() -> list[str]:
    """How to run a command as another user, since PostgreSQL refuses to work for root."""
    if os.geteuid() != 0:
        return []
    who = pwd.getpwnam(USER)
    return ["setpriv", f"--reuid={who.pw_uid}", f"--regid={who.pw_gid}", "--clear-groups"]
