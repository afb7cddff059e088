"""`CarbonCallback` for the Trainer of Lightning. It translates events; what they mean is in `training`."""

import importlib
import sys
from typing import Any

from carbon_pipeline.integrations.training import EPOCH, EVALUATION, TrackedTraining, never_raising

PACKAGES = ("lightning.pytorch", "pytorch_lightning")
"""The names under which Lightning is installed; either has classes of its own."""

SANITY_CHECK = "sanity check"


def _base_class() -> Any:
    """The class of callbacks: of the package that the program has imported, else of the first that is installed."""
    errors = []
    for package in sorted(PACKAGES, key=lambda package: package not in sys.modules):
        try:
            return importlib.import_module(package).Callback
        except ImportError as error:
            errors.append(error)
    raise ImportError(
        f"carbon_pipeline.integrations.lightning needs Lightning: pip install lightning ({errors[0]})"
    ) from None


Callback: Any = _base_class()


class CarbonCallback(Callback):  # type: ignore[misc]
    """Measure a training: each epoch and evaluation is a phase of its run, each logged number a metric.

    The run is that of the `with track(...)` or the tracked asset around the training. Where there is none, the training
    is tracked by itself, in distributed trainings by one process on each machine.

    Example:
        trainer = Trainer(max_epochs=3, callbacks=[CarbonCallback(project_name="my project")])
        trainer.fit(model, data)
    """

    def __init__(self, name: str = "train", **options: Any):
        """Store the options; nothing is measured yet.

        Args:
            name: name of the run, where the training is tracked by itself.
            **options: as for `track`, such as `project_name`, `country_iso_code`, `data_dir`.
        """
        super().__init__()
        self._training = TrackedTraining(name, options)

    @never_raising
    def on_fit_start(self, trainer: Any, pl_module: Any) -> None:
        """Begin with the run, before the sanity check."""
        self._training.end_if_left_open()
        self._training.begin(may_track=getattr(trainer, "local_rank", 0) == 0)

    @never_raising
    def on_train_start(self, trainer: Any, pl_module: Any) -> None:
        """Begin with the run, if it has not begun."""
        self._training.begin(may_track=getattr(trainer, "local_rank", 0) == 0)

    @never_raising
    def on_train_end(self, trainer: Any, pl_module: Any) -> None:
        """Record the last metrics, and end the run, if it is the training's own."""
        self._training.metrics(getattr(trainer, "callback_metrics", None))
        self._training.end()

    @never_raising
    def on_fit_end(self, trainer: Any, pl_module: Any) -> None:
        """End the run of a fit that had nothing to train."""
        self._training.end()

    @never_raising
    def on_exception(self, trainer: Any, pl_module: Any, exception: BaseException) -> None:
        """End the run as failed, or as cancelled at Ctrl-C, if it is the training's own."""
        self._training.end(exception)

    @never_raising
    def on_train_epoch_start(self, trainer: Any, pl_module: Any) -> None:
        """Begin the phase of an epoch."""
        self._training.begin_phase(EPOCH)

    @never_raising
    def on_train_epoch_end(self, trainer: Any, pl_module: Any) -> None:
        """End the phase of an epoch, the evaluation in it included, and record its metrics."""
        self._training.end_phase(EPOCH)
        self._training.metrics(getattr(trainer, "callback_metrics", None))

    @never_raising
    def on_validation_start(self, trainer: Any, pl_module: Any) -> None:
        """Begin the phase of an evaluation."""
        self._training.begin_phase(SANITY_CHECK if getattr(trainer, "sanity_checking", False) else EVALUATION)

    @never_raising
    def on_validation_end(self, trainer: Any, pl_module: Any) -> None:
        """End the phase of an evaluation, and record its results."""
        self._training.end_phase(SANITY_CHECK)
        self._training.end_phase(EVALUATION)
        if not getattr(trainer, "sanity_checking", False):
            self._training.metrics(getattr(trainer, "callback_metrics", None))

    @never_raising
    def on_test_start(self, trainer: Any, pl_module: Any) -> None:
        """Begin the phase of an evaluation."""
        self._training.begin_phase(EVALUATION)

    @never_raising
    def on_test_end(self, trainer: Any, pl_module: Any) -> None:
        """End the phase of an evaluation, and record its results."""
        self._training.end_phase(EVALUATION)
        self._training.metrics(getattr(trainer, "callback_metrics", None))
