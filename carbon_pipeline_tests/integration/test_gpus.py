"""GPUs without a GPU: the real CodeCarbon and the real probes over a stand-in for NVIDIA's library."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

FAKE = Path(__file__).parent.parent / "fake_nvml"
A, B = "GPU-4e8103f5-aaaa-0000-0000-000000000000", "GPU-4e8199b0-bbbb-0000-0000-000000000000"
SLICE = "MIG-1c2d3e4f-cccc-0000-0000-000000000000"
BOARDS = [{"uuid": A, "power_w": 100}, {"uuid": B, "power_w": 300, "mig": [SLICE]}]
WORK = """
import time
from carbon_pipeline import track
with track("fit") as run:
    time.sleep(1.2)
print(run.record.model_dump_json())
"""


@pytest.fixture(autouse=True)
def nvidia_smi(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """CodeCarbon takes a machine for one with NVIDIA GPUs if this command answers."""
    command = tmp_path / "bin" / "nvidia-smi"
    command.parent.mkdir()
    command.write_text("#!/bin/sh\n")
    command.chmod(0o755)
    monkeypatch.setenv("PATH", f"{command.parent}:{os.environ['PATH']}")
    return command


def tracked(boards: list[dict[str, Any]], visible: str | None = None) -> dict[str, Any]:
    environment = {**os.environ, "PYTHONPATH": str(FAKE), "FAKE_NVML": json.dumps(boards)}
    environment.pop("CUDA_VISIBLE_DEVICES", None)
    if visible is not None:
        environment["CUDA_VISIBLE_DEVICES"] = visible
    done = subprocess.run([sys.executable, "-c", WORK], env=environment, capture_output=True, text=True, check=True)
    return dict(json.loads(done.stdout))


@pytest.mark.parametrize(
    ("visible", "measured", "power_w"),
    [
        (None, 2, 400),
        pytest.param("0", 1, 100, marks=pytest.mark.long),
        pytest.param("1,0", 2, 400, marks=pytest.mark.long),
        (A, 1, 100),
        pytest.param(B, 1, 300, marks=pytest.mark.long),
        pytest.param("GPU-4e8199", 1, 300, marks=pytest.mark.long),
        pytest.param(f"{A},{B}", 2, 400, marks=pytest.mark.long),
        (SLICE, 1, 300),  # a slice has no energy of its own: its whole board
        pytest.param(f"MIG-{B}/1/0", 1, 300, marks=pytest.mark.long),
        pytest.param("0,7,1", 1, 100, marks=pytest.mark.long),  # CUDA stops at the first one that is none
        ("-1", 2, 400),  # the work sees no GPU, but the machine draws their power
        pytest.param("", 2, 400, marks=pytest.mark.long),
        pytest.param("GPU-4e81", 2, 400, marks=pytest.mark.long),  # fits two boards, so it is none for CUDA
        pytest.param("MIG-no-such-slice", 2, 400, marks=pytest.mark.long),
    ],
)
def test_the_gpus_that_the_work_may_use_are_measured_by_index_or_uuid(
    data_dir: Path, visible: str | None, measured: int, power_w: float
) -> None:
    record = tracked(BOARDS, visible)
    assert record["gpu_tracked_count"] == measured
    assert record["gpu_power_w"] == pytest.approx(power_w, rel=0.1)
    assert (record["gpu_count"], record["gpu_method"]) == (2, "nvml_counter")
    assert record["gpu_model"] == "2 x NVIDIA A100-SXM4-80GB"
    assert record["gpu_memory_gb"] == 80
    assert ("gpu_not_measured" in record["flags"]) == (measured < 2)  # the machine has two


def test_a_board_without_an_energy_counter_is_sampled_and_marked(data_dir: Path) -> None:
    record = tracked([{"uuid": A, "power_w": 100, "counter": False}])
    assert record["gpu_method"] == "nvml_sampled"
    assert record["gpu_power_w"] == pytest.approx(100, rel=0.2)


def test_gpus_that_the_meter_does_not_see_are_no_zero(data_dir: Path, nvidia_smi: Path) -> None:
    nvidia_smi.unlink()  # as in many containers
    record = tracked(BOARDS)
    assert (record["gpu_count"], record["gpu_method"], record["gpu_energy_kwh"]) == (2, "none", None)
    assert {"gpu_not_measured", "energy_missing"} <= set(record["flags"])
