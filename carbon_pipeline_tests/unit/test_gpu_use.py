"""Which part of the GPUs the processes of a run use, over a stand-in for NVIDIA's library and for both clocks."""

import importlib
import json
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from carbon_pipeline.probes import gpu_use
from carbon_pipeline.probes.gpu_use import GpuUse, GpuUseCounter

FAKE = Path(__file__).parent.parent / "fake_nvml"
GIB = 1024**3
OURS, OTHERS = 41, 42


class Clock:
    """Time that passes when a test says so; NVML's samples are stamped by it too."""

    def __init__(self) -> None:
        self.now_us = 1_800_000_000_000_000

    def wait(self, seconds: float) -> None:
        self.now_us += round(seconds * 1e6)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    fake_time = SimpleNamespace(time_ns=lambda: clock.now_us * 1000, monotonic=lambda: clock.now_us / 1e6)
    monkeypatch.setattr(gpu_use, "time", fake_time)
    return clock


@pytest.fixture
def boards(monkeypatch: pytest.MonkeyPatch, clock: Clock) -> list[dict[str, Any]]:
    """Two boards; what a test changes of them is what NVML reports next. This process is outside of containers."""
    monkeypatch.setenv("FAKE_NVML", json.dumps([{"uuid": f"GPU-{i}", "power_w": 100, "samples": []} for i in (0, 1)]))
    monkeypatch.syspath_prepend(FAKE)
    monkeypatch.delitem(sys.modules, "pynvml", raising=False)
    module = importlib.import_module("pynvml")
    monkeypatch.setitem(sys.modules, "pynvml", module)
    monkeypatch.setattr(module, "time", SimpleNamespace(time_ns=lambda: clock.now_us * 1000))
    monkeypatch.setattr(gpu_use, "_has_pids_of_host", lambda: True)
    return list(module.BOARDS)


def processes(*entries: tuple[int, int, int | None]) -> list[dict[str, Any]]:
    return [{"pid": pid, "sm": percent, "memory": memory} for pid, percent, memory in entries]


def test_the_use_of_the_processes_is_summed_over_time_and_gpus(boards: list[dict[str, Any]], clock: Clock) -> None:
    boards[0]["processes"] = processes((OURS, 50, 2 * GIB), (OTHERS, 30, 8 * GIB))
    boards[1]["processes"] = processes((OURS, 10, GIB))
    counter = GpuUseCounter([0, 1])
    for _ in range(10):
        clock.wait(1)
        use = counter.read([OURS])
    assert use == pytest.approx((6.0, 30.0))


def test_only_the_measured_gpus_count(boards: list[dict[str, Any]], clock: Clock) -> None:
    boards[0]["processes"] = processes((OURS, 50, GIB))
    boards[1]["processes"] = processes((OURS, 100, GIB))
    counter, of_all = GpuUseCounter([0]), GpuUseCounter()
    clock.wait(2)
    assert counter.read([OURS]) == pytest.approx((1.0, 2.0))
    assert of_all.read([OURS]) == pytest.approx((3.0, 4.0))


def test_a_process_that_uses_no_gpu_has_used_zero(boards: list[dict[str, Any]], clock: Clock) -> None:
    boards[0]["processes"] = processes((OTHERS, 100, GIB))
    counter = GpuUseCounter()
    clock.wait(1)
    assert counter.read([OURS]) == (0, 0)
    boards[0]["processes"] = []
    clock.wait(1)
    assert counter.read([OURS]) == (0, 0)


def test_a_sample_after_a_long_idle_time_counts_for_its_own_time_only(
    boards: list[dict[str, Any]], clock: Clock
) -> None:
    counter = GpuUseCounter()
    for _ in range(60):
        clock.wait(1)
        counter.read([OURS])
    clock.wait(0.5)
    boards[0]["processes"] = processes((OURS, 100, GIB))
    assert counter.read([OURS]).gpu_s == pytest.approx(1, abs=0.51)


def test_a_sample_counts_once_and_impossible_ones_never(boards: list[dict[str, Any]], clock: Clock) -> None:
    counter = GpuUseCounter()
    clock.wait(1)
    boards[0]["samples"] = [
        {"pid": OURS, "timeStamp": clock.now_us - 200_000, "smUtil": 50},
        {"pid": OTHERS, "timeStamp": clock.now_us, "smUtil": 50},
        {"pid": OURS, "timeStamp": clock.now_us, "smUtil": 3_000_000},
        {"pid": OURS, "timeStamp": 2**63, "smUtil": 100},
    ]
    for _ in range(3):
        assert counter.read([OURS]).gpu_s == pytest.approx(0.5)
        clock.wait(0.1)


@pytest.mark.parametrize(("fails", "expected_s"), [({}, 0.6), ({"nvmlDeviceGetSamples": "NVML_ERROR_NOT_FOUND"}, 0.36)])
def test_the_use_of_a_process_that_went_idle_is_its_part_of_the_whole_time(
    boards: list[dict[str, Any]], clock: Clock, fails: dict[str, str], expected_s: float
) -> None:
    counter = GpuUseCounter()
    clock.wait(1)
    boards[0]["samples"] = [{"pid": OURS, "timeStamp": clock.now_us - 400_000, "smUtil": 60}]
    boards[0]["fails"] = fails
    assert counter.read([OURS]).gpu_s == pytest.approx(expected_s)


