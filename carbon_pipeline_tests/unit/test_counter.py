"""The counter of a meter: what it says after readings that fail, jump, start anew or come late."""

from collections.abc import Callable, Sequence
from itertools import pairwise
from types import SimpleNamespace
from typing import NamedTuple

import pytest
from codecarbon.core.units import Energy
from hypothesis import assume, given
from hypothesis import strategies as st

from carbon_pipeline.model.power_limits import MOST_BOARD_W
from carbon_pipeline.model.power_limits import MOST_PACKAGE_W as MOST_W
from carbon_pipeline.model.quantities import J_PER_KWH
from carbon_pipeline.tracking.counter import Channel, CounterChannel
from carbon_pipeline.tracking.meter import _Part

RANGE_J = 262_143.328850


class Read(NamedTuple):
    """What a channel says at the end, J and s."""

    energy_j: float | None
    gap_s: float
    has_glitch: bool
    has_failed: bool


def read(
    times: Sequence[float], counter_j: Callable[[int], float | None], *, ended: float | None = None, wraps: bool = True
) -> Read:
    """Read a counter, given by the number of the reading, at some times; the work ends with the last one."""
    channel = CounterChannel(RANGE_J / J_PER_KWH if wraps else 0.0)
    last = times[-1] if ended is None else ended
    for number, at in enumerate(times):
        value_j = counter_j(number)
        value_kwh = None if value_j is None else value_j / J_PER_KWH
        if number:
            channel.read(at, value_kwh)
        else:
            channel.begin(at, value_kwh)
    channel.end(last)
    energy_kwh = channel.energy_kwh(last)
    energy_j = None if energy_kwh is None else energy_kwh * J_PER_KWH
    return Read(energy_j, channel.gap_s(last), channel.has_glitch, channel.has_failed)


SECONDS = [float(second) for second in range(11)]
"""Eleven readings of a machine that draws 100 W: 1000 J."""


def steady(number: int) -> float:
    return 5000 + 100 * number


def with_values(changed: dict[int, float | None]) -> Callable[[int], float | None]:
    return lambda number: changed.get(number, steady(number))


@pytest.mark.parametrize("start_j", [0.0, 5000.0, RANGE_J - 1, RANGE_J - 550, RANGE_J - 1000])
def test_a_counter_that_wraps_around_loses_nothing(start_j: float) -> None:
    found = read(SECONDS, lambda number: (start_j + 100 * number) % RANGE_J)
    assert found == (pytest.approx(1000), 0, False, False)


@pytest.mark.parametrize("number", range(1, 10))
@pytest.mark.parametrize("wrong_j", [0.0, 4000.0, 4999.0, 90_000.0, 250_000.0])
def test_one_wrong_reading_is_replaced_by_its_neighbours(number: int, wrong_j: float) -> None:
    found = read(SECONDS, with_values({number: wrong_j}))
    assert found.energy_j == pytest.approx(1000)
    assert (found.has_glitch, found.has_failed) == (True, False)


@pytest.mark.parametrize("number", range(2, 10))
def test_one_lower_reading_of_a_board_that_draws_a_lot_costs_nothing(number: int) -> None:
    """Seen from the lower reading, the next one is more than hardware can use."""
    found = read(SECONDS, lambda n: 700.0 * n if n != number else 700.0 * (n - 2) + 50)
    assert found == (pytest.approx(7000), 0, True, False)


@pytest.mark.parametrize("wrong_j", [0.0, 90_000.0])
def test_a_wrong_last_reading_is_replaced_by_the_power_before(wrong_j: float) -> None:
    assert read(SECONDS, with_values({10: wrong_j})) == (pytest.approx(1000), 0, True, False)


@pytest.mark.parametrize("wrong_j", [0.0, 90_000.0])
def test_a_wrong_first_reading_costs_one_interval_at_most(wrong_j: float) -> None:
    found = read(SECONDS, with_values({0: wrong_j}))
    assert found.energy_j == pytest.approx(1000, abs=101)
    assert found.has_glitch


@pytest.mark.parametrize("number", range(2, 9))
@pytest.mark.parametrize("from_j", [0.0, 3.0, 40_000.0])
def test_a_counter_that_starts_anew_loses_and_invents_nothing(number: int, from_j: float) -> None:
    found = read(SECONDS, lambda n: steady(n) if n < number else from_j + 100 * (n - number + 0.5))
    assert found.energy_j == pytest.approx(1000, rel=0.02)
    assert (found.has_glitch, found.has_failed) == (True, False)


def test_a_driver_that_is_loaded_again_costs_its_gap_at_the_power_around_it() -> None:
    found = read(SECONDS, lambda n: steady(n) if n < 4 else None if n < 7 else 100.0 * (n - 6.5))
    assert found.energy_j == pytest.approx(1000, rel=0.02)
    assert found.has_failed
    assert found.gap_s == pytest.approx(4)  # from the last good reading to the first new one


