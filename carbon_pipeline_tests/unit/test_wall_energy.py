"""Energy at the wall from readings: right within its own interval, whatever the meter does."""

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from carbon_pipeline.model.quantities import J_PER_KWH
from carbon_pipeline.model.wall_energy import KINDS, MOST_W, WallEnergy, WallLog, WallReading, energy_of_log
from carbon_pipeline_tests.fake_machine import LOADS, Power

SHELLY, TASMOTA, REDFISH = KINDS["shelly"], KINDS["tasmota"], KINDS["redfish"]


def read(
    power: Power,
    until_s: float,
    every_s: float = 1.0,
    step_kwh: float | None = 1e-6,
    begin_s: float = -0.5,
    offset_kwh: float = 7.0,
) -> list[WallReading]:
    """The readings of a perfect meter whose counter has steps."""
    readings = []
    for number in range(math.ceil((until_s - begin_s) / every_s) + 1):
        at_s = begin_s + number * every_s
        power_w = (power.energy_j(at_s + 1e-4) - power.energy_j(at_s - 1e-4)) / 2e-4
        kwh = offset_kwh + power.energy_j(at_s) / J_PER_KWH
        readings.append(WallReading(at_s, power_w, None if step_kwh is None else math.floor(kwh / step_kwh) * step_kwh))
    return readings


def found_of(kind_of_meter: str, readings: list[WallReading], ended_s: float) -> WallEnergy:
    found, _ = energy_of_log(KINDS[kind_of_meter], readings, ended_s)
    assert found is not None
    return found


@pytest.mark.parametrize("load", ["constant", "ramp"])
def test_a_counter_with_fine_steps_gives_the_energy_to_a_percent(load: str) -> None:
    power = Power([(10 * at_s, power_w) for at_s, power_w in LOADS[load][0]])
    found = found_of("shelly", read(power, 20), 20)
    assert found.method == "counter"
    assert found.energy_kwh == pytest.approx(power.energy_j(20) / J_PER_KWH, rel=0.01)
    assert found.low_kwh < power.energy_j(20) / J_PER_KWH < found.high_kwh


def test_a_counter_with_coarse_steps_only_bounds_the_integral_of_the_power() -> None:
    power = Power([(0, 100)])
    short, long = (found_of("tasmota", read(power, end_s, step_kwh=1e-3), end_s) for end_s in (60, 10_000))
    assert (short.method, long.method) == ("power", "counter")  # 1.7 steps, 278 steps
    assert short.energy_kwh == pytest.approx(60 * 100 / J_PER_KWH, rel=0.001)
    # A power that reads double is put right by the counter.
    double = [WallReading(r.at_s, 2 * (r.power_w or 0), r.counter_kwh) for r in read(power, 400, step_kwh=1e-3)]
    assert found_of("tasmota", double, 400).low_kwh < 400 * 100 / J_PER_KWH * 1.2


@given(
    st.lists(st.tuples(st.floats(0.5, 30), st.floats(5, 800)), min_size=1, max_size=8),
    st.floats(20, 300),
    st.sampled_from([None, 1e-6, 1e-3]),
    st.floats(-3, 0.3),
)
def test_the_true_energy_is_in_the_interval_of_a_perfect_meter(
    parts: list[tuple[float, float]], ended_s: float, step_kwh: float | None, begin_s: float
) -> None:
    knots, at_s = [(0.0, parts[0][1])], 0.0
    for seconds, power_w in parts:
        at_s += seconds
        knots.append((at_s, power_w))
    power = Power(knots)
    kind = {None: "redfish", 1e-6: "shelly", 1e-3: "tasmota"}[step_kwh]
    found = found_of(kind, read(power, ended_s, step_kwh=step_kwh, begin_s=begin_s), ended_s)
    assert found.low_kwh <= power.energy_j(ended_s) / J_PER_KWH <= found.high_kwh
    assert found.low_kwh <= found.energy_kwh <= found.high_kwh


@given(st.lists(st.tuples(st.floats(0.01, 20), st.floats(allow_nan=True), st.floats(allow_nan=True)), max_size=40))
def test_no_reading_whatever_breaks_anything_or_gives_an_impossible_energy(
    said: list[tuple[float, float, float]],
) -> None:
    log, at_s = WallLog(TASMOTA), -1.0
    for seconds, power_w, counter_kwh in said:
        at_s += seconds
        log.add(WallReading(at_s, power_w, counter_kwh))
    ended_s = max(at_s - 1.0, 1.0)
    found = log.result(ended_s)
    if found:
        assert 0 <= found.low_kwh <= found.energy_kwh <= found.high_kwh < math.inf
        assert found.energy_kwh <= MOST_W * ended_s / J_PER_KWH * 1.0001 + 1e-3
    energies = log.energies_at([ended_s * part / 50 for part in range(51)])
    assert energies == sorted(energies)


def test_a_counter_that_starts_anew_costs_only_the_time_around_it() -> None:
    readings = read(Power([(0, 100)]), 100)
    reset = [WallReading(r.at_s, r.power_w, (r.counter_kwh or 0) - (7.001 if r.at_s > 40 else 0)) for r in readings]
    found, log = energy_of_log(SHELLY, reset, 100)
    assert found
    assert found.energy_kwh == pytest.approx(100 * 100 / J_PER_KWH, rel=0.001)
    assert list(log.faults) == ["reset"]


def test_a_counter_that_jumps_is_not_believed() -> None:
    jumped = [
        WallReading(r.at_s, r.power_w, (r.counter_kwh or 0) + (5 if r.at_s > 40 else 0))
        for r in read(Power([(0, 100)]), 100)
    ]
    found, log = energy_of_log(SHELLY, jumped, 100)
    assert found
    assert found.energy_kwh == pytest.approx(100 * 100 / J_PER_KWH, rel=0.001)
    assert list(log.faults) == ["jump"]


