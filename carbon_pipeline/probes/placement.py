"""Where a scheduler has put this process: Ray, SLURM, Kubernetes, and the limits of its control group."""

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from pydantic import ValidationError

from carbon_pipeline.model.placement import Placement

_CGROUPS = Path("/sys/fs/cgroup")
_OWN_CGROUP = Path("/proc/self/cgroup")
_SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")

SLURM = {
    "slurm_job_id": "SLURM_JOB_ID",
    "slurm_array_job_id": "SLURM_ARRAY_JOB_ID",
    "slurm_array_task_id": "SLURM_ARRAY_TASK_ID",
    "slurm_rank": "SLURM_PROCID",
    "slurm_node": "SLURMD_NODENAME",
    "slurm_partition": "SLURM_JOB_PARTITION",
}
"""SLURM's variables (sbatch and srun, "output environment variables")."""

KUBERNETES = {
    "kubernetes_namespace": ("POD_NAMESPACE", "KUBERNETES_NAMESPACE"),
    "kubernetes_pod": ("POD_NAME", "HOSTNAME"),
    "kubernetes_node": ("NODE_NAME", "KUBERNETES_NODE_NAME"),
}
"""Variables that a pod's manifest fills by the downward API, by these names as a rule; the first that is set counts."""

UNLIMITED_GB = 2.0**23
"""cgroup v1 has a number close to 2^63 bytes where there is no limit."""


def probe_placement(environment: Mapping[str, str] | None = None) -> Placement | None:
    """Ask the environment, the ancestors of this process and its control group.

    Args:
        environment: the variables; default those of this process.

    Returns:
        What is known; None if that is nothing.
    """
    variables = os.environ if environment is None else environment
    found = {
        "ray_node_id": _ray_node() if "RAY_JOB_CONFIG_JSON_ENV_VAR" in variables or "RAY_JOB_ID" in variables else None,
        **{field: variables.get(name) or None for field, name in SLURM.items()},
        **_kubernetes(variables),
        "cgroup_cpus": min(_cpu_limits(), default=None),
        "cgroup_ram_gb": min(_memory_limits_gb(), default=None),
    }
    known = {name: value for name, value in found.items() if value is not None}
    try:
        return Placement.model_validate(known) if known else None
    except ValidationError as error:  # a variable that holds something else
        wrong = {part["loc"][0] for part in error.errors()}
        return Placement.model_validate({name: value for name, value in known.items() if name not in wrong})


def _ray_node() -> str | None:
    """The node of Ray from whose raylet this process descends; asking Ray itself would connect to its cluster."""
    import psutil

    with suppress(psutil.Error):
        for process in psutil.Process().parents():
            if process.name() == "raylet":
                return next((text[10:] for text in process.cmdline() if text.startswith("--node_id=")), None)
    return None


def _kubernetes(variables: Mapping[str, str]) -> dict[str, str | None]:
    if "KUBERNETES_SERVICE_HOST" not in variables:
        return {}
    found = {
        field: next((variables[name] for name in names if variables.get(name)), None)
        for field, names in KUBERNETES.items()
    }
    if found["kubernetes_namespace"] is None:
        with suppress(OSError):
            found["kubernetes_namespace"] = _SERVICE_ACCOUNT.read_text().strip() or None
    return found


def _folders(controller: str) -> Iterator[Path]:
    """The control group of this process with those above it: each of them limits it."""
    with suppress(OSError):
        for line in _OWN_CGROUP.read_text().splitlines():
            _, controllers, path = line.split(":", 2)
            if controllers and controller not in controllers.split(","):
                continue
            top = _CGROUPS / controller if controllers else _CGROUPS
            own = top / path.strip("/")
            # In a container, the path may be that of the host, which is not visible here.
            yield from (folder for folder in (own, *own.parents) if folder.is_relative_to(top) and folder.is_dir())


def _number(path: Path) -> float | None:
    with suppress(OSError, ValueError):
        return float(path.read_text())
    return None


def _cpu_limits() -> Iterator[float]:
    for folder in _folders("cpu"):
        with suppress(OSError):
            if found := re.fullmatch(r"(\d+) (\d+)", (folder / "cpu.max").read_text().strip()):
                yield int(found[1]) / int(found[2])
        quota, period = _number(folder / "cpu.cfs_quota_us"), _number(folder / "cpu.cfs_period_us")
        if quota and period and quota > 0:
            yield quota / period


def _memory_limits_gb() -> Iterator[float]:
    for folder in _folders("memory"):
        for name in ("memory.max", "memory.limit_in_bytes"):
            limit = _number(folder / name)
            if limit and limit / 2**30 < UNLIMITED_GB:
                yield limit / 2**30
