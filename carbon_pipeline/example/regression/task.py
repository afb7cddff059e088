"""The task of a BoAmps report for the training of the regression, derived from its samples and hyperparameters."""

from importlib.metadata import PackageNotFoundError, version
from typing import Any

from carbon_pipeline.example.regression.data import Samples
from carbon_pipeline.example.regression.model import Hyperparameters

FRAMEWORKS = {"numpy": "numpy", "torch": "pytorch"}
"""From the back end, which is also the name of its distribution package, to the name of the framework."""


def regression_task(samples: Samples, hyperparameters: Hyperparameters) -> dict[str, Any]:
    """The fields of BoAmps' `task` for one training.

    Returns:
        Values by field name; the number of parameters is in billions, as BoAmps requires.
    """
    n_features = samples.features.shape[1]
    dataset = {
        "dataUsage": "input",
        "dataType": "tabular",
        "dataQuantity": len(samples),
        "shape": str((len(samples), n_features + 1)),
        **({"dataFormat": "csv", "source": "private"} if samples.file else {"source": "other"}),
    }
    return {
        "taskStage": "training",
        "taskFamily": "regression",
        "algorithms": [
            {
                "trainingType": "supervisedLearning",
                "algorithmType": "regression",
                "algorithmName": "linearRegression",
                "framework": FRAMEWORKS[hyperparameters.backend],
                **_version(hyperparameters.backend),
                "parametersNumber": (n_features + 1) / 1e9,
                "epochsNumber": hyperparameters.epochs,
                "optimizer": "gradientDescent",
                "quantization": "fp64",
            }
        ],
        "dataset": [dataset],
        "taskDescription": "Least squares by full-batch gradient descent, "
        f"learning rate {hyperparameters.learning_rate:g}; "
        + ("samples from a CSV file." if samples.file else "synthetic samples of a line with noise."),
    }


def _version(distribution: str) -> dict[str, str]:
    try:
        return {"frameworkVersion": version(distribution)}
    except PackageNotFoundError:  # `fit` reports a back end that is not installed
        return {}