def test_a_counter_that_lags_or_is_refreshed_seldom_is_not_believed_beyond_its_power() -> None:
    late = Power(
        [(0, 10), (1, 10), (1.01, 200), (200, 200)]
    )  # what a meter says that is 1 s late, of 200 W from 0 s on
    found = found_of("shelly", read(late, 10), 10)
    assert found.low_kwh < 2000 / J_PER_KWH < found.high_kwh
    seldom = [
        WallReading(r.at_s, r.power_w, 7 + 100 * 60 * math.floor((r.at_s + 31) / 60) / J_PER_KWH)
        for r in read(Power([(0, 100)]), 90)
    ]
    found, log = energy_of_log(SHELLY, seldom, 90)
    assert found
    assert found.low_kwh < 9000 / J_PER_KWH < found.high_kwh
    small = [
        WallReading(r.at_s, r.power_w, (r.counter_kwh or 0) + (0.005 if r.at_s > 5 else 0))
        for r in read(Power([(0, 100)]), 10)
    ]
    found, log = energy_of_log(SHELLY, small, 10)
    assert found
    assert found.low_kwh < 1000 / J_PER_KWH < found.high_kwh
    assert found.energy_kwh == pytest.approx(1000 / J_PER_KWH, rel=0.01)
    assert list(log.faults) == ["contradiction"]


def test_a_counter_that_starts_anew_in_a_gap_does_not_hide_it() -> None:
    power = Power([(0, 100), (100, 100), (100.1, 300), (200, 300), (200.1, 100)])
    readings = [
        WallReading(r.at_s, r.power_w, (r.counter_kwh or 0) - (7 if r.at_s > 150 else 0))
        for r in read(power, 300)
        if not 98 < r.at_s < 202
    ]
    found, log = energy_of_log(SHELLY, readings, 300)
    assert found
    assert found.method == "power"
    assert found.high_kwh / found.low_kwh > 1.3
    assert {"gap", "reset"} <= set(log.faults)


def test_readings_after_the_end_count_for_nothing_beyond_it() -> None:
    for ended_s, times in ((2.0, (-0.7, 1.3, 2.3, 2.9)), (1.0, (-0.5, 0.5, 1.2, 1.9)), (10.0, (20.0,))):
        log = WallLog(REDFISH)
        log.end_at(ended_s)
        for at_s in times:
            log.add(WallReading(at_s, 100.0))
        found = log.result(ended_s)
        assert found is None or found.energy_kwh == pytest.approx(100 * ended_s / J_PER_KWH)


def test_two_readings_of_a_counter_alone_around_the_run_are_cut_to_it() -> None:
    far = [WallReading(at_s, None, 7 + 100 * at_s / J_PER_KWH) for at_s in (-100.0, 800.0)]
    found, _ = energy_of_log(KINDS["csv"], far, 600)
    assert found
    assert found.energy_kwh == pytest.approx(600 * 100 / J_PER_KWH)


def test_nonsense_is_left_out_and_named() -> None:
    chance = random.Random(1)
    wrong = [
        WallReading(r.at_s, chance.choice([-5.0, math.nan, math.inf, 1e9]), r.counter_kwh) if number % 7 == 3 else r
        for number, r in enumerate(read(Power([(0, 100)]), 100, step_kwh=None))
    ]
    found, log = energy_of_log(REDFISH, wrong, 100)
    assert found
    assert found.energy_kwh == pytest.approx(100 * 100 / J_PER_KWH, rel=0.001)
    assert list(log.faults) == ["nonsense"]


def test_a_gap_is_known_and_widens_the_interval_unless_the_counter_bridges_it() -> None:
    power = Power([(0, 50), (30, 50), (30.1, 400), (70, 400), (70.1, 50)])
    with_gap = [r for r in read(power, 100, step_kwh=None) if not 28 < r.at_s < 72]  # the busy time was not seen
    found, log = energy_of_log(KINDS["redfish"], with_gap, 100)
    assert found
    assert found.gap_s == pytest.approx(45, abs=2)
    assert list(log.faults) == ["gap"]
    counted = [r for r in read(power, 100) if not 28 < r.at_s < 72]
    bridged = found_of("shelly", counted, 100)
    assert bridged.energy_kwh == pytest.approx(power.energy_j(100) / J_PER_KWH, rel=0.01)
    assert bridged.high_kwh / bridged.low_kwh < 1.05


def test_a_meter_that_was_silent_for_most_of_the_run_gives_no_energy() -> None:
    found, log = energy_of_log(REDFISH, read(Power([(0, 100)]), 40, step_kwh=None), 100)
    assert found is None
    assert set(log.faults) == {"gap", "silent"}
    nothing = WallLog(SHELLY)
    assert nothing.result(10) is None
    assert set(nothing.faults) == {"silent"}


def test_a_long_run_keeps_its_curve_small_and_true() -> None:
    power = Power([(0, 100), (20_000, 300)])
    log = WallLog(SHELLY)
    for reading in read(power, 20_000):
        log.add(reading)
    assert log.result(20_000)
    assert len(log._times) <= 1201
    for at_s in (5000, 10_000, 19_000):
        assert log.energies_at([at_s])[0] == pytest.approx(power.energy_j(at_s) / J_PER_KWH, rel=0.01)


def test_every_kind_of_meter_says_where_its_numbers_are_from() -> None:
    for name, kind in KINDS.items():
        assert 0 < kind.accuracy < 0.1, name
        assert kind.source
