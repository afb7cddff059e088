"""The interval model: what it keeps whatever it is given. How it fares on real machines: benchmarks/wall_meter.py."""

import itertools
import math
import statistics
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from carbon_pipeline.model import grid
from carbon_pipeline.model import interval as quality
from carbon_pipeline.model.interval import Interval, intensity_interval, interval, quality_of
from carbon_pipeline.model.machine_kind import kind_from_parts, kind_of
from carbon_pipeline.tracking.intensity import find_intensity
from carbon_pipeline_tests.benchmarks.wall_meter import SMALL_IDLE_W
from carbon_pipeline_tests.fakes import make_record

ENERGY = st.floats(0, 1e9)
MAYBE_ENERGY = st.none() | ENERGY
SECONDS = st.floats(0, 1e8)
METHOD = st.sampled_from([*quality.FACTORS, "unknown", "", None])
MACHINE = st.fixed_dictionaries(
    {},
    optional={
        "machine_kind": st.sampled_from([None, *quality.LOSSES, "toaster"]),
        "cpu_model": st.sampled_from(
            [None, "", "Intel(R) Core(TM) i9-13900K", "AMD EPYC 7742", "13th Gen i7-1360P", "x"]
        ),
        "cpu_count": st.none() | st.integers(1, 512),
        "cpu_tdp_w": st.none() | st.floats(0, 1e4),
        "cpu_tdp_source": st.sampled_from([None, "table", "4_w_per_thread", "85_w", "else"]),
        "gpu_model": st.sampled_from([None, "NVIDIA H100 SXM5", "NVIDIA GeForce RTX 4090"]),
        "gpu_count": st.none() | st.integers(0, 16),
        "gpu_tracked_count": st.none() | st.integers(0, 16),
        "ram_gb": st.none() | st.floats(0, 1e5),
        "tracking_mode": st.sampled_from([None, "machine", "process"]),
        "pue": st.floats(1, 3),
    },
)
ENERGIES = st.fixed_dictionaries({"cpu": ENERGY, "gpu": MAYBE_ENERGY, "ram": MAYBE_ENERGY})
METHODS = st.fixed_dictionaries({"cpu": METHOD, "gpu": METHOD, "ram": METHOD})


@given(ENERGIES, METHODS, SECONDS, MACHINE)
def test_the_measured_energy_is_within_its_interval_and_no_end_is_nan(
    energies: dict[str, Any], methods: dict[str, Any], seconds: float, machine: dict[str, Any]
) -> None:
    found = interval(energies, methods, seconds, **machine)
    assert found is not None
    total = energies["cpu"] + (energies["gpu"] or 0) + (energies["ram"] or 0)
    assert 0 <= found.low_kwh <= total <= found.high_kwh < math.inf
    errs_by_more_than_half = max(total - found.low_kwh, found.high_kwh - total) > 0.5 * total
    assert (found.quality(total) is None) == errs_by_more_than_half


@given(ENERGIES, METHODS, SECONDS, MACHINE, st.sampled_from(["cpu", "gpu", "ram"]), st.floats(1, 10))
def test_more_energy_never_lowers_an_end(
    energies: dict[str, Any], methods: dict[str, Any], seconds: float, machine: dict[str, Any], part: str, times: float
) -> None:
    assume(energies[part] is not None)
    less = interval(energies, methods, seconds, **machine)
    more = interval(energies | {part: energies[part] * times}, methods, seconds, **machine)
    assert less is not None
    assert more is not None
    assert more.low_kwh >= less.low_kwh * (1 - 1e-9)
    assert more.high_kwh >= less.high_kwh * (1 - 1e-9)


@given(ENERGIES, METHODS, SECONDS, MACHINE)
def test_the_same_power_for_twice_as_long_is_twice_the_interval(
    energies: dict[str, Any], methods: dict[str, Any], seconds: float, machine: dict[str, Any]
) -> None:
    once = interval(energies, methods, seconds, **machine)
    doubled = {part: None if kwh is None else 2 * kwh for part, kwh in energies.items()}
    twice = interval(doubled, methods, 2 * seconds, **machine)
    assert once is not None
    assert twice is not None
    assert twice.low_kwh == pytest.approx(2 * once.low_kwh, rel=1e-9)
    assert twice.high_kwh == pytest.approx(2 * once.high_kwh, rel=1e-9)


