"""Asset checks that would catch a wrong warehouse or report. The rules are in `warehouse/checks/` and `boamps/`.

https://docs.dagster.io/guides/test/asset-checks
"""

from collections.abc import Iterator

import dagster as dg

from carbon_pipeline.dagster.names import Names
from carbon_pipeline.dagster.resources.warehouse import WarehouseResource
from carbon_pipeline.dagster.ui_metadata import table_metadata
from carbon_pipeline.warehouse.rules import RULES, broken


def runs_checks(names: Names) -> dg.AssetChecksDefinition:
    """Make the checks of the asset `runs`, which keep the rules of the warehouse."""
    key = names.key("runs")

    @dg.multi_asset_check(
        name=names.name("runs_keep_the_rules"),
        specs=[dg.AssetCheckSpec(name, asset=key, description=text) for name, text in RULES.items()],
    )
    def runs_keep_the_rules(carbon_warehouse: WarehouseResource) -> Iterator[dg.AssetCheckResult]:
        """Each rule looks for the rows of the warehouse that break it. (In one step: each costs a process.)"""
        opened = carbon_warehouse.open()
        for name in RULES:
            rows = broken(opened, name)
            yield dg.AssetCheckResult(
                asset_key=key,
                check_name=name,
                passed=not rows,
                metadata={"broken": len(rows), "examples": table_metadata(rows[:10])},
            )

    return runs_keep_the_rules


def boamps_check(names: Names) -> dg.AssetChecksDefinition:
    """Make the check of the asset `boamps_reports`."""

    @dg.asset_check(asset=names.key("boamps_reports"))
    def boamps_reports_are_valid(carbon_warehouse: WarehouseResource) -> dg.AssetCheckResult:
        """Every file keeps the rules of BoAmps' schemas, and its numbers are plausible."""
        from carbon_pipeline.boamps.export import FOLDER
        from carbon_pipeline.boamps.plausibility import examine_file

        faults = []
        files = sorted((carbon_warehouse.open().data_dir / FOLDER).glob("report_*.json"))
        for path in files:
            faults += [{"file": path.name, **violation.model_dump(mode="json")} for violation in examine_file(path)]
        return dg.AssetCheckResult(
            passed=not faults,
            metadata={"files": len(files), "violations": len(faults), "examples": table_metadata(faults[:10])},
        )

    return boamps_reports_are_valid
