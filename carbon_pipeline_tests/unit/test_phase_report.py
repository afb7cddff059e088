"""The course of a run as people see it: a small table of its phases and a line for its power."""

from hypothesis import given
from hypothesis import strategies as st

from carbon_pipeline.model.phase_report import MOST_ROWS, phase_rows, power_line, sparkline
from carbon_pipeline.model.record import RunRecord
from carbon_pipeline.model.samples import Phase, Samples
from carbon_pipeline_tests.fakes import make_record


def record_of(*phases: Phase) -> RunRecord:
    samples = Samples(at_s=[0, 5, 10], cpu_energy_kwh=[0, 5e-6, 2e-5], ram_energy_kwh=[0, 5e-6, 1.1e-5])
    return make_record(samples=samples, phases=list(phases))


def epoch(number: int, name: str = "epoch") -> Phase:
    return Phase(name=name, started_s=number, duration_s=1, cpu_energy_kwh=1e-6 * (number + 1), ram_energy_kwh=1e-6)


def test_the_epochs_of_a_training_are_one_line_that_says_what_each_used() -> None:
    (row,) = phase_rows(record_of(*map(epoch, range(4))))
    assert row == {
        "phase": "epoch", "number": 4, "duration": "4 s", "energy": "14 mWh", "each": "2 to 5 mWh",
        "power": "12.6 W",
    }  # fmt: skip


def test_of_very_many_names_the_ones_that_used_the_most_are_shown() -> None:
    rows = phase_rows(record_of(*(epoch(number, f"step {number}") for number in range(3 * MOST_ROWS))))
    assert len(rows) == MOST_ROWS
    assert rows[0]["phase"] == f"step {3 * MOST_ROWS - 1}"


def test_a_phase_whose_energy_is_not_known_has_its_duration() -> None:
    (row,) = phase_rows(record_of(Phase(name="epoch", started_s=0, duration_s=2)))
    assert (row["duration"], row["energy"], row["power"]) == ("2 s", None, None)


def test_the_power_of_a_run_is_seen_as_a_line_from_0_w_up_with_its_range() -> None:
    assert power_line(record_of()) == "▄█ 7.2 to 15 W"  # 1e-5 and 2.1e-5 kWh in 5 s each
    constant = Samples(at_s=[0, 2], cpu_energy_kwh=[0, 1e-5])
    assert power_line(make_record(samples=constant)) == "█ 18 W"


def test_without_a_curve_or_energy_there_is_no_line_and_no_failure() -> None:
    assert power_line(make_record()) is None
    assert power_line(make_record(samples=Samples(at_s=[0, 2]))) is None
    assert phase_rows(make_record()) == []


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=40).filter(any))
def test_a_line_has_one_character_for_each_value_and_the_highest_for_the_largest(values: list[float]) -> None:
    line = sparkline(values)
    assert len(line) == len(values)
    assert line[values.index(max(values))] == "█"