@pytest.mark.parametrize(("first", "last"), [(1, 1), (3, 7), (1, 9), (9, 9)])
def test_readings_that_fail_in_between_cost_no_energy(first: int, last: int) -> None:
    found = read(SECONDS, with_values(dict.fromkeys(range(first, last + 1))))
    assert found == (pytest.approx(1000), 0, False, True)


@pytest.mark.parametrize("failed", [1, 3, 8])
def test_readings_that_fail_at_the_start_are_scaled_from_what_was_covered(failed: int) -> None:
    found = read(SECONDS, with_values(dict.fromkeys(range(failed))))
    assert found == (pytest.approx(1000), failed, False, True)


@pytest.mark.parametrize("failed", [1, 3, 8])
def test_a_counter_that_stays_away_ends_the_measurement_there(failed: int) -> None:
    found = read(SECONDS, with_values(dict.fromkeys(range(11 - failed, 11))))
    assert found == (pytest.approx(1000 - 100 * failed), failed, False, True)


def test_a_counter_that_was_never_read_has_no_energy() -> None:
    assert read(SECONDS, lambda number: None) == (None, 10, False, True)


def test_a_counter_that_was_read_once_has_no_energy_and_all_is_a_gap() -> None:
    found = read(SECONDS, lambda number: 5000.0 if number == 0 else None)
    assert not found.energy_j
    assert (found.gap_s, found.has_failed) == (10, True)


def test_a_counter_that_stays_away_for_minutes_is_a_gap_until_it_is_back() -> None:
    channel = CounterChannel()
    channel.begin(0, 0)
    channel.read(1, 100 / J_PER_KWH)
    channel.read(2, None)
    for second in range(3, 100):
        channel.read(second, None)
    assert (channel.unknown_s(99), channel.gap_s(99)) == (98, 98)
    assert channel.energy_kwh(99) == pytest.approx(100 / J_PER_KWH)
    channel.read(100, 10_000 / J_PER_KWH)
    assert channel.energy_kwh(100) == pytest.approx(10_000 / J_PER_KWH)
    assert (channel.unknown_s(100), channel.gap_s(100)) == (0, 0)


@pytest.mark.parametrize("failed_s", [70, 3000])
def test_a_counter_that_stays_away_for_minutes_leaves_a_gap_until_the_end(failed_s: int) -> None:
    times = [float(second) for second in range(11 + failed_s)]
    found = read(times, lambda number: steady(number) if number <= 10 else None)
    assert found.energy_j == pytest.approx(1000)
    assert found.gap_s == pytest.approx(failed_s)


def test_a_reading_that_is_held_up_biases_nothing() -> None:
    times = [0.0, 1, 2, 5.5, 6, 7, 8]
    assert read(times, lambda number: 5000 + 100 * times[number]) == (pytest.approx(800), 0, False, False)


def test_the_end_of_the_work_between_two_readings_is_cut_by_time() -> None:
    assert read(SECONDS, steady, ended=9.25).energy_j == pytest.approx(925)


def test_a_counter_that_stands_still_is_no_fault() -> None:
    assert read(SECONDS, lambda number: 5000.0) == (0, 0, False, False)


def test_a_power_that_was_read_too_late_does_not_reach_back() -> None:
    channel = Channel()
    channel.start(0)
    channel.add(1, 100 / J_PER_KWH)
    channel.add(2, 300 / J_PER_KWH)
    assert channel.energy_kwh(1.5) == pytest.approx(250 / J_PER_KWH)


# Any machine


@st.composite
def machines(draw: st.DrawFn, least_w: float = 1) -> tuple[list[float], list[float]]:
    """Times of readings, and the true energy at each: powers that hardware can have."""
    steps = draw(st.lists(st.tuples(st.floats(0.01, 30), st.floats(least_w, 0.88 * MOST_W)), min_size=3, max_size=30))
    times, energies = [100.0], [0.0]
    for seconds, power_w in steps:
        times.append(times[-1] + seconds)
        energies.append(energies[-1] + seconds * power_w)
    return times, energies


def leaps(times: list[float], energies: list[float]) -> bool:
    """Whether the power of a machine changes so much that it looks like a fault of the counter."""
    spans = zip(pairwise(times), pairwise(energies), strict=True)
    powers = [(after - before) / (late - early) for (early, late), (before, after) in spans]
    return max(powers) > 5 * min(powers) + 100


@given(machines(), st.floats(0, RANGE_J - 1))
def test_any_sequence_of_good_readings_is_the_energy_itself(
    machine: tuple[list[float], list[float]], start_j: float
) -> None:
    times, energies = machine
    wraps = (start_j % RANGE_J) + energies[-1] >= RANGE_J  # with a leap of the power it looks like a new start
    assume(not wraps or not leaps(times, energies))
    found = read(times, lambda number: (start_j + energies[number]) % RANGE_J)
    assert found.energy_j == pytest.approx(energies[-1], rel=1e-6, abs=1e-3)
    assert found[1:] == (0, False, False)


