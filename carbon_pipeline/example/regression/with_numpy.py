"""Gradient descent with NumPy: the default back end."""

from carbon_pipeline import phase
from carbon_pipeline.example.regression.data import Samples
from carbon_pipeline.example.regression.model import Descent, Hyperparameters, LossPoint


def descend(samples: Samples, hyperparameters: Hyperparameters) -> Descent:
    """Minimize the mean squared error, as `carbon_pipeline.example.regression.model.Descend`."""
    import numpy as np

    x, y = samples.features, samples.target
    weights, bias = np.zeros(x.shape[1]), 0.0
    losses = []
    with np.errstate(over="ignore", invalid="ignore"):  # a descent that diverges is reported by `fit`
        for epochs in hyperparameters.logged_epochs():
            with phase("epochs"):
                for epoch in epochs:
                    error = x @ weights + bias - y
                    if epoch % hyperparameters.log_every == 0:
                        losses.append(LossPoint(epoch, float(np.mean(error**2))))
                    weights -= hyperparameters.learning_rate * 2 / len(y) * (x.T @ error)
                    bias -= hyperparameters.learning_rate * 2 * float(np.mean(error))
    return Descent(weights, bias, losses)
