"""The linear model and its fit, independent of the back end.

Full-batch gradient descent on the mean squared error, from zero weights, in double precision, so that both back ends
take the same steps and arrive at the same model.
"""

import math
from importlib import import_module
from typing import TYPE_CHECKING, Literal, NamedTuple, Protocol

from pydantic import BaseModel, ConfigDict, Field

from carbon_pipeline.example.regression.data import Samples

if TYPE_CHECKING:
    import numpy as np

Backend = Literal["numpy", "torch"]


class Hyperparameters(BaseModel):
    """Hyperparameters of the fit. The defaults are those of the original script."""

    model_config = ConfigDict(frozen=True)

    backend: Backend = Field("numpy", description="Library for the computation: NumPy, or PyTorch (extra `torch`).")
    learning_rate: float = Field(0.01, gt=0, description="Step size of the gradient descent.")
    epochs: int = Field(500, gt=0, description="Number of passes over all samples.")
    log_every: int = Field(50, gt=0, description="Number of epochs between two points of the loss curve.")
    standardize: bool = Field(
        False, description="Scale each feature to mean 0 and standard deviation 1 first; for features of any magnitude."
    )

    def logged_epochs(self) -> list[range]:
        """The epochs, in groups that end with a point of the loss curve: each group is a phase of the run."""
        firsts = range(1, self.epochs + 1, self.log_every)
        return [range(first, min(first + self.log_every, self.epochs + 1)) for first in firsts]


class LossPoint(NamedTuple):
    """One point of the loss curve: the mean squared error before the step of this epoch."""

    epoch: int
    loss: float


class Descent(NamedTuple):
    """Result of a back end: weights and loss curve."""

    coefficients: "np.ndarray"
    intercept: float
    losses: list[LossPoint]


class Descend(Protocol):
    """The function that each back end provides (`with_numpy.py`, `with_torch.py`)."""

    def __call__(self, samples: Samples, hyperparameters: Hyperparameters) -> Descent:
        """Run the gradient descent."""


class LinearModel(BaseModel):
    """A fitted model: target = intercept + the sum of coefficient * feature.

    Attributes:
        coefficients: coefficient of each feature, by feature name, in units of the target per unit of the feature.
        intercept: intercept, in units of the target.
        losses: the loss curve.
        hyperparameters: hyperparameters of the fit.
    """

    model_config = ConfigDict(frozen=True)

    coefficients: dict[str, float]
    intercept: float
    losses: list[LossPoint]
    hyperparameters: Hyperparameters


def fit(samples: Samples, hyperparameters: Hyperparameters) -> LinearModel:
    """Fit the linear model.

    Raises:
        ValueError: the descent diverged.
        ImportError: the back end is not installed; the message contains the command that installs it.
    """
    descend: Descend = import_module(f"carbon_pipeline.example.regression.with_{hyperparameters.backend}").descend
    mean, scale = _moments(samples, hyperparameters.standardize)
    scaled = Samples(
        (samples.features - mean) / scale, samples.target, samples.feature_names, samples.target_name, samples.file
    )
    found = descend(scaled, hyperparameters)
    if not all(map(math.isfinite, (found.intercept, *found.coefficients))):
        raise ValueError(
            f"training diverged with learning_rate {hyperparameters.learning_rate}: lower it, or set standardize"
        )
    coefficients = found.coefficients / scale
    return LinearModel(
        coefficients=dict(zip(samples.feature_names, map(float, coefficients), strict=True)),
        intercept=float(found.intercept - (coefficients * mean).sum()),
        losses=found.losses,
        hyperparameters=hyperparameters,
    )


def _moments(samples: Samples, standardize: bool) -> "tuple[np.ndarray, np.ndarray]":
    """Offset and scale of each feature; the scale of a constant feature is 1."""
    mean, deviation = samples.features.mean(axis=0), samples.features.std(axis=0)
    if not standardize:
        return mean * 0, deviation * 0 + 1
    deviation[deviation == 0] = 1.0
    return mean, deviation
