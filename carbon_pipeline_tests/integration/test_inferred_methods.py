"""How an imported row was measured, inferred from the row: right where CodeCarbon wrote it, and never too narrow."""

import statistics
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from carbon_pipeline.model.clues import gpu_method_of
from carbon_pipeline.warehouse.ingest.files import find_files
from carbon_pipeline.warehouse.warehouse import Warehouse
from carbon_pipeline_tests.codecarbon_files import row, write
from carbon_pipeline_tests.conftest import REAL_FILES
from carbon_pipeline_tests.fake_machine import HERE, FakeMachine

I7 = "Intel(R) Core(TM) i7-8700 CPU @ 3.20GHz"
XEON = "Intel(R) Xeon(R) Gold 6226R CPU @ 2.90GHz"
TDP_W = {I7: 65.0, XEON: 150.0}
COUNTERS = {"rapl", "emi", "power_gadget", "powermetrics"}


def made(power_w: float, *, seconds: float = 60.0, utilization: float | None = None, **cells: str) -> dict[str, str]:
    """A row of a run of a power, as CodeCarbon writes it."""
    kwh = power_w * seconds / 3.6e6
    return row(
        **{
            "duration": repr(seconds),
            "emissions": repr(0.05 * (kwh + 1e-5)),
            "cpu_energy": repr(kwh),
            "cpu_power": repr(power_w),
            "ram_energy": "1e-05",
            "ram_power": "",
            "energy_consumed": repr(kwh + 1e-5),
            "cpu_model": I7,
            "cpu_utilization_percent": "" if utilization is None else repr(utilization),
        }
        | cells
    )


def methods(folder: Path, *rows: dict[str, str]) -> list[tuple[str, str, str, str]]:
    names = list(dict.fromkeys(name for each in rows for name in each))
    numbered = [{**each, "run_id": f"r{number:03}"} for number, each in enumerate(rows)]
    warehouse = Warehouse(folder / "data")
    warehouse.import_csv([write(folder / "emissions.csv", *numbered, names=names)])
    runs = sorted(warehouse.report("runs"), key=lambda run: str(run["run_id"]))
    return [(run["cpu_method"], run["gpu_method"], run["ram_method"], run["method_source"]) for run in runs]


CASES = [
    # Before 2.7 there is no load model: what is no constant was counted, by what the system has.
    ("rapl", made(31, codecarbon_version="2.4.2")),
    ("rapl", made(31, codecarbon_version="2.4.2", cpu_model=XEON)),
    ("power_gadget", made(31, codecarbon_version="2.4.2", os="Windows-10-10.0.19041")),
    ("power_gadget", made(31, codecarbon_version="2.2.1", os="Darwin-21.6.0-x86_64-i386-64bit")),
    ("powermetrics", made(3, codecarbon_version="2.4.2", cpu_model="Apple M1", gpu_model="Apple M1")),
    ("constant", made(32.5, codecarbon_version="2.4.2")),  # half of the TDP
    ("constant", made(42.5, codecarbon_version="2.4.2")),  # half of what stands for an unknown CPU
    ("constant", made(75, codecarbon_version="2.4.2", cpu_model=XEON)),
    ("constant", made(150, codecarbon_version="2.4.2", cpu_model=XEON)),  # two processors
    ("constant", made(32.0, codecarbon_version="2.4.2", cpu_power="")),  # the energy of a last reading is missing
    ("unknown", made(31, codecarbon_version="2.4.2", cpu_model="")),
    ("unknown", made(31, codecarbon_version="2.4.2", os="")),
    ("unknown", made(31, codecarbon_version="2.4.2", cloud_provider="aws", cloud_region="eu-west-3")),
    ("unknown", made(31, codecarbon_version="2.4.2", cpu_model="AMD Ryzen 7 5800X 8-Core", os="Windows-10-10.0.19041")),
    ("unknown", {**made(31, codecarbon_version="", utilization=50.0), "pue": "", "wue": ""}),
    # From then on, the load model gives any power from a tenth of the TDP on, and the load tells.
    ("unknown", made(31, codecarbon_version="2.8.2")),
    ("unknown", made(31, codecarbon_version="3.0.4")),
    ("rapl", made(4, codecarbon_version="3.0.4")),
    ("unknown", made(4, codecarbon_version="3.0.4", tracking_mode="process")),
    ("cpu_load", made(65, utilization=100.0)),
    ("cpu_load", made(6.6, utilization=2.0)),
    ("cpu_load", made(30, utilization=50.0)),
    ("rapl", made(60, utilization=5.0)),
    ("rapl", made(14, utilization=95.0)),
    ("unknown", made(60, utilization=5.0, seconds=5.0)),  # too short to know the load
    ("emi", made(14, utilization=95.0, os="Windows-11-10.0.26200")),
    ("cpu_load", made(9.0, utilization=4.0, cpu_model="Apple M5", os="macOS-26.0-arm64")),
    ("unknown", made(60, utilization=5.0, cpu_model="Apple M5", os="macOS-26.0-arm64")),
    ("unknown", made(0.0)),
    (
        "cpu_load",
        made(30, utilization=50.0, cpu_power="60"),
    ),  # the mean of samples does not fit, that of the energy does
    ("cpu_load", made(120, utilization=40.0, cpu_model=XEON)),  # two processors
    ("unknown", made(310, utilization=40.0, cpu_model=XEON, cpu_count="32")),  # more of them fit any power
]


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[str, str, str, str]]:
    """The methods of all cases, from one file."""
    return methods(tmp_path_factory.mktemp("cases"), *(cells for _, cells in CASES))


