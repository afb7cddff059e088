"""The curve of a run, its thinning, and its phases."""

import random
import threading
import time
from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from carbon_pipeline.model.samples import (
    MANY,
    MOST_BYTES,
    MOST_PHASES,
    MOST_SAMPLES,
    Curve,
    Phase,
    Point,
    Samples,
    between,
    energy_at,
    sum_of,
)
from carbon_pipeline.tracking.phases import MOST_METRICS, PhaseBlock, Phases


def point(at_s: float, power_w: float = 100.0) -> Point:
    """A reading of a machine with constant power and use."""
    kwh = at_s * power_w / 3.6e6
    return Point(at_s, kwh, 2 * kwh, kwh / 10, at_s * 1.5, at_s * 2.5)


def samples_of(points: Sequence[Point]) -> Samples:
    curve = Curve()
    for one in points:
        curve.add(one)
    samples = curve.samples()
    assert samples is not None
    return samples


@pytest.mark.parametrize("readings", [1, 10, 599, 600, 601, 3000, 20_000])
def test_a_curve_keeps_its_ends_its_size_and_even_spacing(readings: int) -> None:
    samples = samples_of([point(float(number)) for number in range(1, readings + 1)])
    assert samples.at_s[0] == 0
    assert samples.at_s[-1] == readings
    assert len(samples.at_s) <= MOST_SAMPLES
    assert len(samples.at_s) >= min(readings, MOST_SAMPLES // 5)
    assert len(samples.model_dump_json().encode()) <= 40_000
    gaps = [later - earlier for earlier, later in pairwise(samples.at_s)]
    assert max(gaps[:-1], default=0) <= 4.1 * min(gaps[:-1], default=1)  # at the end of the last thinning
    assert samples.cpu_energy_kwh is not None
    assert samples.cpu_energy_kwh[-1] == pytest.approx(readings * 100 / 3.6e6, rel=1e-8)


@given(st.integers(1, 4000), st.integers(0, 2**32))
def test_a_curve_of_any_readings_is_small_and_never_falls(readings: int, seed: int) -> None:
    chance = random.Random(seed)
    curve, total_kwh, at_s = Curve(), 0.0, 0.0
    for _ in range(min(readings, 4000)):
        at_s += chance.choice([-0.5, 0.0, 1e-6, 0.3, 1.0, 77.7])
        total_kwh += chance.random() * 1e3
        value = total_kwh + chance.choice([0, 0, 0, 50.0])
        curve.add(Point(max(at_s, 0.0), value, None, chance.choice([None, value]), value, value * 3, value, value))
    samples = curve.samples()
    if samples is None:
        assert at_s <= 0
        return
    assert len(samples.at_s) <= MOST_SAMPLES
    assert len(samples.model_dump_json().encode()) <= 40_000
    assert samples.at_s == sorted(samples.at_s)
    assert samples.gpu_energy_kwh is None
    assert samples.cpu_energy_kwh == sorted(samples.cpu_energy_kwh or [])


def test_thinning_never_loses_energy_at_the_samples_that_stay() -> None:
    samples = samples_of([Point(float(second), second**2 / 1e6) for second in range(1, 5001)])
    assert samples.cpu_energy_kwh is not None
    for at_s, kwh in zip(samples.at_s, samples.cpu_energy_kwh, strict=True):
        assert kwh == pytest.approx(at_s**2 / 1e6, rel=1e-8)


def test_eight_long_columns_are_thinned_by_their_bytes() -> None:
    points = [Point(*[number / 7 * 10**place for place in range(8)]) for number in range(1, 2000)]
    assert len(samples_of(points).model_dump_json().encode()) <= MOST_BYTES + 500


def test_a_counter_that_was_too_high_once_is_put_right_by_the_next_reading() -> None:
    samples = samples_of([Point(1.0, 1.0), Point(2.0, 9.0), Point(3.0, 2.0)])
    assert samples.cpu_energy_kwh == [0, 1, 2, 2]


def test_a_reading_that_is_not_later_replaces_the_last() -> None:
    assert samples_of([Point(1.0, 1.0), Point(2.0, 2.0), Point(1.5, 1.6)]).at_s == [0, 1, 1.5]


def test_a_run_without_a_reading_has_no_curve() -> None:
    assert Curve().samples() is None


def test_columns_that_are_no_curve_are_rejected() -> None:
    with pytest.raises(ValidationError, match="2 values for 3 times"):
        Samples(at_s=[0, 1, 2], cpu_energy_kwh=[0, 1])
    with pytest.raises(ValidationError, match="falls"):
        Samples(at_s=[0, 1, 2], cpu_energy_kwh=[0, 2, 1])


def test_the_energy_at_a_moment_is_that_of_all_known_parts_by_time() -> None:
    samples = Samples(at_s=[0, 10, 20], cpu_energy_kwh=[0, 1, 3], gpu_energy_kwh=[0, 0, 4])
    assert energy_at(samples, [-1, 0, 5, 10, 15, 20, 99]) == pytest.approx([0, 0, 0.5, 1, 4, 7, 7])


def test_a_point_between_two_others_is_divided_by_time() -> None:
    assert between(Point(0.0, 0.0, 0.0, 0.0), Point(10.0, 5.0, None, 1.0), 4) == Point(4, 2.0, None, 0.4)
    assert between(Point(0.0, None), Point(10.0, 5.0), 4) == Point(4, None)
    assert between(Point(3.0, 1.0), Point(3.0, 2.0), 3) == Point(3, 2.0)


# Phases


class Timed:
    """Phases of a run that begins at 0, with times that are given instead of measured."""

    def __init__(self) -> None:
        self.phases = Phases()
        self.phases.start(0.0)

    def phase(self, name: str, began: float, ended: float | None) -> None:
        mark = self.phases.begin(name)
        mark.began = began
        if ended is not None:
            mark.ended = ended


def test_a_phase_between_two_readings_gets_its_part_of_the_curve() -> None:
    timed = Timed()
    timed.phases.add(point(1.0))
    timed.phase("short", 1.2, 1.3)
    timed.phase("over a reading", 1.5, 2.5)
    timed.phases.add(point(2.0))
    timed.phases.add(point(3.0, 100))
    short, over = timed.phases.finished()
    assert (short.name, short.started_s) == ("short", 1.2)
    assert short.duration_s == pytest.approx(0.1)
    assert short.cpu_energy_kwh == pytest.approx(0.1 * 100 / 3.6e6)
    assert over.energy_kwh == pytest.approx(3.1 * 100 / 3.6e6)


@given(st.integers(0, 2**32))
def test_phases_that_follow_one_another_add_up_to_the_run(seed: int) -> None:
    chance = random.Random(seed)
    timed = Timed()
    events = sorted(chance.uniform(0, 100) for _ in range(chance.randint(1, 60)))
    readings = sorted({*(chance.uniform(0, 100) for _ in range(chance.randint(0, 30))), 100.0})
    cuts = [0.0, *events, 100.0]
    begun = list(pairwise(cuts))
    kwh, before = 0.0, 0.0
    for at_s in readings:
        kwh += (at_s - before) * chance.random()
        before = at_s
        while begun and begun[0][0] <= at_s:
            timed.phase("part", *begun.pop(0))
        timed.phases.add(Point(at_s, kwh), is_last=at_s == 100)
    found = timed.phases.finished()
    assert sum(one.count for one in found) == len(cuts) - 1
    assert sum(one.cpu_energy_kwh or 0 for one in found) == pytest.approx(kwh, rel=1e-7, abs=1e-12)
    assert sum(one.duration_s for one in found) == pytest.approx(100)


def test_an_open_phase_ends_with_the_run_and_is_not_finished_before() -> None:
    timed = Timed()
    timed.phase("open", 0.5, None)
    timed.phases.add(point(1.0))
    assert timed.phases.finished() == []
    timed.phases.add(point(2.0), is_last=True)
    (one,) = timed.phases.finished()
    assert one.duration_s == pytest.approx(1.5)


@pytest.mark.parametrize("number", [MOST_PHASES, MOST_PHASES + 1, 5 * MOST_PHASES])
def test_very_many_phases_are_kept_by_name_and_lose_nothing(number: int) -> None:
    timed = Timed()
    for index in range(number):
        timed.phase(f"step {index % 3}", index, index + (1 if index % 3 else 0.5))
    timed.phases.add(point(float(number)), is_last=True)
    found = timed.phases.finished()
    assert len(found) <= MOST_PHASES
    assert sum(one.count for one in found) == number
    assert sum(one.energy_kwh or 0 for one in found) == pytest.approx(
        sum(1 if index % 3 else 0.5 for index in range(number)) * 310 / 3.6e6
    )
    if number > MOST_PHASES:
        first = next(one for one in found if one.name == "step 0")
        assert (first.least_s, first.most_s) == (pytest.approx(0.5), pytest.approx(0.5))
        assert first.least_kwh == pytest.approx(0.5 * 310 / 3.6e6)
        assert first.most_kwh == pytest.approx(0.5 * 310 / 3.6e6)


def test_too_many_different_names_share_one_entry_and_lose_nothing() -> None:
    timed = Timed()
    for index in range(3 * MOST_PHASES):
        timed.phase(f"step {index}", index, index + 1)
    timed.phases.add(point(3.0 * MOST_PHASES), is_last=True)
    found = timed.phases.finished()
    assert len(found) <= MOST_PHASES
    assert sum(one.count for one in found) == 3 * MOST_PHASES
    assert MANY in {one.name for one in found}
    assert sum(one.energy_kwh or 0 for one in found) == pytest.approx(3 * MOST_PHASES * 310 / 3.6e6)


def together(one: Phase, other: Phase) -> Phase:
    found = sum_of(one)
    found.add(sum_of(other))
    return found.phase()


def test_the_epochs_of_a_training_are_kept_one_by_one_however_many_steps_they_have() -> None:
    phases = Phases()
    phases.start(0.0)
    for epoch in range(20):
        around = ("epoch",)
        for step in range(100):
            mark = phases.begin("step", around)
            mark.began, mark.ended = epoch + step / 100, epoch + (step + 1) / 100
        mark = phases.begin("epoch", ())
        mark.began, mark.ended = float(epoch), epoch + 1.0
    phases.add(Point(20.0, 20.0, 0.0, 0.0), is_last=True)
    found = phases.finished()
    assert [one.energy_kwh for one in found if one.name == "epoch"] == pytest.approx([1.0] * 20)
    (steps,) = (one for one in found if one.name == "step")
    assert (steps.count, steps.depth, steps.parent) == (2000, 1, "epoch")
    assert steps.energy_kwh == pytest.approx(20)


def test_phases_know_what_they_are_in() -> None:
    phases = Phases()
    phases.start(time.perf_counter())
    with PhaseBlock(phases, "epoch"):
        with PhaseBlock(phases, "train"), PhaseBlock(phases, "step"):
            pass
        with PhaseBlock(phases, "evaluation"):
            pass
    with PhaseBlock(phases, "save"):
        pass
    phases.add(Point(60.0), is_last=True)
    found = [(one.name, one.depth, one.parent) for one in phases.finished()]
    expected = [
        ("epoch", 0, None),
        ("train", 1, "epoch"),
        ("step", 2, "train"),
        ("evaluation", 1, "epoch"),
        ("save", 0, None),
    ]
    assert found == expected


def test_joined_phases_keep_least_and_most() -> None:
    short = Phase(name="a", started_s=5, duration_s=1, cpu_energy_kwh=3)
    long = Phase(name="a", started_s=1, duration_s=9, cpu_energy_kwh=1)
    joined = together(short, long)
    assert (joined.started_s, joined.duration_s, joined.count) == (1, 10, 2)
    assert (joined.least_s, joined.most_s, joined.least_kwh, joined.most_kwh) == (1, 9, 1, 3)


def test_joined_phases_of_unknown_energy_have_no_zeros_that_nobody_measured() -> None:
    joined = together(Phase(name="a", started_s=5, duration_s=1), Phase(name="a", started_s=6, duration_s=2))
    assert (joined.energy_kwh, joined.least_kwh, joined.most_kwh) == (None, None, None)
    assert (joined.least_s, joined.most_s) == (1, 2)


def test_begins_from_many_threads_while_readings_come_are_all_kept() -> None:
    phases = Phases()
    phases.start(time.perf_counter())

    def work() -> None:
        for _ in range(100):
            phases.begin("step").ended = time.perf_counter()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        phases.add(point(time.perf_counter() - phases._started))
    phases.add(point(time.perf_counter() - phases._started), is_last=True)
    assert sum(one.count for one in phases.finished()) == 400


def test_the_last_value_of_a_metric_counts_and_what_is_no_number_is_named() -> None:
    phases = Phases()
    assert phases.metric("accuracy", 0.5) is None
    assert phases.metric("accuracy", "0.75") is None
    assert phases.metrics == {"accuracy": 0.75}
    assert "not finite" in str(phases.metric("loss", float("nan")))
    assert "discarded" in str(phases.metric("model", object()))
    for number in range(2 * MOST_METRICS):
        phases.metric(f"metric {number}", number)
    assert len(phases.metrics) == MOST_METRICS
    assert phases.metric("accuracy", 0.9) is None