@given(ENERGIES, METHODS, SECONDS, st.sampled_from(["laptop", "desktop", "server"]))
def test_knowing_the_machine_never_makes_the_interval_wider(
    energies: dict[str, Any], methods: dict[str, Any], seconds: float, kind: str
) -> None:
    known, unknown = interval(energies, methods, seconds, machine_kind=kind), interval(energies, methods, seconds)
    assert known is not None
    assert unknown is not None
    assert unknown.low_kwh <= known.low_kwh
    assert known.high_kwh <= unknown.high_kwh


@pytest.mark.parametrize("wrong", [-1.0, math.nan, math.inf])
def test_an_impossible_number_is_rejected_by_name(wrong: float) -> None:
    with pytest.raises(ValueError, match="gpu"):
        interval({"cpu": 1.0, "gpu": wrong, "ram": 1.0}, {}, 1.0)
    with pytest.raises(ValueError, match="duration_s"):
        interval({"cpu": 1.0}, {}, wrong)
    with pytest.raises(ValueError, match="pue"):
        interval({"cpu": 1.0}, {}, 1.0, pue=0.5)


def test_without_the_energy_of_the_cpu_there_is_no_interval() -> None:
    assert interval({"cpu": None, "gpu": 1.0, "ram": 1.0}, {}, 1.0) is None


def test_every_coefficient_has_a_source_and_its_ends_in_order() -> None:
    names = ("FACTORS", "UNKNOWN_METHOD", "ESTIMATED_RAM", "GUESSED_TDP", "TURBO", "LOSSES", "REST_W")
    tables = [vars(quality)[name] for name in names]
    ranges = [found for table in tables for found in table.values()]
    ranges += [found for found in vars(quality).values() if isinstance(found, quality.Range)]
    assert len(ranges) > 25
    for found in ranges:
        assert found.low <= found.high < math.inf
        assert found.low >= (-1 if found in quality.REST_W.values() else 0)
        assert found.source


def test_the_load_curve_rises_and_holds_the_mean_of_any_two_loads() -> None:
    points = quality.LOAD_CURVE
    slopes = [[(b[end] - a[end]) / (b[0] - a[0]) for a, b in itertools.pairwise(points)] for end in (1, 2)]
    assert slopes[0][1:] == sorted(slopes[0][1:])  # convex, from the idle power on
    assert slopes[1][1:] == sorted(slopes[1][1:], reverse=True)  # concave
    assert min(min(slopes[0]), min(slopes[1])) >= 0


def test_a_modelled_number_is_never_called_high() -> None:
    for method in ("cpu_load", "constant"):
        assert quality_of("cpu", method) is None
    assert quality_of("ram", "estimated") is None
    assert quality_of("cpu", "rapl") == "high"
    assert quality_of("gpu", "none") is None
    record = make_record()
    assert record.quality is None


def test_the_quality_of_a_published_energy_is_how_much_it_may_err() -> None:
    levels = [Interval(1 - x, 1 + x).quality(1.0) for x in (0.0, 0.09, 0.2, 0.5, 0.51)]
    assert levels == ["high", "high", "medium", "low", None]
    # The same interval says more of a value in its middle than of one at its end.
    assert [Interval(1.0, 1.4).quality(energy) for energy in (1.0, 1.2, 1.4)] == ["low", "medium", "low"]
    assert Interval(1.0, 3.0).quality(1.0) is None
    assert Interval(0.0, 0.0).quality(0.0) == "high"


@given(
    st.floats(0, 2000),
    st.sampled_from(["configured", "electricity_maps", "country_average", "region_average", "world_average", "csv"]),
    st.sampled_from([None, "CA", "US", "CN", "SE", "FR", "XK", "AQ"]),
    st.sampled_from([None, "QC", "California", "nowhere"]),
)
def test_an_intensity_is_within_its_interval(
    g_per_kwh: float, source: str, country: str | None, region: str | None
) -> None:
    found = intensity_interval(g_per_kwh, source, country, region)
    assert found is not None
    assert 0 <= found[0] <= g_per_kwh <= found[1] < math.inf