@pytest.mark.parametrize("number", range(len(CASES)), ids=lambda number: f"{number}-{CASES[number][0]}")
def test_what_a_row_gives_away(found: list[tuple[str, str, str, str]], number: int) -> None:
    assert found[number][0] == CASES[number][0]


def test_an_old_file_is_told_from_one_that_has_lost_its_version(tmp_path: Path) -> None:
    old = {**made(31, codecarbon_version=""), "pue": "", "wue": ""}
    assert [found[0] for found in methods(tmp_path, old, made(31, codecarbon_version=""))] == ["rapl", "unknown"]


def test_each_inference_says_what_it_rests_on(tmp_path: Path) -> None:
    warehouse = Warehouse(tmp_path / "data")
    rows = [
        made(32.5, codecarbon_version="2.4.2", run_id="0"),
        made(31, codecarbon_version="2.4.2", run_id="1"),
        made(30, utilization=50.0, run_id="2"),
        made(60, utilization=5.0, run_id="3"),
        made(31, codecarbon_version="3.0.4", run_id="4"),
        made(30, utilization=50.0, cpu_power="60", run_id="5"),
        made(48.75, codecarbon_version="2.4.2", cpu_power="70", pue="1.5", run_id="6"),
    ]
    names = list(dict.fromkeys(name for each in rows for name in each))
    warehouse.import_csv([write(tmp_path / "emissions.csv", *rows, names=names)])
    reasons = {run["run_id"]: run["method_reason"] for run in warehouse.report("runs")}
    assert reasons == {
        "0": "CPU: 32.5 W is half of a TDP that CodeCarbon assumes",
        "1": "CPU: 31 W is no half of a TDP, and this version has no load model",
        "2": "CPU: 30 W is what the load model gives for a load of 50 %",
        "3": "CPU: 60 W is neither half of a TDP nor what the load model gives",
        "4": "CPU: 31 W may be modelled or counted",
        "5": "CPU: 30 W is what the load model gives for a load of 50 %",
        "6": "CPU: 32.5 W is half of a TDP that CodeCarbon assumes",
    }


def test_the_source_says_whether_the_methods_were_recorded_or_inferred(tmp_path: Path) -> None:
    inferred, unknown, gpu = methods(
        tmp_path,
        made(31, codecarbon_version="2.4.2"),
        made(31),
        made(31, codecarbon_version="2.4.2", gpu_model="1 x NVIDIA GeForce GTX 1080", gpu_count="1", gpu_energy="1e-4"),
    )
    assert inferred == ("rapl", "none", "estimated", "inferred")
    assert unknown == ("unknown", "none", "estimated", "unknown")
    assert gpu == ("rapl", "unknown", "estimated", "unknown")


@pytest.mark.parametrize(
    ("gpu", "method"),
    [
        ("1 x Tesla V100-PCIE-32GB", "nvml_counter"),
        ("2 x NVIDIA A100-SXM4-40GB", "nvml_counter"),
        ("1 x NVIDIA GeForce RTX 2070", "nvml_counter"),
        ("1 x NVIDIA GeForce GTX 1660 Ti", "nvml_counter"),
        ("1 x NVIDIA RTX A4000", "nvml_counter"),
        ("4 x NVIDIA H200", "nvml_counter"),
        ("1 x Tesla P100-PCIE-16GB", "unknown"),
        ("1 x Tesla K80", "unknown"),
        ("1 x NVIDIA GeForce GTX 1050 Ti", "unknown"),
        ("1 x GeForce GTX TITAN X", "unknown"),
        ("1 x Quadro P2000", "unknown"),
        ("1 x AMD Instinct MI300X", "amdsmi"),
        ("Apple M1", "powermetrics"),
        (None, "unknown"),
    ],
)
def test_only_a_gpu_that_has_an_energy_counter_is_said_to_be_counted(gpu: str | None, method: str) -> None:
    assert gpu_method_of("2.5.0", gpu) == method


