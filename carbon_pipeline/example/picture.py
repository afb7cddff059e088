"""A loss curve, as an image in the metadata of the asset."""

import base64
from collections.abc import Sequence

import dagster as dg

from carbon_pipeline.example.regression.model import LossPoint
from carbon_pipeline.report.vega import charts, picture


def picture_of(losses: Sequence[LossPoint]) -> dg.MarkdownMetadataValue:
    """Draw a loss curve.

    Returns:
        Markdown with the embedded image, which the event log keeps permanently.
    """
    svg = picture(charts()["loss"], [{"epoch": point.epoch, "loss": point.loss} for point in losses])
    return dg.MetadataValue.md(f"![loss curve](data:image/svg+xml;base64,{base64.b64encode(svg.encode()).decode()})")
