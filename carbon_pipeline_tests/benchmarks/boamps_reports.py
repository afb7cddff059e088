"""How fast runs become BoAmps reports, beside CodeCarbon's own mapper on the same runs.

Run with `make bench`, or alone with a number of runs:
`.venv/bin/python carbon_pipeline_tests/benchmarks/boamps_reports.py 100000`.
Both write one JSON file for each run. CodeCarbon's checks nothing; ours holds each report against all rules, and makes
the table of all of them as CSV and Parquet besides.
"""

import logging
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path

from carbon_pipeline.boamps.context import ReportContext
from carbon_pipeline.boamps.export import FOLDER, Exported, export_all, export_reports
from carbon_pipeline.boamps.machine_report import machine_reports
from carbon_pipeline.boamps.plausibility import examine_file
from carbon_pipeline.warehouse.warehouse import Warehouse
from carbon_pipeline_tests.benchmarks.warehouse_speed import write

RUNS = 100_000
TOLD = {
    "header": {"publisher": {"name": "us", "confidentialityLevel": "public"}},
    "task": {
        "taskStage": "training",
        "taskFamily": "regression",
        "algorithms": [{"algorithmName": "linearRegression", "framework": "numpy"}],
        "dataset": [{"dataUsage": "input", "dataType": "tabular"}],
    },
}


def codecarbon_reports(path: Path, folder: Path) -> int:
    """CodeCarbon's handler, as it is called at the end of each run, and pandas to read the rows."""
    import pandas as pd
    from codecarbon.output_methods.boamps.output import BoAmpsOutput
    from codecarbon.output_methods.emissions_data import EmissionsData

    logging.getLogger("codecarbon").setLevel(logging.ERROR)
    handler = BoAmpsOutput.from_dict(TOLD, output_dir=str(folder))
    runs = pd.read_csv(path, keep_default_na=False).drop_duplicates("run_id", keep="last")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for row in runs.itertuples(index=False):
            data = EmissionsData(**row._asdict())
            handler.out(data, data)
    return len(runs)


def timed(work: Callable[[], object]) -> float:
    """Seconds."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def main(count: int) -> None:
    """Prints the rates and their ratio."""
    context = ReportContext(TOLD)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        path = write(folder / "emissions.csv", count, seed=1)
        warehouse = Warehouse(folder / "data")
        warehouse.import_csv([path])
        done: list[Exported] = []
        reports = folder / "data" / FOLDER
        peer_s = timed(lambda: codecarbon_reports(path, folder / "peer"))
        only_s = timed(lambda: done.append(export_reports(machine_reports(warehouse), context, reports)))
        again_s = timed(lambda: done.append(export_all(warehouse, context, reports)))
        files = list(reports.glob("*.json"))
        faults: list[object] = []
        validate_s = timed(lambda: faults.extend(fault for file in files for fault in examine_file(file)))
        runs = done[0].reports
        assert runs + len(done[0].incomplete) == warehouse.count()
        assert done[1].unchanged == runs == len(files)
        peer_faults = sum(bool(examine_file(file)) for file in (folder / "peer").iterdir())
    print(f"{runs:,} reports, {len(done[0].incomplete):,} runs without one, {len(faults)} violations; reports/s:")
    print(f"  CodeCarbon's mapper           {runs / peer_s:8,.0f}  ({peer_faults:,} not valid or not plausible)")
    print(f"  made, checked, written        {runs / only_s:8,.0f} = {peer_s / only_s:.2f} x CodeCarbon's")
    print(f"  again, and CSV and Parquet    {runs / again_s:8,.0f} = {peer_s / again_s:.2f} x CodeCarbon's")
    print(f"  files read and validated      {runs / validate_s:8,.0f}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else RUNS)