def test_an_unknown_country_is_as_wide_as_the_countries_are() -> None:
    assert intensity_interval(475, "world_average") == pytest.approx((38.6, 758.9), abs=0.1)
    assert intensity_interval(100, "configured") == (100, 100)
    assert intensity_interval(None, "unknown") is None
    record = make_record(country_iso_code=None, intensity_source="world_average", carbon_intensity_g_per_kwh=475.0)
    assert record.emissions_low_kg is not None
    assert record.emissions_kg is not None
    assert record.emissions_high_kg is not None
    assert record.emissions_low_kg < record.emissions_kg / 10
    assert record.emissions_high_kg > record.emissions_kg * 1.5


def test_a_country_without_a_region_is_as_wide_as_its_regions() -> None:
    for country in ("CA", "US", "CN", "SE", "NO", "FI"):
        average = find_intensity(country_iso_code=country)
        assert average.source == "country_average"
        low, high = intensity_interval(average.g_per_kwh, average.source, country) or (0, 0)
        for name, region in grid.regions(country).items():
            assert low < region.g_per_kwh < high, name
            assert low < (region.life_cycle_g_per_kwh or region.g_per_kwh) < high, name


def test_a_province_whose_figure_counts_combustion_only_reaches_its_life_cycle_value() -> None:
    for name, region in grid.regions("CA").items():
        found = find_intensity(country_iso_code="CA", region=name)
        low, high = intensity_interval(found.g_per_kwh, found.source, "CA", name) or (0, 0)
        assert region.life_cycle_g_per_kwh is not None
        assert low < found.g_per_kwh < high, name
        assert low < region.life_cycle_g_per_kwh < high, name
        assert "counts combustion only" in (found.note or ""), name
    quebec = make_record(
        intensity_source="region_average", carbon_intensity_g_per_kwh=3.9, country_iso_code="CA", region="Québec"
    )
    assert quebec.carbon_intensity_high_g_per_kwh is not None
    assert quebec.carbon_intensity_high_g_per_kwh > 31.2
    assert (quebec.carbon_intensity_low_g_per_kwh or 99) < 3.9


def test_a_file_of_a_country_that_codecarbon_has_no_data_of_is_as_wide_as_the_countries_are() -> None:
    assert intensity_interval(475, "csv", "XK") == intensity_interval(475, "world_average")
    assert intensity_interval(475, "csv", "FR") == (0.45 * 475, 1.6 * 475)


@pytest.mark.parametrize("kind", SMALL_IDLE_W)
@given(share=st.floats(0.1, 0.6))  # what a counter reads of the whole machine
def test_a_small_idle_machine_is_not_below_its_interval(kind: str, share: float) -> None:
    wall_kwh = SMALL_IDLE_W[kind] / 1000
    energies = {"cpu": share * wall_kwh, "gpu": 0.0, "ram": 0.01}
    found = interval(energies, {"cpu": "rapl", "gpu": "none", "ram": "estimated"}, 3600, machine_kind=kind)
    assert found is not None
    assert found.low_kwh <= wall_kwh <= found.high_kwh


@pytest.mark.parametrize(
    ("machine", "methods", "energies_w", "width"),
    [
        ({"cpu_model": "Cortex-A76"}, ("pmic", "pmic"), (2.5, 0.5), 4),
        ({"machine_kind": "board"}, ("pmic", "pmic"), (8.0, 1.0), 4),
        (
            {"cpu_model": "Cortex-A72", "cpu_tdp_w": 7.5, "cpu_tdp_source": "table"},
            ("cpu_load", "estimated"),
            (2, 3),
            12,
        ),
        (
            {"cpu_model": "Raspberry Pi 3 Model B", "cpu_tdp_w": 16.0, "cpu_tdp_source": "4_w_per_thread"},
            ("cpu_load", "estimated"),
            (1.6, 3),
            30,
        ),
    ],
)
def test_a_board_has_not_the_interval_of_a_server(
    machine: dict[str, Any], methods: tuple[str, str], energies_w: tuple[float, float], width: float
) -> None:
    energies = {part: watts / 1000 for part, watts in zip(("cpu", "ram"), energies_w, strict=True)}
    found = interval(energies, dict(zip(("cpu", "ram"), methods, strict=True)), 3600, cpu_count=4, **machine)
    assert found is not None
    assert found.high_kwh / found.low_kwh < width


