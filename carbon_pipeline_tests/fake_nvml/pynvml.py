"""A stand-in for NVIDIA's library, put in front of the real one by PYTHONPATH: CodeCarbon and the probes see boards.

FAKE_NVML holds them as JSON: a list of {"uuid", "power_w", "counter" (default true), "mig" (UUIDs of its slices)}.
Energy counters rise with time, in millijoules, as the real ones do; with "curve" and "origin" as those of fake_machine.

The processes of a board are in its list "processes", {"pid", "sm" (utilization, %), "memory" (bytes, or null), "kind"
(default "Compute", else "Graphics")}, which a test can change while it runs, or in FAKE_NVML_PROCESSES, a file with
such a list for the first board. "samples" are samples besides theirs, {"pid", "timeStamp", "smUtil"}. "fails" maps
names of functions to the names of the errors that they raise.
"""

import json
import os
import time
from pathlib import Path
from types import SimpleNamespace

BOARDS = json.loads(os.environ["FAKE_NVML"])
NVML_TEMPERATURE_GPU = 0
NVML_GPU_UTILIZATION_SAMPLES = 1
NVML_SUCCESS = 0
NVML_ERROR_NOT_SUPPORTED = 3
NVML_ERROR_NO_PERMISSION = 4
NVML_ERROR_NOT_FOUND = 6
NVML_ERROR_FUNCTION_NOT_FOUND = 13
NVML_ERROR_GPU_IS_LOST = 15
_STARTED = time.monotonic()


class NVMLError(Exception):
    def __init__(self, value):
        super().__init__(value)
        self.value = value

    def __str__(self):
        return {3: "Not Supported", 6: "Not Found"}.get(self.value, f"error {self.value}")


class NVMLError_NotSupported(NVMLError):
    pass


def _fail_if_told(board, name):
    if name in board.get("fails", ()):
        raise NVMLError(globals()[board["fails"][name]])


def _processes(board):
    path = os.environ.get("FAKE_NVML_PROCESSES")
    more = json.loads(Path(path).read_text()) if path and board is BOARDS[0] and Path(path).exists() else []
    return [*board.get("processes", ()), *more]


def _running_processes(board, kind):
    _fail_if_told(board, f"nvmlDeviceGet{kind}RunningProcesses")
    return [
        SimpleNamespace(pid=process["pid"], usedGpuMemory=process["memory"])
        for process in _processes(board)
        if process.get("kind", "Compute") == kind
    ]


def nvmlInit():
    pass


def nvmlShutdown():
    pass


def nvmlSystemGetDriverVersion():
    return "580.65"


def nvmlDeviceGetCount():
    return len(BOARDS)


def nvmlDeviceGetHandleByIndex(index):
    return BOARDS[index]


def nvmlDeviceGetHandleByUUID(uuid):
    for board in BOARDS:
        if uuid == board["uuid"] or uuid in board.get("mig", ()):
            return {"board": board}
    raise NVMLError(NVML_ERROR_NOT_FOUND)


def nvmlDeviceGetDeviceHandleFromMigDeviceHandle(slice_):
    return slice_["board"]


def nvmlDeviceGetName(board):
    return "NVIDIA A100-SXM4-80GB"


def nvmlDeviceGetUUID(board):
    return board["uuid"]


def nvmlDeviceGetMemoryInfo(board):
    return SimpleNamespace(total=80 * 1024**3, used=0, free=80 * 1024**3)


def nvmlDeviceGetTotalEnergyConsumption(board):
    if not board.get("counter", True):
        raise NVMLError_NotSupported(NVML_ERROR_NOT_SUPPORTED)
    if "curve" in board:
        from carbon_pipeline_tests.fake_machine import Power

        return int(1e6 + Power(board["curve"]).energy_j(time.perf_counter() - board["origin"]) * 1000)
    return int(board["power_w"] * (time.monotonic() - _STARTED) * 1000)


def nvmlDeviceGetPowerUsage(board):
    return int(board["power_w"] * 1000)


def nvmlDeviceGetEnforcedPowerLimit(board):
    return 400_000


def nvmlDeviceGetTemperature(board, sensor):
    return 40


def nvmlDeviceGetUtilizationRates(board):
    return SimpleNamespace(gpu=50, memory=10)


def nvmlDeviceGetComputeMode(board):
    return 0


def nvmlDeviceGetComputeRunningProcesses(board):
    return _running_processes(board, "Compute")


def nvmlDeviceGetGraphicsRunningProcesses(board):
    return _running_processes(board, "Graphics")


def nvmlDeviceGetProcessUtilization(board, last_seen_us):
    _fail_if_told(board, "nvmlDeviceGetProcessUtilization")
    samples = [SimpleNamespace(**sample) for sample in board.get("samples", ())]
    samples += [
        SimpleNamespace(pid=process["pid"], timeStamp=time.time_ns() // 1000, smUtil=process["sm"])
        for process in _processes(board)
        if process["sm"]
    ]
    found = [sample for sample in samples if sample.timeStamp > last_seen_us]
    if not found:
        raise NVMLError(NVML_ERROR_NOT_FOUND)
    return found


def nvmlDeviceGetSamples(board, kind, last_seen_us):
    _fail_if_told(board, "nvmlDeviceGetSamples")
    return 1, [SimpleNamespace(timeStamp=time.time_ns() // 1000)]
