"""A Ray cluster of two nodes on this machine, which is thrown away after a test.

The nodes are two sets of processes with addresses of their own on the loopback, so that no network is needed. The
second one sees another host name, as a second machine would have it.

>>> with ray_cluster() as cluster:
...     subprocess.run(command, env={**os.environ, "RAY_API_SERVER_ADDRESS": cluster.url})
...     cluster.kill(cluster.second)
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from carbon_pipeline_tests.cluster.processes import (
    ServerError,
    free_ports,
    kill_marked,
    memory_mb,
    start,
    wait_for_line,
)

HEAD, SECOND = "127.0.0.2", "127.0.0.3"
"""Addresses of the nodes. Not 127.0.0.1, for which Ray puts an address of its own: work on a second node then hangs."""

SECOND_HOST = "second"

SETTINGS = {
    "RAY_USAGE_STATS_ENABLED": "0",
    # A node that is killed refuses connections at once: it counts as dead after five attempts, a second apart.
    "RAY_health_check_initial_delay_ms": "1000",
    "RAY_health_check_period_ms": "1000",
    "RAY_health_check_failure_threshold": "5",
}
STORE_BYTES = 80_000_000
"""The least memory for objects that Ray accepts is 75 MB."""

READY = "Ray runtime started"


@dataclass(frozen=True)
class Node:
    """A node of the cluster.

    Attributes:
        name: "head" or "second".
        address: its address.
        mark: name of its processes.
    """

    name: str
    address: str
    mark: str


@dataclass(frozen=True)
class RayCluster:
    """The cluster.

    Attributes:
        head: the node with Ray's own servers; jobs that ask for nothing run on it.
        second: the other one.
        port: where nodes join.
        url: where jobs are submitted: RAY_API_SERVER_ADDRESS.
    """

    head: Node
    second: Node
    port: int
    url: str

    def kill(self, node: Node) -> int:
        """Kill all processes of a node, the work on it included. Returns their number."""
        return kill_marked(node.mark)

    def states(self) -> dict[str, str]:
        """What Ray thinks of its nodes: address to ALIVE or DEAD."""
        from ray.util.state import list_nodes

        return {node.node_ip: node.state for node in list_nodes(address=self.url)}

    def memory_mb(self) -> float:
        """Memory that all its processes have of their own, MB."""
        return memory_mb(self.head.mark) + memory_mb(self.second.mark)


@contextmanager
def ray_cluster(
    cpus: int = 2, gpus: int = 0, second_host: str | None = SECOND_HOST, environment: Mapping[str, str] | None = None
) -> Iterator[RayCluster]:
    """Run a Ray cluster of two nodes.

    Args:
        cpus: what each node has, for Ray.
        gpus: what each node has, for Ray, which does not look whether they exist.
        second_host: host name of the second node; None for that of this machine.
        environment: what both nodes hand down to their work, on top of the environment of this process; `%NODE%` in
            a value becomes the name of the node.

    Raises:
        ServerError: Ray or a part of it is not installed, or a node does not start.
    """
    _require_parts()
    folder = Path(tempfile.mkdtemp(prefix="carbon-ray-"))  # short, since a socket's path has at most 107 characters
    port, jobs, client, *agents = free_ports(5)
    head, second = Node("head", HEAD, f"{folder}/head"), Node("second", SECOND, f"{folder}/second")
    cluster = RayCluster(head, second, port, f"http://127.0.0.1:{jobs}")
    common = [f"--num-cpus={cpus}", f"--num-gpus={gpus}", f"--object-store-memory={STORE_BYTES}", "--block"]
    common += ["--min-worker-port=0", "--max-worker-port=0"]  # free ones
    own = {
        head: [
            *("--head", f"--port={port}", f"--temp-dir={folder}", f"--ray-client-server-port={client}"),
            *("--include-dashboard=true", "--dashboard-host=127.0.0.1", f"--dashboard-port={jobs}"),
        ],
        second: [f"--address={HEAD}:{port}"],
    }
    try:
        for node, agent in zip((head, second), agents, strict=True):
            options = [
                *own[node],
                f"--node-ip-address={node.address}",
                f"--dashboard-agent-listen-port={agent}",
                *common,
            ]
            options += ["--resources", json.dumps({node.name: 1})]
            command = [*_as_host(second_host if node is second else None), sys.executable, "-m", "ray.scripts.scripts"]
            log = folder / f"{node.name}.log"
            process = start([*command, "start", *options], log, node.mark, _environment(node, environment or {}))
            wait_for_line(process, log, READY)
        yield cluster
    finally:
        for node in (second, head):
            kill_marked(node.mark)
        shutil.rmtree(folder, ignore_errors=True)


def _environment(node: Node, more: Mapping[str, str]) -> dict[str, str]:
    own = ("RAY_", "CARBON_", "DAGSTER_")
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(own)}
    # dagster-ray starts a step by the bare command `dagster`: it has to be on the path of the node.
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    own_values = {name: value.replace("%NODE%", node.name) for name, value in more.items()}
    return {**inherited, **SETTINGS, "PYTHONUNBUFFERED": "1", "PATH": path, **own_values}


def _as_host(name: str | None) -> list[str]:
    """How to run a command under another host name."""
    if name is None:
        return []
    own_user = [] if os.geteuid() == 0 else ["--map-root-user"]
    unshare = ["unshare", *own_user, "--uts"]
    if subprocess.run([*unshare, "hostname", name], capture_output=True, check=False).returncode:
        print("a process cannot have a host name of its own here: both nodes have that of this machine")
        return []
    return [*unshare, "sh", "-c", f'hostname {name} && exec "$@"', "sh"]


def _require_parts() -> None:
    from importlib.util import find_spec

    if not (find_spec("ray") and find_spec("aiohttp")):
        raise ServerError("Ray takes jobs only with its extra `default`: pip install 'ray[default]'")
