"""A process of its own that tracks work as users do, and reads NVML's energy counters directly at both of its ends.

It prints one line of JSON, see `main`.
"""

import argparse
import importlib.util
import json
import time
from collections.abc import Callable
from tempfile import TemporaryDirectory
from typing import Any

import pynvml

from carbon_pipeline import track


def hide_energy_counters() -> None:
    """Let this process's NVML report that the GPUs have no energy counter, as GPUs before Volta do."""

    def fail(handle: object) -> int:
        raise pynvml.NVMLError(pynvml.NVML_ERROR_NOT_SUPPORTED)

    pynvml.nvmlDeviceGetTotalEnergyConsumption = fail


def make_training() -> Callable[[float], None] | str:
    """Prepare a training with PyTorch.

    Returns:
        A function that trains for a time in seconds; or why it cannot be run.
    """
    if not importlib.util.find_spec("torch"):
        return "PyTorch is not installed"
    import torch

    if not torch.cuda.is_available():
        return "PyTorch sees no GPU"
    layers = [layer for _ in range(4) for layer in (torch.nn.Linear(4096, 4096), torch.nn.ReLU())]
    model = torch.nn.Sequential(*layers).cuda()
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-3)
    batch = torch.randn(4096, 4096, device="cuda")

    def train(seconds: float) -> None:
        end = time.perf_counter() + seconds
        while time.perf_counter() < end:
            optimizer.zero_grad()
            torch.nn.functional.mse_loss(model(batch), batch).backward()
            optimizer.step()
            torch.cuda.synchronize()

    return train


def main() -> None:
    """Print `gpu_energy_j`, `gpu_method`, `gpu_tracked_count` and `duration_s` of the record and `direct_j`, which is
    None if NVML has no counter; or `not_run`, the reason.
    """
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, required=True)
    parser.add_argument("--gpus", required=True, help="NVML indexes of the GPUs whose counters are read, as 0,1")
    parser.add_argument("--without-counter", action="store_true")
    parser.add_argument("--train", action="store_true", help="train with PyTorch instead of waiting")
    told = parser.parse_args()
    work = make_training() if told.train else time.sleep
    if isinstance(work, str):
        print(json.dumps({"not_run": work}))
        return

    pynvml.nvmlInit()
    handles = [pynvml.nvmlDeviceGetHandleByIndex(int(index)) for index in told.gpus.split(",")]
    read_counter = pynvml.nvmlDeviceGetTotalEnergyConsumption
    if told.without_counter:
        hide_energy_counters()

    def direct_j() -> float | None:
        try:
            return float(sum(map(read_counter, handles)) / 1000)
        except pynvml.NVMLError:
            return None

    with TemporaryDirectory() as folder, track("gpu check", data_dir=folder, geolocation=False) as run:
        before = direct_j()
        work(told.seconds)
        after = direct_j()
    record = run.record
    assert record is not None
    kwh = record.gpu_energy_kwh
    found: dict[str, Any] = record.model_dump(include={"gpu_method", "gpu_tracked_count", "duration_s"})
    found["gpu_energy_j"] = None if kwh is None else kwh * 3.6e6
    found["direct_j"] = None if before is None or after is None else after - before
    print(json.dumps(found))


if __name__ == "__main__":
    main()