@given(machines(), st.data())
def test_failures_anywhere_never_invent_energy_and_always_show(
    machine: tuple[list[float], list[float]], data: st.DataObject
) -> None:
    times, energies = machine
    failing = data.draw(st.sets(st.integers(0, len(times) - 1), min_size=1))
    found = read(times, lambda number: None if number in failing else 1000 + energies[number])
    good = [number for number in range(len(times)) if number not in failing]
    assert found.has_failed
    assert not found.has_glitch
    if not good:
        assert found.energy_j is None
        return
    unknown_s = times[good[0]] - times[0] + times[-1] - times[good[-1]]
    assert found.gap_s == pytest.approx(unknown_s if len(good) > 1 else times[-1] - times[0])
    if len(good) < 2:
        return
    covered_j = energies[good[-1]] - energies[good[0]]
    at_first_w = (energies[good[1]] - energies[good[0]]) / (times[good[1]] - times[good[0]])
    assert found.energy_j == pytest.approx(covered_j + at_first_w * (times[good[0]] - times[0]), rel=1e-6, abs=1e-3)


@given(machines(least_w=200), st.data())  # a leap of the power would be another explanation
def test_one_wrong_reading_anywhere_between_never_becomes_energy(
    machine: tuple[list[float], list[float]], data: st.DataObject
) -> None:
    times, energies = machine
    number = data.draw(st.integers(1, len(times) - 2))
    high_j = energies[number] + MOST_W * (times[number] - times[number - 1]) + 2
    wrong_j = data.draw(
        st.floats(0, max(energies[number - 1] - 2, 0.0)) | st.floats(high_j, high_j + 1e5, allow_nan=False)
    )
    assume(wrong_j < energies[number - 1] - 1.5 or wrong_j > high_j - 0.1)
    found = read(times, lambda n: 1e5 + (wrong_j if n == number else energies[n]), wraps=False)
    assert found.has_glitch
    assert found.energy_j == pytest.approx(energies[-1], rel=1e-6, abs=1e-3)


@given(machines(), st.data())
def test_whatever_a_counter_says_the_energy_is_one_that_hardware_can_use(
    machine: tuple[list[float], list[float]], data: st.DataObject
) -> None:
    times, _ = machine
    values = st.none() | st.floats(0, RANGE_J) | st.floats(0, 1e3)
    answers = [data.draw(values) for _ in times]
    found = read(times, lambda number: answers[number])
    seconds = times[-1] - times[0]
    assert 0 <= (found.energy_j or 0) <= MOST_W * seconds + 2 * len(times)
    assert 0 <= found.gap_s <= seconds + 1e-6
    assert found.has_failed == (None in answers)


def test_a_gpu_counter_that_starts_anew_is_a_glitch_and_not_a_failed_reading() -> None:
    """CodeCarbon falls back to the power in both cases; only a reading that failed keeps the last value."""
    gpu = SimpleNamespace(gpu_index=0, last_energy=Energy(1.0), _use_power_fallback=False)
    part = _Part(SimpleNamespace(chip_part="GPU"))
    readings = []
    for last_kwh, falls_back in ((1.0, False), (1.1, False), (1.1, True), (0.01, True), (0.02, False)):
        gpu.last_energy, gpu._use_power_fallback = Energy(last_kwh), falls_back
        readings.append(part._counter_of(gpu))
    assert readings == [1.0, 1.1, None, 0.01, 0.02]


JUMPS = {
    "a jump of 1,500 J that stays": lambda number: 5000 + 100 * number + (1500 if number >= 5 else 0),
    "a jump of 2,300 J that stays": lambda number: 5000 + 100 * number + (2300 if number >= 5 else 0),
    "a first reading of 1 uJ": lambda number: 5000 + 100 * number if number else 1e-6,
    "two readings that are 300 J too low": lambda number: 5000 + 100 * number - (300 if number in (5, 6) else 0),
    "one reading that is 900 J too low": lambda number: 5000 + 100 * number - (900 if number == 5 else 0),
}


@pytest.mark.parametrize("what", JUMPS)
def test_of_two_explanations_of_a_jump_the_one_that_goes_on_as_before_is_believed(what: str) -> None:
    found = read(SECONDS, JUMPS[what])
    assert found.energy_j == pytest.approx(1000, rel=0.01)
    assert found.has_glitch


def test_a_restart_between_two_late_readings_is_not_taken_for_a_wrap() -> None:
    times = [60.0 * number for number in range(11)]
    found = read(times, lambda number: 200_000 + 6000 * number if number < 5 else 6000 * (number - 5) + 10)
    assert found == (pytest.approx(60_000, rel=0.01), 0, True, False)


def test_a_board_of_1400_w_is_no_glitch() -> None:
    channel = CounterChannel(most_w=MOST_BOARD_W)
    channel.begin(0, 0)
    for second in range(1, 6):
        channel.read(second, 1400 * second / J_PER_KWH)
    assert channel.energy_kwh(5) == pytest.approx(7000 / J_PER_KWH)
    assert not channel.has_glitch
