"""A loss curve, as an image in the metadata of the asset."""

import base64
import io
from collections.abc import Sequence

import dagster as dg

from carbon_pipeline.example.regression.model import LossPoint


def picture_of(losses: Sequence[LossPoint]) -> dg.MarkdownMetadataValue:
    """Plot a loss curve.

    Returns:
        Markdown with the embedded image (about 6 KB, which the event log keeps permanently).
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(3.6, 2.0), dpi=100, layout="constrained")
    axes = figure.add_subplot(xlabel="epoch", ylabel="mean squared error")
    axes.plot([point.epoch for point in losses], [point.loss for point in losses], marker=".", color="#2e7d32")
    axes.spines[["top", "right"]].set_visible(False)
    picture = io.BytesIO()
    figure.savefig(picture, format="png")
    return dg.MetadataValue.md(f"![loss curve](data:image/png;base64,{base64.b64encode(picture.getvalue()).decode()})")
