"""Files that people really have, with what is known of each; left out, visibly, where the folder is not there."""

from pathlib import Path

import pytest

from carbon_pipeline.warehouse.ingest.files import find_files
from carbon_pipeline.warehouse.rebuild import rebuild
from carbon_pipeline.warehouse.rules import RULES, broken
from carbon_pipeline.warehouse.warehouse import Warehouse
from carbon_pipeline_tests.conftest import REAL_FILES

pytestmark = pytest.mark.skipif(REAL_FILES is None, reason="no folder of real CodeCarbon files; see conftest.py")

EXPECTED = {
    # file: rows read, loaded, superseded, quarantined; loaded rows by flag
    # France at 425 g/kWh
    "codecarbon_1.x.csv": (20, 20, 0, 0, {"country_code_converted": 20, "intensity_implausible": 15}),
    "codecarbon_2.0.csv": (
        35, 35, 0, 0,
        {"country_code_converted": 35, "short_run": 35, "rate_rescaled": 35, "power_recomputed": 35},
    ),
    "codecarbon_2.2.2.csv": (
        2, 2, 0, 0,
        # line 3: 36 W by its power, 354 W by its energy
        {"country_code_converted": 2, "gpu_not_measured": 2, "power_recomputed": 2, "power_contradicts_energy": 1},
    ),
    "codecarbon_2.4.2_padded.csv": (46, 46, 0, 0, {"fallback_location": 46, "short_run": 3, "power_recomputed": 9}),
    "codecarbon_2.4.3rc1.csv": (
        28, 21, 7, 0,
        {"country_code_converted": 21, "mixed_tracking_modes": 21, "energy_missing": 2, "power_recomputed": 21,
         "cumulative_superseded": 3, "power_contradicts_energy": 6},
    ),
    "codecarbon_2.5.0_gpu.csv": (
        104, 104, 0, 0, {"country_code_converted": 104, "power_recomputed": 104, "short_run": 19},
    ),
    "codecarbon_3.2.0.csv.bak": (2, 2, 0, 0, {"country_code_converted": 2, "default_experiment_id": 2}),
    "codecarbon_3.3.2.csv": (
        4, 3, 1, 0,
        {"fallback_location": 1, "mixed_tracking_modes": 3, "default_experiment_id": 3, "power_recomputed": 2,
         "country_code_converted": 2, "cumulative_superseded": 1, "duration_from_tasks": 1},
    ),
    "codecarbon_3.3.2_tasks.csv": (
        2, 2, 0, 0, {"country_code_converted": 2, "power_recomputed": 1, "part_of_run": 2},
    ),
}  # fmt: skip


def test_every_row_of_the_real_files_is_accounted_for_and_flagged_as_its_traps_demand(data_dir: Path) -> None:
    assert REAL_FILES
    warehouse = Warehouse(data_dir)
    found = find_files([REAL_FILES])
    assert found.skipped == found.rejected == []
    results = {
        Path(result.source_file).name: (
            result.rows_read, result.rows_loaded, result.rows_superseded, result.rows_quarantined, result.flags,
        )
        for result in warehouse.import_csv(found.files)
    }  # fmt: skip
    assert results == EXPECTED
    assert {rule: broken(warehouse, rule) for rule in RULES} == {rule: [] for rule in RULES}
    by_file = {Path(result).name: result for result in {str(run["source_file"]) for run in warehouse.report("runs")}}
    runs = warehouse.report("runs")

    def of(name: str) -> list[dict[str, object]]:
        return [run for run in runs if run["source_file"] == by_file[name]]

    assert {run["country_iso_code"] for run in of("codecarbon_2.4.2_padded.csv")} == {None}
    assert {run["intensity_source"] for run in of("codecarbon_2.4.2_padded.csv")} == {"world_average"}
    assert "île-de-france" in {run["region"] for run in of("codecarbon_1.x.csv")}
    assert {run["gpu_model"] for run in of("codecarbon_2.5.0_gpu.csv")} == {"2 x Tesla V100S-PCIE-32GB"}
    assert len({run["run_id"] for run in runs}) == len(runs)
    again = warehouse.import_csv(found.files)
    assert {result.rows_loaded for result in again} == {0}
    assert rebuild(warehouse).differences == []