def test_the_energy_of_a_constant_half_and_of_a_counter_have_their_own_intervals(tmp_path: Path) -> None:
    methods(tmp_path, made(42.5, codecarbon_version="2.4.2"), made(41.5, codecarbon_version="2.4.2"))
    constant, counted = (
        run["energy_high_kwh"] / run["energy_low_kwh"]
        for run in sorted(Warehouse(tmp_path / "data").report("runs"), key=lambda run: str(run["run_id"]))
    )
    assert counted < 3 < constant


@settings(max_examples=6, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(
    st.lists(
        st.tuples(
            st.sampled_from([I7, XEON]),
            st.lists(st.floats(0, 1), min_size=1, max_size=30),
            st.floats(0.97, 1.03),
            st.integers(1, 2),
            st.floats(1, 1e4),
            st.sampled_from(["3.0.4", "3.2.0", "3.3.2"]),
            st.booleans(),
        ),
        min_size=1,
        max_size=40,
    )
)
def test_no_modelled_power_is_taken_for_one_of_a_counter(
    tmp_path_factory: pytest.TempPathFactory,
    runs: list[tuple[str, list[float], float, int, float, str, bool]],
) -> None:
    rows = []
    for cpu, loads, seen, processors, seconds, version, is_linear in runs:
        full_w = TDP_W[cpu] * (processors if cpu == XEON else 1)
        powers = [full_w * (max(load, 0.1) if is_linear else 0.1 + 0.9 * load**3) for load in loads]
        utilization = 100 * min(seen * statistics.fmean(loads), 1)
        rows.append(
            made(
                statistics.fmean(powers),
                seconds=seconds,
                utilization=utilization,
                codecarbon_version=version,
                cpu_model=cpu,
            )
        )
    for found in methods(tmp_path_factory.mktemp("rows"), *rows):
        assert found[0] not in COUNTERS


SCRIPT = """
import sys, time
{prepare}
from codecarbon import OfflineEmissionsTracker
tracker = OfflineEmissionsTracker(
    country_iso_code="FRA", output_dir=sys.argv[1], measure_power_secs=1, log_level="error", {options}
)
tracker.start()
end = time.perf_counter() + {seconds}
while time.perf_counter() < end:
    {work}
tracker.stop()
"""
CONSTANT = (
    "from codecarbon.core import cpu; cpu.is_psutil_available = lambda: False; cpu.is_rapl_available = lambda *a: False"
)


@pytest.mark.long
@pytest.mark.parametrize("work", ["sum(range(1000))", "time.sleep(0.1)"])
@pytest.mark.parametrize("mode", ["rapl", "cpu_load", "constant", "process"])
def test_codecarbons_own_rows_are_recognized(tmp_path: Path, mode: str, work: str) -> None:
    machine = FakeMachine(tmp_path / "machine", cpu=[(0, 61)])
    prepare = {"rapl": HERE, "constant": CONSTANT}.get(mode, "")
    options = {"cpu_load": "force_mode_cpu_load=True", "process": "tracking_mode='process', force_mode_cpu_load=True"}
    script = SCRIPT.format(prepare=prepare, options=options.get(mode, ""), seconds=15, work=work)
    subprocess.run(
        [sys.executable, "-c", script, str(tmp_path)], env=machine.environment(), check=True, capture_output=True
    )
    warehouse = Warehouse(tmp_path / "data")
    warehouse.import_csv([tmp_path / "emissions.csv"])
    (run,) = warehouse.report("runs")
    expected = {"process": {"unknown", "constant"}, "cpu_load": {"cpu_load", "unknown"}}.get(mode, {mode})
    assert run["cpu_method"] in expected, (run["cpu_power_w"], run["cpu_utilization"], run["cpu_model"])


@pytest.mark.skipif(REAL_FILES is None, reason="no folder of real CodeCarbon files; see conftest.py")
def test_real_rows_have_usable_intervals(tmp_path: Path) -> None:
    assert REAL_FILES
    warehouse = Warehouse(tmp_path)
    warehouse.import_csv(find_files([REAL_FILES]).files)
    runs = [run for run in warehouse.report("runs") if run["energy_low_kwh"]]
    widths = {run["run_id"]: run["energy_high_kwh"] / run["energy_low_kwh"] for run in runs}
    assert statistics.median(widths.values()) <= 8
    assert statistics.median(widths[run["run_id"]] for run in runs if not run["gpu_energy_kwh"]) <= 8
    constant = [widths[run["run_id"]] for run in runs if run["cpu_method"] == "constant"]
    assert len(constant) > 100
    assert statistics.median(constant) <= 10
