import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from carbon_pipeline.probes import gpus, hardware, machine
from carbon_pipeline.probes.hardware import Hardware

X86 = "processor\t: 0\nvendor_id\t: AuthenticAMD\nmodel name\t: AMD Ryzen 5 7530U with Radeon Graphics\n"
ARM = "processor\t: 0\nBogoMIPS\t: 243.75\nCPU implementer\t: 0x41\nCPU part\t: 0xd0c\n"


@pytest.fixture
def outputs(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """What the commands of another machine would print; a command that is not here fails."""
    known: dict[str, str] = {}

    def run(command: tuple[str, ...], **_: object) -> SimpleNamespace:
        if command[0] not in known:
            raise FileNotFoundError(command[0])
        return SimpleNamespace(stdout=known[command[0]])

    monkeypatch.setattr(subprocess, "run", run)
    return known


def proc_cpuinfo(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, text: str) -> None:
    path = tmp_path / "cpuinfo"
    path.write_text(text)
    monkeypatch.setattr(hardware, "_PROC_CPUINFO", path)


def test_linux_on_x86_names_its_cpu(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    proc_cpuinfo(monkeypatch, tmp_path, X86)
    assert hardware.cpu_model("Linux").value == "AMD Ryzen 5 7530U with Radeon Graphics"


def test_linux_on_arm_names_its_cpu(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, outputs: dict[str, str]) -> None:
    proc_cpuinfo(monkeypatch, tmp_path, ARM)
    outputs["lscpu"] = "Architecture: aarch64\nVendor ID: ARM\nModel name: Neoverse-N1\nModel: 1\n"
    assert hardware.cpu_model("Linux") == hardware.Sourced(value="Neoverse-N1", source="lscpu")


def test_macos_names_its_cpu(outputs: dict[str, str]) -> None:
    outputs["sysctl"] = "Apple M2 Pro\n"
    assert hardware.cpu_model("Darwin") == hardware.Sourced(value="Apple M2 Pro", source="sysctl")


def test_windows_names_its_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    processor = SimpleNamespace(Name="Intel(R) Core(TM) i7-1185G7 @ 3.00GHz  ")
    monkeypatch.setitem(
        sys.modules, "wmi", SimpleNamespace(WMI=lambda: SimpleNamespace(Win32_Processor=lambda: [processor]))
    )
    assert hardware.cpu_model("Windows").value == "Intel(R) Core(TM) i7-1185G7 @ 3.00GHz"


def test_a_machine_without_a_cpu_name_has_a_reason_instead_of_failing(
    monkeypatch: pytest.MonkeyPatch, outputs: dict[str, str]
) -> None:
    monkeypatch.setitem(sys.modules, "cpuinfo", SimpleNamespace(get_cpu_info=dict))
    found = hardware.cpu_model("Plan 9")
    assert (found.value, found.source) == (None, "unknown")
    assert found.reason


def nvml(**functions: object) -> SimpleNamespace:
    return SimpleNamespace(nvmlInit=lambda: None, nvmlShutdown=lambda: None, **functions)


def test_gpus_are_counted_and_named(monkeypatch: pytest.MonkeyPatch) -> None:
    names = ["NVIDIA A100-SXM4-80GB", "NVIDIA A100-SXM4-80GB"]
    monkeypatch.setitem(
        sys.modules,
        "pynvml",
        nvml(
            nvmlDeviceGetCount=lambda: 2,
            nvmlDeviceGetHandleByIndex=lambda i: i,
            nvmlDeviceGetName=lambda i: names[i],
            nvmlDeviceGetMemoryInfo=lambda i: SimpleNamespace(total=80 * 1024**3),
            nvmlSystemGetDriverVersion=lambda: b"580.65",
        ),
    )
    found = Hardware(**gpus.probe_gpus())
    assert found.gpu_count.value == 2
    assert found.gpu_model.value == "2 x NVIDIA A100-SXM4-80GB"
    assert found.gpu_memory_gb.value == 80.0
    assert found.gpu_driver.value == "580.65"


@pytest.fixture
def no_nvml(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise OSError("NVML Shared Library Not Found")

    monkeypatch.setitem(sys.modules, "pynvml", SimpleNamespace(nvmlInit=fail))


def pci_bus(monkeypatch: pytest.MonkeyPatch, folder: Path, *devices: tuple[str, str]) -> None:
    for number, (vendor, kind) in enumerate(devices):
        device = folder / f"0000:00:0{number}.0"
        device.mkdir(parents=True)
        (device / "vendor").write_text(vendor + "\n")
        (device / "class").write_text(kind + "\n")
    monkeypatch.setattr(gpus, "_PCI_DEVICES", folder)


@pytest.mark.usefixtures("no_nvml")
def test_without_nvml_there_are_no_gpus_and_a_reason(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    pci_bus(monkeypatch, tmp_path / "pci", ("0x10de", "0x040300"), ("0x8086", "0x030000"))
    found = Hardware(**gpus.probe_gpus()).gpu_count
    assert (found.value, found.source) == (0, "pci")
    assert "NVML Shared Library Not Found" in str(found.reason)


@pytest.mark.usefixtures("no_nvml")
def test_a_gpu_without_its_driver_is_unknown_and_not_zero(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    pci_bus(monkeypatch, tmp_path / "pci", ("0x10de", "0x030200"))
    found = Hardware(**gpus.probe_gpus()).gpu_count
    assert found.value is None
    assert "driver is installed" in str(found.reason)


@pytest.mark.usefixtures("no_nvml")
def test_without_nvml_and_a_pci_bus_the_gpu_count_is_marked_as_unknown(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(gpus, "_PCI_DEVICES", tmp_path / "not here")
    found = Hardware(**gpus.probe_gpus()).gpu_count
    assert (found.value, found.source) == (0, "unknown")


def test_a_board_that_does_not_answer_each_question_is_still_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    def unsupported(*_: object) -> None:
        raise RuntimeError("Not Supported")

    board = nvml(
        nvmlDeviceGetCount=lambda: 1,
        nvmlDeviceGetHandleByIndex=lambda i: i,
        nvmlDeviceGetName=lambda i: "NVIDIA GB10",
        nvmlDeviceGetMemoryInfo=unsupported,
        nvmlSystemGetDriverVersion=unsupported,
    )
    board.nvmlShutdown = unsupported
    monkeypatch.setitem(sys.modules, "pynvml", board)
    found = Hardware(**gpus.probe_gpus())
    assert (found.gpu_count.value, found.gpu_model.value) == (1, "NVIDIA GB10")
    assert (found.gpu_memory_gb.value, found.gpu_memory_gb.reason) == (None, "NVML: Not Supported")


def test_a_gpu_that_may_not_be_read_is_unknown_and_not_zero(monkeypatch: pytest.MonkeyPatch) -> None:
    def denied(_: int) -> None:
        raise PermissionError("Insufficient Permissions")

    monkeypatch.setitem(sys.modules, "pynvml", nvml(nvmlDeviceGetCount=lambda: 1, nvmlDeviceGetHandleByIndex=denied))
    found = Hardware(**gpus.probe_gpus()).gpu_count
    assert found.value is None
    assert "Insufficient Permissions" in str(found.reason)


def test_this_machine_is_described_with_a_source_for_each_value() -> None:
    found = hardware.probe_hardware()
    assert found.cpu_count.value
    assert found.cpu_count.value >= (found.cpu_physical_count.value or 1)
    assert found.ram_gb.value
    assert 0.1 < found.ram_gb.value < 1e5
    for name, value in found:
        assert value.value is None or value.source != "unknown" or value.reason, name


@pytest.mark.parametrize(
    ("cpuinfo", "chassis", "kind"),
    [
        ("flags\t: fpu hypervisor\n", "1", "virtual"),
        ("flags\t: fpu vme\n", "10", "laptop"),
        ("flags\t: fpu vme\n", "3", "desktop"),
        ("flags\t: fpu vme\n", "23", "server"),
        ("flags\t: fpu vme\n", "2", None),
        ("flags\t: fpu vme\n", "", None),
        ("", None, None),
    ],
)
def test_linux_reports_the_kind_of_machine(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, cpuinfo: str, chassis: str | None, kind: str | None
) -> None:
    (tmp_path / "cpuinfo").write_text(cpuinfo)
    if chassis is not None:
        (tmp_path / "chassis_type").write_text(chassis)
    monkeypatch.setattr(machine, "_PROC_CPUINFO", tmp_path / "cpuinfo")
    monkeypatch.setattr(machine, "_CHASSIS_TYPE", tmp_path / "chassis_type")
    found = machine.machine_kind("Linux")
    assert found.value == kind
    assert found.value or found.reason


@pytest.mark.parametrize(
    ("model", "kind"), [("MacBookPro18,1\nApple M1 Pro\n", "laptop"), ("Mac14,3\nApple M2\n", "desktop")]
)
def test_macos_reports_the_kind_of_machine(outputs: dict[str, str], model: str, kind: str) -> None:
    outputs["sysctl"] = model
    assert machine.machine_kind("Darwin").value == kind


def test_py_cpuinfo_names_this_cpu_as_the_kernel_does() -> None:
    """CodeCarbon is told the kernel's name in place of py-cpuinfo's, which takes a second."""
    import cpuinfo

    found = hardware.cpu_model()
    if found.source != "/proc/cpuinfo":
        pytest.skip("this system's kernel does not name the CPU in /proc/cpuinfo")
    assert cpuinfo.get_cpu_info().get("brand_raw") == found.value


@pytest.mark.parametrize(
    ("model", "kind"),
    [("Raspberry Pi 5 Model B Rev 1.0\0", "board"), ("Radxa ROCK 5B\0", "board"), ("linux,dummy-virt\0", None)],
)
def test_a_single_board_computer_is_not_taken_for_any_machine(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, model: str, kind: str | None
) -> None:
    (tmp_path / "cpuinfo").write_text("processor\t: 0\nFeatures\t: fp asimd\n")
    (tmp_path / "model").write_text(model)
    monkeypatch.setattr(machine, "_PROC_CPUINFO", tmp_path / "cpuinfo")
    monkeypatch.setattr(machine, "_CHASSIS_TYPE", tmp_path / "chassis_type")
    monkeypatch.setattr(machine, "_DEVICE_TREE_MODEL", tmp_path / "model")
    assert machine.machine_kind("Linux").value == kind
