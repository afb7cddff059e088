"""The calibration of a machine: as narrow as its runs allow, and honest for few of them."""

import math
import random
import statistics
from datetime import UTC, datetime, timedelta

import pytest

from carbon_pipeline.model.calibration import FEWEST_RUNS, Calibration, CalibrationPoint, fit
from carbon_pipeline.model.interval import Interval, narrowed

AT = datetime(2026, 11, 1, tzinfo=UTC)


class Host:
    """A machine whose energy at the wall follows its meter, but for what no meter sees: chance, and a slight bend."""

    def __init__(self, chance: random.Random) -> None:
        self.chance = chance
        self.idle_w = chance.uniform(3, 150)
        self.losses = chance.uniform(1.05, 1.3)
        self.most_w = chance.uniform(20, 1500)
        self.noise = chance.uniform(0.002, 0.05)

    def run(self, number: int = 0) -> CalibrationPoint:
        meter_w = self.chance.uniform(0.1, 1.0) * self.most_w
        wall_w = (self.idle_w + self.losses * meter_w) + self.chance.gauss(0, self.noise * (self.idle_w + self.most_w))
        return CalibrationPoint(meter_w, max(wall_w, 0.1), 60.0, AT + timedelta(minutes=number))


def coverage(runs: int, repetitions: int = 1000) -> tuple[float, float]:
    """How often a further run is in the interval, and its median width, of machines that are all different."""
    inside, widths = 0, []
    for seed in range(repetitions):
        host = Host(random.Random(1000 * runs + seed))
        found = fit([host.run(number) for number in range(runs)], accuracy=0.0)
        assert found
        later = host.run()
        predicted = found.predict(later.meter_w)
        inside += predicted.low_w <= later.wall_w <= predicted.high_w
        widths.append(predicted.high_w / max(predicted.low_w, 1e-9))
    return inside / repetitions, statistics.median(widths)


def test_of_a_thousand_machines_the_interval_holds_93_to_99_percent_for_few_and_many_runs() -> None:
    found = {runs: coverage(runs) for runs in (3, 5, 10, 30)}
    assert all(0.93 <= inside <= 0.99 for inside, _ in found.values()), found
    assert found[3][1] > found[5][1] > found[10][1] > found[30][1]


def test_a_line_is_found_and_ten_runs_make_it_narrow() -> None:
    points = [CalibrationPoint(20.0 * n, 30 + 1.2 * 20 * n + (-1) ** n, 60, AT) for n in range(1, 11)]
    found = fit(points, accuracy=0.01)
    assert found
    assert found.idle_w == pytest.approx(30, abs=2)
    assert found.losses == pytest.approx(1.2, abs=0.02)
    predicted = found.predict(100)
    assert predicted.low_w < 150 < predicted.high_w
    assert predicted.high_w / predicted.low_w < 1.07


def test_two_runs_are_no_calibration_and_equal_powers_have_no_slope() -> None:
    points = [CalibrationPoint(42.5, wall_w, 60, AT) for wall_w in (80.0, 95.0, 110.0)]
    assert fit(points[:2], 0.0) is None
    found = fit(points, 0.0)
    assert found
    assert found.losses == 0
    assert found.covers(42.5, 60)
    assert not found.covers(46, 60)
    predicted = found.predict(42.5)
    assert predicted.wall_w == pytest.approx(95)
    assert predicted.low_w < 80
    assert 110 < predicted.high_w < math.inf
    assert FEWEST_RUNS == 3


def test_what_is_unlike_the_calibration_runs_is_left_to_the_model() -> None:
    found = fit([CalibrationPoint(power_w, 2 * power_w, 30, AT) for power_w in (50.0, 100.0, 150.0)], 0.0)
    assert found
    assert found.covers(100, 60)
    assert found.covers(155, 60)
    assert not found.covers(200, 60)
    assert not found.covers(20, 60)
    assert not found.covers(100, 10)  # the mean of a short run varies more


def test_a_calibration_narrows_the_interval_of_the_model_and_overrules_it_where_they_contradict() -> None:
    model = Interval(1.0, 3.0)
    assert narrowed(Interval(0.5, 2.0), 1.25, model) == Interval(1.0, 2.0)
    assert narrowed(Interval(2.9, 5.0), 4.0, model) == Interval(2.9, 5.0)  # no false precision where they barely meet
    assert narrowed(Interval(1.5, 2.0), 1.75, None) == Interval(1.5, 2.0)


def test_a_calibration_survives_the_disk() -> None:
    found = fit([CalibrationPoint(50.0 * n, 100.0 * n, 30, AT) for n in (1, 2, 3)], 0.01)
    assert found
    assert Calibration.model_validate_json(found.model_dump_json()) == found


def test_ten_published_runs_halve_the_width_on_every_machine_and_hold() -> None:
    from carbon_pipeline_tests.benchmarks.wall_meter import calibrated

    for machine in calibrated(runs=10, repetitions=2000):
        assert machine.inside >= 0.95, machine
        assert machine.excess_share <= 0.51, machine
