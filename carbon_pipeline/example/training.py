"""The assets `training_data` and `regression_model`; the latter is trained under tracking. The model: `regression/`.

https://docs.dagster.io/guides/build/assets
"""

from contextlib import ExitStack, nullcontext
from pathlib import Path

import dagster as dg
from pydantic import Field

from carbon_pipeline.dagster.assets.attributes import GROUP, METER_POOL, OWNERS
from carbon_pipeline.dagster.resources.resolve import resource_for
from carbon_pipeline.dagster.tracked import tracked
from carbon_pipeline.dagster.ui_metadata import table_metadata
from carbon_pipeline.example.picture import picture_of
from carbon_pipeline.example.regression.data import Samples, csv_samples, synthetic_samples
from carbon_pipeline.example.regression.model import Hyperparameters, LinearModel, fit
from carbon_pipeline.example.regression.task import regression_task
from carbon_pipeline.tracking.run import current_run, describe, metric


class TrainingDataConfig(dg.Config):
    """Choice of the samples: synthetic, or from a CSV file."""

    csv_file: str | None = Field(
        default=None, description="CSV file with training samples, in place of synthetic ones."
    )
    feature_columns: list[str] = Field(default=[], description="Feature columns of the CSV file.")
    target_column: str = Field(default="", description="Target column of the CSV file.")
    n_samples: int = Field(default=100, gt=1, description="Number of synthetic samples.")
    slope: float = Field(default=2.5, description="True slope of the synthetic samples.")
    intercept: float = Field(default=1.0, description="True intercept of the synthetic samples.")
    noise_std: float = Field(default=2.0, ge=0, description="Standard deviation of the noise of the synthetic samples.")
    seed: int = Field(default=42, ge=0, description="Seed of the synthetic samples.")


class RegressionConfig(Hyperparameters, dg.Config):
    """Hyperparameters of the model, and the project of the run."""

    project_name: str = Field(
        default="Linear Regression Training", description="Project under which the run is recorded."
    )
    repeats: int = Field(
        default=1,
        ge=1,
        description="How often the model is trained, to compare its energy; above 1 each training is a run of its own.",
    )


@dg.asset(group_name=GROUP, kinds={"numpy"}, owners=OWNERS)
def training_data(config: TrainingDataConfig) -> dg.MaterializeResult[Samples]:
    """The samples that the regression is fitted to."""
    if config.csv_file:
        samples = csv_samples(Path(config.csv_file), config.feature_columns, config.target_column)
    else:
        samples = synthetic_samples(config.n_samples, config.slope, config.intercept, config.noise_std, config.seed)
    return dg.MaterializeResult(
        value=samples,
        metadata={
            "dagster/row_count": len(samples),
            "source": config.csv_file or f"synthetic, seed {config.seed}",
            "features": ", ".join(samples.feature_names),
            "target": samples.target_name,
            "preview": table_metadata(samples.frame().head(5).to_dict("records")),
        },
    )


# Downstream of the baseline, which its record is compared with; one measured step at a time.
@dg.asset(
    group_name=GROUP, kinds={"numpy", "codecarbon"}, owners=OWNERS, pool=METER_POOL, deps=["idle_baseline"],
    tags={"carbon/tracked": ""},
)  # fmt: skip
@tracked
def regression_model(
    context: dg.AssetExecutionContext, config: RegressionConfig, training_data: Samples
) -> dg.MaterializeResult[LinearModel]:
    """A linear model, trained under tracking with CodeCarbon; the record of the run is written to `data/landing`.

    With `repeats` above 1 it is trained so often, each time as a run of its own that is nested in that of the step; the
    first training makes the model.
    """
    hyperparameters = Hyperparameters(**config.model_dump(exclude={"project_name", "repeats"}))
    task = regression_task(training_data, hyperparameters)
    describe(project_name=config.project_name, task=task)
    with ExitStack() as stack:
        # Repetitions are measured as the step is, nested in it, so that all of it counts for the asset once.
        emissions = resource_for(stack, context, {}) if config.repeats > 1 and current_run() else None
        models = []
        for _ in range(config.repeats):
            with emissions.track(context, None, config.project_name, task) if emissions else nullcontext():
                models.append(fit(training_data, hyperparameters))
                if models[-1].losses:
                    metric("loss", models[-1].losses[-1].loss)
    model = models[0]
    for point in model.losses:
        context.log.info("Epoch [%d/%d], loss: %.4f", point.epoch, config.epochs, point.loss)
    return dg.MaterializeResult(
        value=model,
        metadata={
            **{f"slope ({name})": slope for name, slope in model.coefficients.items()},
            "intercept": model.intercept,
            "loss": model.losses[-1].loss if model.losses else dg.MetadataValue.null(),
            "backend": config.backend,
        },
    )


# Apart from the training, which is measured: drawing takes more energy than a small model.
@dg.asset(group_name=GROUP, kinds={"vega"}, owners=OWNERS)
def loss_curve(regression_model: LinearModel) -> dg.MaterializeResult[None]:
    """The loss of each epoch, as a picture."""
    return dg.MaterializeResult(metadata={"loss_curve": picture_of(regression_model.losses)})
