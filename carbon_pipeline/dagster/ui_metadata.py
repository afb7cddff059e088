"""Tables that the assets and checks show in the Dagster UI. No measuring, no SQL.

https://docs.dagster.io/guides/build/assets/metadata-and-tags
"""

from collections.abc import Mapping, Sequence
from typing import Any

import dagster as dg


def table_metadata(rows: Sequence[Mapping[Any, Any]]) -> dg.TableMetadataValue | dg.TextMetadataValue:
    """Make a small table for the UI; a column in which nothing is known is omitted.

    Args:
        rows: what to show; all with the same keys.

    Returns:
        The table; the text "none" if there is no row.
    """
    if not rows:
        return dg.MetadataValue.text("none")
    columns = [name for name in rows[0] if any(row[name] is not None for row in rows)]
    return dg.MetadataValue.table([dg.TableRecord({str(name): _cell(row[name]) for name in columns}) for row in rows])


def shown(value: Any) -> Any:
    """A number with seven significant digits, of which the first ones mean something; record and warehouse have all."""
    return float(f"{value:.7g}") if isinstance(value, float) else value


def column_schema(columns: Sequence[Mapping[str, Any]]) -> dg.TableSchema:
    """Describe the columns of a table for the UI."""
    return dg.TableSchema(
        columns=[dg.TableColumn(c["column_name"], c["data_type"], description=c["comment"]) for c in columns]
    )


def _cell(value: Any) -> str | int | float | bool | None:
    if value is None or isinstance(value, bool | int | str):
        return value
    return float(f"{value:.4g}") if isinstance(value, float) else str(value)
