"""The phases of a run as people see them: a small table and a picture of the power."""

import re
from xml.etree import ElementTree

import pytest

from carbon_pipeline.model.phase_report import MOST_ROWS, phase_rows, power_picture
from carbon_pipeline.model.record import RunRecord
from carbon_pipeline.model.samples import Phase, Samples
from carbon_pipeline_tests.fakes import make_record


def record_of(*phases: Phase) -> RunRecord:
    samples = Samples(at_s=[0, 5, 10], cpu_energy_kwh=[0, 5e-6, 2e-5], ram_energy_kwh=[0, 5e-6, 1e-5])
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


def test_the_picture_shows_the_power_and_nested_phases_in_rows_of_their_own() -> None:
    phases = [
        Phase(name="epoch", started_s=0, duration_s=8),
        Phase(name="train", started_s=0, duration_s=6),
        Phase(name="evaluation", started_s=6, duration_s=2),
    ]
    picture = power_picture(record_of(*phases))
    assert picture
    root = ElementTree.fromstring(picture)
    bands = {band[0].text: float(band.attrib["y"]) for band in root if band.tag.endswith("rect")}
    assert bands["epoch"] < bands["train"] == bands["evaluation"]
    assert "14.4 W" in picture  # 2e-5 kWh in 5 s


@pytest.mark.parametrize("name", ["<script>alert(1)</script>", "a\x00b\x1b[31m", '\u202eevil & "co"', "é" * 1000])
def test_whatever_a_phase_is_called_it_is_text_in_the_picture(name: str) -> None:
    picture = power_picture(record_of(Phase(name=name, started_s=0, duration_s=8)))
    assert picture
    ElementTree.fromstring(picture)
    assert "<script" not in picture
    assert not re.search(r"[\x00-\x08\x1b\u202e]", picture)


def test_without_a_curve_there_is_no_picture_and_no_failure() -> None:
    assert power_picture(make_record()) is None
    assert phase_rows(make_record()) == []
