"""`CarbonCallback` for the Trainer of Hugging Face. It translates events; what they mean is in `training`."""

from typing import Any

from carbon_pipeline.integrations.training import EPOCH, EVALUATION, TrackedTraining, never_raising

try:
    from transformers import TrainerCallback
except ImportError as error:
    raise ImportError(
        f"carbon_pipeline.integrations.huggingface needs transformers: pip install transformers ({error})"
    ) from None


class CarbonCallback(TrainerCallback):  # type: ignore[misc]
    """Measure a training: each epoch and evaluation is a phase of its run, each logged number a metric.

    The run is that of the `with track(...)` or the tracked asset around the training. Where there is none, the training
    is tracked by itself, in distributed trainings by one process on each machine.

    The Trainer tells its callbacks of no exception: the run of a training that fails ends, as failed, with the process
    or when the next training begins. A `with track(...)` around it ends in time.

    Example:
        trainer = Trainer(model, args, train_dataset=data, callbacks=[CarbonCallback(project_name="my project")])
        trainer.train()
    """

    def __init__(self, name: str = "train", **options: Any):
        """Store the options; nothing is measured yet.

        Args:
            name: name of the run, where the training is tracked by itself.
            **options: as for `track`, such as `project_name`, `country_iso_code`, `data_dir`.
        """
        self._training = TrackedTraining(name, options)

    @never_raising
    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Begin with the run."""
        self._training.end_if_left_open()
        self._training.begin(may_track=getattr(state, "is_local_process_zero", True))

    @never_raising
    def on_train_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """End the run, if it is the training's own."""
        self._training.end()

    @never_raising
    def on_epoch_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Begin the phase of an epoch."""
        self._training.end_phase(EVALUATION)
        self._training.begin_phase(EPOCH)

    @never_raising
    def on_step_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """End an evaluation that was announced and did not take place."""
        self._training.end_phase(EVALUATION)

    @never_raising
    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Begin the phase of an evaluation that follows."""
        if getattr(control, "should_evaluate", False):
            self._training.begin_phase(EVALUATION)

    @never_raising
    def on_epoch_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """End the phase of an epoch, and begin that of an evaluation that follows."""
        self._training.end_phase(EPOCH)
        if getattr(control, "should_evaluate", False):
            self._training.begin_phase(EVALUATION)

    @never_raising
    def on_prediction_step(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Begin the phase of an evaluation that nothing has announced, such as `trainer.evaluate()`."""
        self._training.begin_phase(EVALUATION)

    @never_raising
    def on_evaluate(self, args: Any, state: Any, control: Any, metrics: Any = None, **kwargs: Any) -> None:
        """End the phase of an evaluation, and record its results."""
        self._training.end_phase(EVALUATION)
        self._training.metrics(metrics)

    @never_raising
    def on_predict(self, args: Any, state: Any, control: Any, metrics: Any = None, **kwargs: Any) -> None:
        """End the phase of a prediction."""
        self._training.end_phase(EVALUATION)
        self._training.metrics(metrics)

    @never_raising
    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **kwargs: Any) -> None:
        """Record what the Trainer logs."""
        self._training.metrics(logs)
