"""A load for a GPU that needs only its driver: a kernel that computes on all multiprocessors, by the CUDA driver API.

The kernel is busy in a part of each period of the wall clock, so that two processes can take turns. It prints "ready"
once it computes, and ends when it is terminated, after 10 minutes at the latest.
"""

import argparse
import ctypes
import platform
import time
from collections.abc import Callable
from ctypes import byref
from functools import cache

LONGEST_S = 600
SLICE_S = 0.005
"""Duration of one kernel, seconds: short, since a display may be waiting for the GPU."""

MULTIPROCESSOR_COUNT = 16
"""CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT (cuda.h)."""

# PTX for Maxwell GPUs (2014), which drivers can compile for any later GPU.
SPIN = """
.version 6.0
.target sm_50
.address_size 64
.visible .entry spin(.param .u64 result, .param .u64 duration_ns)
{
    .reg .pred %again;
    .reg .f32 %x, %y;
    .reg .u64 %address, %now, %end;
    ld.param.u64 %address, [result];
    cvta.to.global.u64 %address, %address;
    ld.param.u64 %end, [duration_ns];
    mov.u64 %now, %globaltimer;
    add.u64 %end, %end, %now;
    mov.f32 %x, 0f3F800000;
    mov.f32 %y, 0f3F400000;
compute:
FUSED_MULTIPLY_ADDS
    mov.u64 %now, %globaltimer;
    setp.lt.u64 %again, %now, %end;
    @%again bra compute;
    add.f32 %x, %x, %y;
    st.global.f32 [%address], %x;
    ret;
}
""".replace(
    "FUSED_MULTIPLY_ADDS", 64 * "    fma.rn.f32 %x, %x, 0f3F000000, %y;\n    fma.rn.f32 %y, %y, 0f3F000000, %x;\n"
)


@cache
def _driver() -> ctypes.CDLL:
    return ctypes.CDLL("nvcuda.dll" if platform.system() == "Windows" else "libcuda.so.1")


def cuda(name: str, *arguments: object) -> None:
    """Call a function of the driver.

    Raises:
        OSError: there is no driver, or the call failed.
    """
    if status := getattr(_driver(), name)(*arguments):
        raise OSError(f"{name} of the CUDA driver failed with status {status}")


def make_spin(allocated_bytes: int) -> Callable[[float], None]:
    """Prepare the first visible GPU and allocate memory on it.

    Returns:
        A function that keeps all multiprocessors busy for a time in seconds.
    """
    device, count = ctypes.c_int(), ctypes.c_int()
    context, module, function = ctypes.c_void_p(), ctypes.c_void_p(), ctypes.c_void_p()
    memory, duration_ns = ctypes.c_uint64(), ctypes.c_uint64()
    cuda("cuInit", 0)
    cuda("cuDeviceGet", byref(device), 0)
    cuda("cuDevicePrimaryCtxRetain", byref(context), device)
    cuda("cuCtxSetCurrent", context)
    cuda("cuDeviceGetAttribute", byref(count), MULTIPROCESSOR_COUNT, device)
    cuda("cuMemAlloc_v2", byref(memory), ctypes.c_size_t(allocated_bytes))
    cuda("cuModuleLoadData", byref(module), SPIN.encode())
    cuda("cuModuleGetFunction", byref(function), module, b"spin")

    def spin(seconds: float) -> None:
        duration_ns.value = round(seconds * 1e9)
        # Made here, so that this function holds what the addresses point to.
        parameters = (ctypes.c_void_p * 2)(ctypes.addressof(memory), ctypes.addressof(duration_ns))
        # 1,024 threads for each multiprocessor: all of them start at once.
        cuda("cuLaunchKernel", function, 2 * count.value, 1, 1, 512, 1, 1, 0, None, parameters, None)
        cuda("cuCtxSynchronize")

    return spin


def main() -> None:
    """Load the GPU."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--begin", type=float, default=0.0, help="begin of the busy part of each period, s")
    parser.add_argument("--end", type=float, default=1.0, help="its end, s")
    parser.add_argument("--period", type=float, default=1.0, help="length of a period, s")
    parser.add_argument("--gib", type=float, default=0.125, help="memory to allocate, GiB")
    told = parser.parse_args()
    spin = make_spin(int(told.gib * 1024**3))
    spin(SLICE_S)
    print("ready", flush=True)
    stop = time.time() + LONGEST_S
    while (now := time.time()) < stop:
        phase = now % told.period
        if told.begin <= phase < told.end:
            spin(min(SLICE_S, told.end - phase))
        else:
            time.sleep((told.begin - phase) % told.period)


if __name__ == "__main__":
    main()
