"""The linear model and how it is fitted, whatever the back end.

Full-batch gradient descent on the mean squared error, from zero weights, in double precision: so both back ends take
the same steps and end at the same place.
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
    """How to fit. The defaults are those of the original script."""

    model_config = ConfigDict(frozen=True)

    backend: Backend = Field("numpy", description="What computes: NumPy, or PyTorch (extra `torch`).")
    learning_rate: float = Field(0.01, gt=0, description="Step size of the gradient descent.")
    epochs: int = Field(500, gt=0, description="Passes over all samples.")
    log_every: int = Field(50, gt=0, description="Epochs between two entries of the loss curve.")
    standardize: bool = Field(
        False, description="Scale each feature to mean 0 and standard deviation 1 first; for features of any magnitude."
    )


class LossPoint(NamedTuple):
    """One entry of the loss curve: mean squared error before the step of this epoch."""

    epoch: int
    loss: float


class Descent(NamedTuple):
    """What a back end returns: weights and the loss curve."""

    coefficients: "np.ndarray"
    intercept: float
    losses: list[LossPoint]


class Descend(Protocol):
    """The one function that a back end provides (`with_numpy.py`, `with_torch.py`)."""

    def __call__(self, samples: Samples, hyperparameters: Hyperparameters) -> Descent:
        """Runs the gradient descent."""


class LinearModel(BaseModel):
    """A fitted model: target = intercept + the sum of coefficient * feature.

    Attributes:
        coefficients: one for each feature, by its name, in units of target per unit of feature.
        intercept: in units of the target.
        losses: the loss curve.
        hyperparameters: how it was fitted.
    """

    model_config = ConfigDict(frozen=True)

    coefficients: dict[str, float]
    intercept: float
    losses: list[LossPoint]
    hyperparameters: Hyperparameters


def fit(samples: Samples, hyperparameters: Hyperparameters) -> LinearModel:
    """Fits the linear model.

    Args:
        samples: what to fit to.
        hyperparameters: how.

    Returns:
        The fitted model.

    Raises:
        ValueError: the descent diverged.
        ImportError: the back end is not installed; the message says how to install it.
    """
    descend: Descend = import_module(f"carbon_pipeline.example.regression.with_{hyperparameters.backend}").descend
    mean, scale = _moments(samples, hyperparameters.standardize)
    scaled = Samples(
        (samples.features - mean) / scale, samples.target, samples.feature_names, samples.target_name, samples.file
    )
    found = descend(scaled, hyperparameters)
    if not all(map(math.isfinite, (found.intercept, *found.coefficients))):
        raise ValueError(
            f"the descent diverged with learning_rate {hyperparameters.learning_rate}: lower it, or set standardize"
        )
    coefficients = found.coefficients / scale
    return LinearModel(
        coefficients=dict(zip(samples.feature_names, map(float, coefficients), strict=True)),
        intercept=float(found.intercept - (coefficients * mean).sum()),
        losses=found.losses,
        hyperparameters=hyperparameters,
    )


def _moments(samples: Samples, standardize: bool) -> "tuple[np.ndarray, np.ndarray]":
    """What to subtract from each feature and to divide it by; a constant feature is left as wide as it is."""
    mean, deviation = samples.features.mean(axis=0), samples.features.std(axis=0)
    if not standardize:
        return mean * 0, deviation * 0 + 1
    deviation[deviation == 0] = 1.0
    return mean, deviation
