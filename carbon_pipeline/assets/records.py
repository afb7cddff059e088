"""The field record: the 33 fields of the original document, one row per run of the regression."""

from typing import Any

import dagster as dg

from carbon_pipeline.assets.metadata import GROUP, OWNERS, table_metadata
from carbon_pipeline.assets.training import TrainedModel
from carbon_pipeline.boamps.fields import FIELDS
from carbon_pipeline.boamps.fields import field_record as fields_of
from carbon_pipeline.boamps.tracking_info import add_row
from carbon_pipeline.resources.warehouse import WarehouseResource


@dg.asset(group_name=GROUP, kinds={"csv"}, owners=OWNERS)
def field_record(warehouse: WarehouseResource, regression_model: TrainedModel) -> dg.MaterializeResult[dict[str, Any]]:
    """The 33 fields of this run, also added to `data/tracking_info.csv`."""
    if regression_model.record is None:
        raise dg.Failure("the training left no record; the log of regression_model says why", allow_retries=False)
    row = fields_of(regression_model.record)
    path = warehouse.open().data_dir / "tracking_info.csv"
    n_rows = add_row(path, row)
    return dg.MaterializeResult(
        value=row,
        metadata={
            "dagster/row_count": n_rows,
            "tracking_info": dg.MetadataValue.path(path.resolve()),
            "fields": table_metadata([{"field": f.name, "value": _text(row[f.name]), "unit": f.unit} for f in FIELDS]),
        },
    )


def _text(value: object) -> str:
    return "" if value is None else str(value)
