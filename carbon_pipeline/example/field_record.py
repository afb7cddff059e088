"""The asset `field_record` and its check: the 33 fields of the original document, one row per run of the regression."""

from typing import Any

import dagster as dg

from carbon_pipeline.dagster.assets.attributes import GROUP, OWNERS
from carbon_pipeline.dagster.resources.warehouse import WarehouseResource
from carbon_pipeline.dagster.ui_metadata import table_metadata
from carbon_pipeline.example.tracking_info import FILE, add_row
from carbon_pipeline.example.training import regression_model
from carbon_pipeline.model.field_checks import problems
from carbon_pipeline.model.fields import FIELDS
from carbon_pipeline.model.fields import field_record as fields_of
from carbon_pipeline.tracking.landing import find_record


@dg.asset(group_name=GROUP, kinds={"csv"}, owners=OWNERS, deps=[regression_model])
def field_record(
    context: dg.AssetExecutionContext, carbon_warehouse: WarehouseResource
) -> dg.MaterializeResult[dict[str, Any]]:
    """The 33 fields of the training, which are also added to `data/tracking_info.csv`."""
    data_dir = carbon_warehouse.open().data_dir
    record = find_record(_run_id(context.instance), data_dir)
    if record is None:
        raise dg.Failure("the training has no record; the log of regression_model shows why", allow_retries=False)
    row = fields_of(record)
    path = data_dir / FILE
    n_rows = add_row(path, row)
    return dg.MaterializeResult(
        value=row,
        metadata={
            "dagster/row_count": n_rows,
            "tracking_info": dg.MetadataValue.path(path.resolve()),
            "fields": table_metadata([{"field": f.name, "value": _text(row[f.name]), "unit": f.unit} for f in FIELDS]),
        },
    )


def _run_id(instance: dg.DagsterInstance) -> str:
    """ID of the training's run, from what its materialization says."""
    event = instance.get_latest_materialization_event(regression_model.key)
    found = event.asset_materialization.metadata.get("carbon/run_id") if event and event.asset_materialization else None
    return str(found.value) if found else ""


def _text(value: object) -> str:
    return "" if value is None else str(value)


@dg.asset_check(asset=field_record)
def field_record_is_sound(field_record: dict[str, Any]) -> dg.AssetCheckResult:
    """The 33 fields are complete, energies add up and are not negative, the location is not CodeCarbon's fallback."""
    faults = problems(field_record)
    return dg.AssetCheckResult(passed=not faults, description="; ".join(faults) or "no problems found")
