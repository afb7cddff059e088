"""The loss curve of a training as a picture on the asset's page."""

import base64
import io
from collections.abc import Sequence

import dagster as dg

from carbon_pipeline.example.regression.model import LossPoint


def loss_curve(losses: Sequence[LossPoint]) -> dg.MarkdownMetadataValue:
    """Draw the loss curve.

    Args:
        losses: the curve.

    Returns:
        Markdown that contains the picture (about 6 KB; it stays in the event log for ever).
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(3.6, 2.0), dpi=100, layout="constrained")
    axes = figure.add_subplot(xlabel="epoch", ylabel="mean squared error")
    axes.plot([point.epoch for point in losses], [point.loss for point in losses], marker=".", color="#2e7d32")
    axes.spines[["top", "right"]].set_visible(False)
    picture = io.BytesIO()
    figure.savefig(picture, format="png")
    return dg.MetadataValue.md(f"![loss curve](data:image/png;base64,{base64.b64encode(picture.getvalue()).decode()})")
