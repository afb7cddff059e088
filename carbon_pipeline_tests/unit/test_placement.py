"""Where schedulers have put a process: what their variables and control groups tell."""

from pathlib import Path

import psutil
import pytest

from carbon_pipeline.probes import placement
from carbon_pipeline.probes.placement import probe_placement


@pytest.fixture(autouse=True)
def no_cgroups(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Control groups that are files of this test."""
    monkeypatch.setattr(placement, "_CGROUPS", tmp_path / "cgroup")
    monkeypatch.setattr(placement, "_OWN_CGROUP", tmp_path / "own")
    monkeypatch.setattr(placement, "_SERVICE_ACCOUNT", tmp_path / "namespace")
    return tmp_path


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_outside_of_any_scheduler_nothing_is_said() -> None:
    assert probe_placement({}) is None


def test_the_job_of_slurm_is_told_with_array_and_rank() -> None:
    found = probe_placement({
        "SLURM_JOB_ID": "77", "SLURM_ARRAY_JOB_ID": "70", "SLURM_ARRAY_TASK_ID": "3", "SLURM_PROCID": "2",
        "SLURMD_NODENAME": "node 5", "SLURM_JOB_PARTITION": "gpu",
    })  # fmt: skip
    assert found
    assert (found.slurm_job_id, found.slurm_array_job_id, found.slurm_array_task_id) == ("77", "70", "3")
    assert (found.slurm_rank, found.slurm_node, found.slurm_partition) == (2, "node 5", "gpu")


def test_a_variable_that_holds_something_else_costs_only_itself() -> None:
    found = probe_placement({"SLURM_JOB_ID": "77", "SLURM_PROCID": "first"})
    assert found
    assert (found.slurm_job_id, found.slurm_rank) == ("77", None)


def test_the_pod_of_kubernetes_is_told_and_a_host_name_elsewhere_is_none(no_cgroups: Path) -> None:
    assert probe_placement({"HOSTNAME": "laptop"}) is None
    write(no_cgroups / "namespace", "training\n")
    found = probe_placement({"KUBERNETES_SERVICE_HOST": "10.0.0.1", "HOSTNAME": "fit-x7k2", "NODE_NAME": "worker-1"})
    assert found
    assert (found.kubernetes_namespace, found.kubernetes_pod, found.kubernetes_node) == (
        "training",
        "fit-x7k2",
        "worker-1",
    )


def test_the_limits_are_the_tightest_of_the_control_group_and_those_above(no_cgroups: Path) -> None:
    write(no_cgroups / "own", "0::/slurm/job_1\n")
    write(no_cgroups / "cgroup" / "slurm" / "job_1" / "cpu.max", "max 100000\n")
    write(no_cgroups / "cgroup" / "slurm" / "job_1" / "memory.max", str(4 * 2**30))
    write(no_cgroups / "cgroup" / "slurm" / "cpu.max", "250000 100000\n")
    write(no_cgroups / "cgroup" / "slurm" / "memory.max", "max\n")
    found = probe_placement({})
    assert found
    assert (found.cgroup_cpus, found.cgroup_ram_gb) == (2.5, 4.0)


def test_the_limits_of_the_first_version_of_control_groups_are_read(no_cgroups: Path) -> None:
    write(no_cgroups / "own", "5:cpu,cpuacct:/docker/1\n4:memory:/docker/1\n1:name=systemd:/\n")
    write(no_cgroups / "cgroup" / "cpu" / "docker" / "1" / "cpu.cfs_quota_us", "150000\n")
    write(no_cgroups / "cgroup" / "cpu" / "docker" / "1" / "cpu.cfs_period_us", "100000\n")
    write(no_cgroups / "cgroup" / "memory" / "docker" / "1" / "memory.limit_in_bytes", "9223372036854771712\n")
    write(no_cgroups / "cgroup" / "memory" / "memory.limit_in_bytes", str(2**31))
    found = probe_placement({})
    assert found
    assert (found.cgroup_cpus, found.cgroup_ram_gb) == (1.5, 2.0)


def test_the_node_of_ray_is_that_of_the_raylet_above_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    class Raylet:
        def name(self) -> str:
            return "raylet"

        def cmdline(self) -> list[str]:
            return ["raylet", "--node_ip_address=10.0.0.2", "--node_id=abc123"]

    monkeypatch.setattr(psutil.Process, "parents", lambda self: [self, Raylet()])
    assert probe_placement({}) is None  # nobody looks where Ray has not started the process
    found = probe_placement({"RAY_JOB_CONFIG_JSON_ENV_VAR": "{}"})
    assert found
    assert found.ray_node_id == "abc123"
