"""The measured part of BoAmps reports, read from the warehouse. The user-provided part: context.py."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import NamedTuple

from carbon_pipeline.warehouse.sql import read_sql
from carbon_pipeline.warehouse.warehouse import Warehouse


class MachineReport(NamedTuple):
    """The measured part of one report.

    Attributes:
        run_id: ID of the run.
        project_name: project that the run belongs to.
        task: the fields of `task` that the run itself provides, as JSON.
        machine: publisher, system, software, infrastructure, as JSON; equal for the runs of a project on one machine.
        measured: header, measures, environment, quality, description, as JSON.
    """

    run_id: str
    project_name: str | None
    task: str | None
    machine: str
    measured: str


def machine_reports(warehouse: Warehouse, run_id: str | None = None) -> Iterator[MachineReport]:
    """Read the measured part of the report of each run.

    Args:
        warehouse: the warehouse; its published copy is read.
        run_id: ID of one run; None for all runs.

    Yields:
        The measured part of each report, ordered by the end of the run.

    Raises:
        WarehouseMissingError: nothing has been published yet.
    """
    query = read_sql("carbon_pipeline.boamps", "machine_report")
    if run_id is None:
        rows = warehouse.in_order(query, {"run_id": None})
    else:
        always = {"after": datetime.min.replace(tzinfo=UTC), "until": datetime.max.replace(tzinfo=UTC)}
        rows = iter(warehouse.rows(query, always | {"run_id": run_id}))
    yield from (MachineReport(**row) for row in rows)
