"""Tables and pictures that the assets show in the Dagster UI. No measuring, no SQL."""

import base64
import io
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

import dagster as dg

from carbon_pipeline.training.model import LossPoint

GROUP = "carbon_pipeline"
"""One group for all: the UI folds groups up, and the graph is small."""

DAYS_GROUP = "carbon_pipeline_days"
"""Assets with partitions stand apart: with them in it, a group cannot be materialized as a whole."""

OWNERS = ["team:carbon_pipeline"]
"""Whom the UI names; your own definitions can say otherwise."""

FRESH = dg.FreshnessPolicy.time_window(fail_window=timedelta(days=3), warn_window=timedelta(hours=36))
"""What the warehouse and the reports are to be: the daily schedule, and a day of patience."""


def table_metadata(rows: Sequence[Mapping[Any, Any]]) -> dg.TableMetadataValue | dg.TextMetadataValue:
    """A small table for the UI; a column in which nothing is known is left out.

    Args:
        rows: what to show; all with the same keys.

    Returns:
        The table; the text "none" if there is no row.
    """
    if not rows:
        return dg.MetadataValue.text("none")
    columns = [name for name in rows[0] if any(row[name] is not None for row in rows)]
    return dg.MetadataValue.table([dg.TableRecord({str(name): _cell(row[name]) for name in columns}) for row in rows])


def column_schema(columns: Sequence[Mapping[str, Any]]) -> dg.TableSchema:
    """The columns of a table for the UI.

    Args:
        columns: column_name, data_type and comment of each.

    Returns:
        The schema.
    """
    return dg.TableSchema(
        columns=[dg.TableColumn(c["column_name"], c["data_type"], description=c["comment"]) for c in columns]
    )


def loss_curve(losses: Sequence[LossPoint]) -> dg.MarkdownMetadataValue:
    """The loss curve as a small picture.

    Args:
        losses: the curve.

    Returns:
        Markdown with the picture in it (about 6 KB; it lies in the event log for ever).
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(3.6, 2.0), dpi=100, layout="constrained")
    axes = figure.add_subplot(xlabel="epoch", ylabel="mean squared error")
    axes.plot([point.epoch for point in losses], [point.loss for point in losses], marker=".", color="#2e7d32")
    axes.spines[["top", "right"]].set_visible(False)
    picture = io.BytesIO()
    figure.savefig(picture, format="png")
    return dg.MetadataValue.md(f"![loss curve](data:image/png;base64,{base64.b64encode(picture.getvalue()).decode()})")


def _cell(value: Any) -> str | int | float | bool | None:
    if value is None or isinstance(value, bool | int | str):
        return value
    return float(f"{value:.6g}") if isinstance(value, float) else str(value)
