"""A stand-in for NVIDIA's library, put in front of the real one by PYTHONPATH: CodeCarbon and the probes see boards.

FAKE_NVML holds them as JSON: a list of {"uuid", "power_w", "counter" (default true), "mig" (UUIDs of its slices)}.
Energy counters rise with time, in millijoules, as the real ones do.
"""

import json
import os
import time
from types import SimpleNamespace

BOARDS = json.loads(os.environ["FAKE_NVML"])
NVML_TEMPERATURE_GPU = 0
_STARTED = time.monotonic()


class NVMLError(Exception):
    pass


class NVMLError_NotSupported(NVMLError):
    pass


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
    raise NVMLError("Not Found")


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
        raise NVMLError("Not Supported")
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
    return []


def nvmlDeviceGetGraphicsRunningProcesses(board):
    return []