def test_the_use_of_a_process_that_has_just_ended_is_kept(boards: list[dict[str, Any]], clock: Clock) -> None:
    boards[0]["processes"] = processes((OURS, 100, GIB))
    counter = GpuUseCounter()
    clock.wait(1)
    counter.read([OURS])
    clock.wait(1)
    assert counter.read([]).gpu_s == pytest.approx(2)
    clock.wait(1)
    assert counter.read([]).gpu_s == pytest.approx(2)


def test_a_clock_that_is_set_back_or_forward_adds_no_use(boards: list[dict[str, Any]], clock: Clock) -> None:
    counter = GpuUseCounter()
    for jump_s in (-3600, 3600):
        clock.wait(jump_s)
        counter.read([OURS])
    boards[0]["processes"] = processes((OURS, 100, GIB))
    clock.wait(1)
    assert counter.read([OURS]).gpu_s == pytest.approx(1, abs=1.01)


@pytest.mark.parametrize(
    "error", ["NVML_ERROR_NOT_SUPPORTED", "NVML_ERROR_NO_PERMISSION", "NVML_ERROR_FUNCTION_NOT_FOUND"]
)
def test_use_that_nvml_does_not_report_is_unknown_for_good(
    boards: list[dict[str, Any]], clock: Clock, error: str
) -> None:
    boards[1]["fails"] = {"nvmlDeviceGetProcessUtilization": error}
    boards[0]["processes"] = processes((OURS, 100, GIB))
    counter = GpuUseCounter()
    clock.wait(1)
    assert counter.read([OURS]) == (None, pytest.approx(1))
    boards[1]["fails"] = {}
    assert counter.read([OURS]).gpu_s is None


def test_a_read_that_fails_is_unknown_and_the_next_one_covers_its_time(
    boards: list[dict[str, Any]], clock: Clock
) -> None:
    boards[0]["processes"] = processes((OURS, 100, GIB))
    counter = GpuUseCounter()
    lost = "NVML_ERROR_GPU_IS_LOST"
    boards[1]["fails"] = {"nvmlDeviceGetProcessUtilization": lost, "nvmlDeviceGetComputeRunningProcesses": lost}
    clock.wait(1)
    assert counter.read([OURS]) == GpuUse(None, None)
    boards[1]["fails"] = {}
    clock.wait(1)
    assert counter.read([OURS]) == pytest.approx((2, 2))


def test_memory_that_is_not_available_is_unknown(boards: list[dict[str, Any]], clock: Clock) -> None:
    boards[0]["processes"] = processes((OURS, 100, None))
    counter = GpuUseCounter()
    clock.wait(1)
    assert counter.read([OURS]) == (pytest.approx(1), None)


def test_a_process_that_computes_and_draws_is_counted_once(boards: list[dict[str, Any]], clock: Clock) -> None:
    compute = processes((OURS, 0, GIB), (OURS, 0, GIB))  # two MIG slices
    boards[0]["processes"] = [*compute, {"pid": OURS, "sm": 0, "memory": GIB, "kind": "Graphics"}]
    boards[1]["fails"] = {"nvmlDeviceGetGraphicsRunningProcesses": "NVML_ERROR_NOT_SUPPORTED"}
    counter = GpuUseCounter()
    clock.wait(1)
    assert counter.read([OURS]).gpu_memory_gb_s == pytest.approx(2)


def test_in_a_container_an_unreported_process_is_unknown_until_one_is_reported(
    boards: list[dict[str, Any]], clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gpu_use, "_has_pids_of_host", lambda: False)
    boards[0]["processes"] = processes((645_400, 100, GIB))  # ours, under its PID of the host
    counter = GpuUseCounter()
    clock.wait(1)
    assert counter.read([OURS]) == GpuUse(None, None)
    boards[0]["processes"] = [
        {"pid": 645_400, "sm": 100, "memory": 0},
        {"pid": OURS, "sm": 0, "memory": GIB},
    ]  # as drivers 560 report it: the lists have the PIDs of the container, the samples those of the host
    clock.wait(1)
    assert counter.read([OURS]) == (None, pytest.approx(1))
    boards[0]["processes"] = processes((OURS, 100, GIB))
    clock.wait(1)
    assert counter.read([OURS]) == pytest.approx((1, 2))
    boards[0]["processes"] = []
    clock.wait(1)
    assert counter.read([OURS]) == pytest.approx((1, 2))


def test_a_container_is_recognized_by_its_pid_namespace(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    link = tmp_path / "pid"
    monkeypatch.setattr(gpu_use, "_PID_NAMESPACE", link)
    for target, expected in (("pid:[4026531836]", True), ("pid:[4026532201]", False)):
        link.unlink(missing_ok=True)
        link.symlink_to(target)
        assert gpu_use._has_pids_of_host() == expected


@pytest.mark.parametrize("indexes", [None, [0], [7]])
def test_without_nvml_or_the_gpu_the_use_is_unknown(
    boards: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch, indexes: list[int] | None
) -> None:
    if indexes != [7]:
        monkeypatch.setitem(sys.modules, "pynvml", None)
    assert GpuUseCounter(indexes).read([OURS]) == GpuUse(None, None)


def test_a_read_is_four_calls_of_nvml_per_gpu(
    boards: list[dict[str, Any]], clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What they cost on a real GPU is a row of `make test-gpu`."""
    for board in boards:
        board["processes"] = processes((OURS, 50, GIB))
    counter, calls = GpuUseCounter(), []
    for name, function in list(vars(sys.modules["pynvml"]).items()):
        if name.startswith("nvml"):
            monkeypatch.setattr(sys.modules["pynvml"], name, lambda *a, f=function: (calls.append(f), f(*a))[1])
    clock.wait(1)
    counter.read([OURS])
    assert len(calls) == 4 * len(boards)