def test_a_graphics_card_keeps_the_rest_of_a_full_size_desktop() -> None:
    rest = {
        gpus: quality.coefficients({}, machine_kind="desktop", gpu_count=gpus, gpu_tracked_count=gpus).rest_w.low
        for gpus in (0, 1)
    }
    assert rest == {0: -1.0, 1: 10.0}
    assert kind_of("desktop", "AMD Ryzen Threadripper 1950X 16-Core Processor", None) == "workstation"
    for cpu in ("Intel(R) N100", "Intel(R) Celeron(R) J4125 CPU @ 2.00GHz", "Intel(R) Atom(TM) CPU  C2750"):
        assert kind_of("desktop", cpu, 0) == "mini_pc"
    assert kind_of("desktop", "Intel(R) Core(TM) i5-6500T CPU @ 2.50GHz", 0) == "desktop"


def test_sampled_power_of_a_gpu_may_be_off_by_what_its_source_corrects() -> None:
    # A sum of samples that is 65 % too high or too low.
    assert quality.FACTORS["nvml_sampled"].low <= 1 / 1.65
    assert quality.FACTORS["nvml_sampled"].high >= 1 / 0.35


def test_the_pue_is_in_the_interval_as_it_is_in_the_energy() -> None:
    one = interval({"cpu": 1e-3, "ram": 1e-4}, {"cpu": "rapl", "ram": "estimated"}, 60)
    two = interval({"cpu": 2e-3, "ram": 2e-4}, {"cpu": "rapl", "ram": "estimated"}, 60, pue=2)
    assert one is not None
    assert two is not None
    assert (two.low_kwh, two.high_kwh) == pytest.approx((2 * one.low_kwh, 2 * one.high_kwh))


@pytest.mark.parametrize(
    ("cpu", "gpus", "kind"),
    [
        ("Intel(R) Xeon(R) Gold 6248 CPU @ 2.50GHz", 0, "server"),
        ("AMD EPYC 7742 64-Core Processor", 8, "gpu_server"),
        ("13th Gen Intel(R) Core(TM) i9-13900K", 1, "desktop"),
        ("AMD Ryzen 9 5950X 16-Core Processor", 1, "desktop"),
        ("AMD Ryzen 5 7530U with Radeon Graphics", 0, "laptop"),
        ("11th Gen Intel(R) Core(TM) i7-1165G7 @ 2.80GHz", 0, "laptop"),
        ("Intel(R) Core(TM) i7-8750H CPU @ 2.20GHz", 1, "laptop"),
        ("Apple M2 Pro", 0, "laptop"),
        ("AMD Ryzen Threadripper 1950X 16-Core Processor", 0, "desktop"),
        ("Raspberry Pi 4 Model B Rev 1.4", 0, "board"),
        ("Cortex-A76", None, "board"),
        (None, None, None),
    ],
)
def test_the_kind_of_machine_is_derived_from_its_parts(cpu: str | None, gpus: int | None, kind: str | None) -> None:
    assert kind_from_parts(cpu, gpus) == kind


def test_the_interval_contains_the_wall_meter_in_nine_of_ten_published_runs() -> None:
    from carbon_pipeline_tests.benchmarks.wall_meter import compare

    runs = compare()
    assert len(runs) > 250
    assert sum(run.is_inside for run in runs) >= 0.9 * len(runs)
    for group in {run.group for run in runs}:
        inside = [run.is_inside for run in runs if run.group == group]
        assert sum(inside) >= 0.9 * len(inside), group
    assert sum(run.is_inside for run in compare(described=False)) >= 0.75 * len(runs)


@pytest.mark.parametrize("version", ["", "3.2.0"])
def test_published_runs_imported_as_rows_keep_the_wall_meter_within_a_usable_interval(version: str) -> None:
    from carbon_pipeline_tests.benchmarks.wall_meter import compare_as_rows

    runs = compare_as_rows(version)
    assert sum(run.is_inside for run in runs) >= 0.95 * len(runs)
    assert statistics.median(run.high_over_low for run in runs) <= 8


def test_a_server_with_many_gpus_has_the_idle_power_of_a_gpu_server() -> None:
    by_firmware = quality.coefficients({}, machine_kind="server", gpu_count=8, gpu_tracked_count=8)
    assert vars(by_firmware.rest_w) | {"source": ""} == vars(quality.REST_W["gpu_server"]) | {"source": ""}
    two = quality.coefficients({}, machine_kind="server", gpu_count=2, gpu_tracked_count=2)
    assert two.rest_w.high == quality.REST_W["server"].high
