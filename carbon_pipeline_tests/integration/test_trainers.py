"""The callbacks for the trainers of other libraries: with stand-ins for these, and with the real ones if installed."""

import importlib
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from carbon_pipeline import track
from carbon_pipeline.integrations.training import TrackedTraining, TrainingEndedEarlyError
from carbon_pipeline.model.record import RunRecord
from carbon_pipeline.tracking.landing import landed_files
from carbon_pipeline_tests.fakes import FakeMeter

HUGGINGFACE, LIGHTNING = "carbon_pipeline.integrations.huggingface", "carbon_pipeline.integrations.lightning"


@pytest.fixture
def options(data_dir: Path) -> dict[str, Any]:
    return {"make_meter": FakeMeter(), "project_name": "mine"}


def records(data_dir: Path) -> list[RunRecord]:
    return [RunRecord.model_validate_json(path.read_text()) for path in landed_files(data_dir)]


def phases(record: RunRecord | None) -> list[str]:
    assert record
    return [phase.name for phase in record.phases]


def module(name: str, **contents: Any) -> ModuleType:
    found = ModuleType(name)
    vars(found).update(contents)
    return found


def without_trainers(monkeypatch: pytest.MonkeyPatch, **modules: ModuleType) -> None:
    """Let these modules be the only trainers that can be imported."""
    for name in ("transformers", "lightning", "lightning.pytorch", "pytorch_lightning"):
        monkeypatch.setitem(sys.modules, name, modules.get(name.replace(".", "_")))
    for name in (HUGGINGFACE, LIGHTNING):
        monkeypatch.delitem(sys.modules, name, raising=False)


class TrainerCallback:
    """As in transformers 5: every event is called with args, state, control and keywords."""


class Callback:
    """As in Lightning 2.6: every hook is called with trainer and module."""


@dataclass
class Control:
    should_evaluate: bool = False


class HuggingFaceTrainer:
    """Calls the events of a callback in the order in which transformers 5.24 does."""

    def __init__(self, callback: Any, *, is_local_process_zero: bool = True, fails: bool = False):
        self.callback = callback
        self.control = Control()
        self.state = SimpleNamespace(is_local_process_zero=is_local_process_zero, is_world_process_zero=False)
        self.fails = fails

    def event(self, name: str, **keywords: Any) -> None:
        more = {"model": None, "processing_class": None, "optimizer": None, "lr_scheduler": None}
        getattr(self.callback, name)(SimpleNamespace(), self.state, self.control, **more, **keywords)

    def evaluate(self) -> None:
        self.event("on_prediction_step")
        self.event("on_log", logs={"eval_loss": 0.5, "eval_accuracy": 0.9, "epoch": 1.0})
        self.event("on_evaluate", metrics={"eval_loss": 0.5, "eval_accuracy": 0.9, "epoch": 1.0})
        self.control.should_evaluate = False

    def train(self) -> None:
        self.event("on_train_begin")
        for _ in range(2):
            self.event("on_epoch_begin")
            self.event("on_step_begin")
            if self.fails:
                raise ValueError("no convergence")
            self.event("on_step_end")
            self.event("on_log", logs={"loss": 0.25, "note": "fine", "is_best": True, "empty": None})
            self.control.should_evaluate = True
            self.event("on_epoch_end")
            self.evaluate()
        self.event("on_train_end")


class Tensor:
    """One number, or several, as a tensor of PyTorch."""

    def __init__(self, *values: float):
        self.values = values

    def numel(self) -> int:
        return len(self.values)

    def item(self) -> float:
        (value,) = self.values
        return value


class LightningTrainer:
    """Calls the hooks of a callback in the order in which Lightning 2.6 does."""

    def __init__(self, callback: Any, *, local_rank: int = 0, error: BaseException | None = None):
        self.callback = callback
        self.local_rank = local_rank
        self.sanity_checking = False
        self.callback_metrics = {"val_loss": Tensor(0.5), "per_class": Tensor(1.0, 2.0)}
        self.error = error

    def hook(self, name: str, *arguments: Any) -> None:
        if hook := getattr(self.callback, name, None):
            hook(self, object(), *arguments)

    def validate(self) -> None:
        self.hook("on_validation_start")
        self.hook("on_validation_end")

    def fit(self) -> None:
        try:
            self.hook("on_fit_start")
            self.sanity_checking = True
            self.validate()
            self.sanity_checking = False
            self.hook("on_train_start")
            for _ in range(2):
                self.hook("on_train_epoch_start")
                if self.error:
                    raise self.error
                self.validate()
                self.hook("on_train_epoch_end")
            self.hook("on_train_end")
            self.hook("on_fit_end")
        except BaseException as error:
            self.hook("on_exception", error)
            raise


@pytest.fixture
def huggingface(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    without_trainers(monkeypatch, transformers=module("transformers", TrainerCallback=TrainerCallback))
    return importlib.import_module(HUGGINGFACE).CarbonCallback  # type: ignore[no-any-return]


@pytest.fixture
def lightning(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    pytorch = module("lightning.pytorch", Callback=Callback)
    without_trainers(monkeypatch, lightning=module("lightning", pytorch=pytorch), lightning_pytorch=pytorch)
    return importlib.import_module(LIGHTNING).CarbonCallback  # type: ignore[no-any-return]


def test_epochs_evaluations_and_metrics_of_hugging_face_are_in_the_record(
    huggingface: Callable[..., Any], data_dir: Path, options: dict[str, Any]
) -> None:
    HuggingFaceTrainer(huggingface("bert", **options)).train()
    (record,) = records(data_dir)
    assert (record.name, record.project_name, record.status) == ("bert", "mine", "completed")
    assert phases(record) == ["epoch", "evaluation"] * 2
    assert record.metrics == {"loss": 0.25, "eval_loss": 0.5, "eval_accuracy": 0.9, "epoch": 1.0}


def test_epochs_evaluations_and_metrics_of_lightning_are_in_the_record(
    lightning: Callable[..., Any], data_dir: Path, options: dict[str, Any]
) -> None:
    LightningTrainer(lightning(**options)).fit()
    (record,) = records(data_dir)
    assert (record.name, record.project_name, record.status) == ("train", "mine", "completed")
    assert phases(record) == ["sanity check", *["epoch", "evaluation"] * 2]
    assert record.metrics == {"val_loss": 0.5}


def test_in_a_tracked_run_a_training_belongs_to_it_and_makes_no_record_of_its_own(
    huggingface: Callable[..., Any], data_dir: Path, options: dict[str, Any]
) -> None:
    with track("outer", **options) as run:
        trainer = HuggingFaceTrainer(huggingface(), is_local_process_zero=False)
        trainer.train()
        trainer.evaluate()
    assert len(records(data_dir)) == 1
    assert phases(run.record) == [*["epoch", "evaluation"] * 2, "evaluation"]
    assert run.record
    assert run.record.metrics["eval_accuracy"] == 0.9


def test_in_a_tracked_run_lightning_belongs_to_it(
    lightning: Callable[..., Any], data_dir: Path, options: dict[str, Any]
) -> None:
    with track("outer", **options) as run:
        with pytest.raises(ValueError, match="diverged"):
            LightningTrainer(lightning(), error=ValueError("diverged")).fit()
        with run.phase("afterwards"):
            pass
    assert len(records(data_dir)) == 1
    assert phases(run.record) == ["sanity check", "epoch", "afterwards"]


@pytest.mark.parametrize(
    ("error", "status"), [(ValueError("diverged"), "failed"), (KeyboardInterrupt(), "cancelled")], ids=repr
)
def test_a_training_of_lightning_that_fails_leaves_its_record(
    lightning: Callable[..., Any], data_dir: Path, options: dict[str, Any], error: BaseException, status: str
) -> None:
    with pytest.raises(type(error)):
        LightningTrainer(lightning(**options), error=error).fit()
    (record,) = records(data_dir)
    assert (record.status, record.error_type) == (status, type(error).__name__)
    assert phases(record) == ["sanity check", "epoch"]


def test_a_training_of_hugging_face_that_fails_ends_when_the_next_one_begins(
    huggingface: Callable[..., Any], data_dir: Path, options: dict[str, Any]
) -> None:
    callback = huggingface(**options)
    with pytest.raises(ValueError, match="no convergence"):
        HuggingFaceTrainer(callback, fails=True).train()
    HuggingFaceTrainer(callback).train()
    found = {record.status: record for record in records(data_dir)}
    assert found.keys() == {"failed", "completed"}
    assert found["failed"].error_type == TrainingEndedEarlyError.__name__
    assert phases(found["failed"]) == ["epoch"]


def test_a_training_that_ends_with_its_process_is_recorded_as_failed_and_not_as_killed(data_dir: Path) -> None:
    script = (
        "from carbon_pipeline.integrations.training import TrackedTraining\n"
        "training = TrackedTraining('bert', {})\n"
        "training.begin(may_track=True)\n"
        "training.begin_phase('epoch')\n"
        "raise ValueError('no convergence')\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 1
    (record,) = records(data_dir)
    assert (record.status, record.error_type, phases(record)) == ("failed", "ValueError", ["epoch"])
    assert list((data_dir / "running").iterdir()) == []


def test_of_the_ranks_on_one_machine_only_the_first_tracks(
    huggingface: Callable[..., Any], lightning: Callable[..., Any], data_dir: Path, options: dict[str, Any]
) -> None:
    HuggingFaceTrainer(huggingface(**options), is_local_process_zero=False).train()
    LightningTrainer(lightning(**options), local_rank=1).fit()
    assert records(data_dir) == []
    LightningTrainer(lightning(**options)).fit()
    assert len(records(data_dir)) == 1


def test_nothing_that_fails_in_a_callback_breaks_the_training(
    huggingface: Callable[..., Any],
    lightning: Callable[..., Any],
    options: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(*arguments: object, **keywords: object) -> None:
        raise RuntimeError("no measuring today")

    for name in ("begin", "end", "begin_phase", "end_phase", "metrics", "end_if_left_open"):
        monkeypatch.setattr(TrackedTraining, name, fail)
    HuggingFaceTrainer(huggingface(**options)).train()
    LightningTrainer(lightning(**options)).fit()


def test_a_misspelt_option_is_an_error_before_the_training_begins(
    huggingface: Callable[..., Any], lightning: Callable[..., Any]
) -> None:
    for callback in (huggingface, lightning):
        with pytest.raises(TypeError, match="project"):
            callback(project="mine")


@pytest.mark.parametrize(
    ("name", "remedy"), [(HUGGINGFACE, "pip install transformers"), (LIGHTNING, "pip install lightning")]
)
def test_a_library_that_is_missing_is_named_and_the_other_one_works(
    monkeypatch: pytest.MonkeyPatch, name: str, remedy: str
) -> None:
    other = module("transformers", TrainerCallback=TrainerCallback)
    pytorch = module("lightning.pytorch", Callback=Callback)
    if name == HUGGINGFACE:
        without_trainers(monkeypatch, lightning=module("lightning"), lightning_pytorch=pytorch)
    else:
        without_trainers(monkeypatch, transformers=other)
    with pytest.raises(ImportError, match=remedy):
        importlib.import_module(name)
    assert importlib.import_module(({HUGGINGFACE, LIGHTNING} - {name}).pop()).CarbonCallback


def test_lightning_under_its_older_name_works(monkeypatch: pytest.MonkeyPatch) -> None:
    without_trainers(monkeypatch, pytorch_lightning=module("pytorch_lightning", Callback=Callback))
    assert issubclass(importlib.import_module(LIGHTNING).CarbonCallback, Callback)


def test_with_the_real_events_of_hugging_face(
    data_dir: Path, options: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(sys.modules, HUGGINGFACE, raising=False)  # made with a stand-in
    pytest.importorskip("transformers", reason="transformers is not installed: pip install transformers")
    from transformers.trainer_callback import CallbackHandler, DefaultFlowCallback, TrainerControl, TrainerState

    from carbon_pipeline.integrations.huggingface import CarbonCallback

    callbacks = [DefaultFlowCallback(), CarbonCallback(**options)]
    handler = CallbackHandler(callbacks, None, None, None, None)
    args: Any = SimpleNamespace(
        logging_first_step=False, logging_strategy="no", eval_strategy="epoch", save_strategy="no", eval_delay=0
    )
    state, control = TrainerState(max_steps=100), TrainerControl()
    control = handler.on_train_begin(args, state, control)
    for _ in range(2):
        control = handler.on_epoch_begin(args, state, control)
        control = handler.on_epoch_end(args, state, control)
        assert control.should_evaluate
        control = handler.on_log(args, state, control, {"eval_loss": 0.5})
        control = handler.on_evaluate(args, state, control, {"eval_loss": 0.5})
    handler.on_train_end(args, state, control)
    (record,) = records(data_dir)
    assert phases(record) == ["epoch", "evaluation"] * 2
    assert record.metrics == {"eval_loss": 0.5}


def test_with_the_real_trainer_of_lightning(
    data_dir: Path, options: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(sys.modules, LIGHTNING, raising=False)  # made with a stand-in
    lightning = pytest.importorskip("lightning", reason="lightning is not installed: pip install lightning")
    import torch

    from carbon_pipeline.integrations.lightning import CarbonCallback

    class Model(lightning.LightningModule):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.layer = torch.nn.Linear(2, 1)

        def training_step(self, batch: Any, index: int) -> Any:
            return self.layer(batch).pow(2).mean()

        def validation_step(self, batch: Any, index: int) -> None:
            self.log("val_loss", self.layer(batch).pow(2).mean())

        def configure_optimizers(self) -> Any:
            return torch.optim.SGD(self.parameters(), lr=0.1)

    data = torch.utils.data.DataLoader(torch.ones(8, 2), batch_size=4)  # type: ignore[arg-type]
    names = ("logger", "enable_checkpointing", "enable_progress_bar", "enable_model_summary")
    quiet: dict[str, Any] = dict.fromkeys(names, False)
    lightning.Trainer(max_epochs=2, accelerator="cpu", callbacks=[CarbonCallback(**options)], **quiet).fit(
        Model(), data, data
    )
    (record,) = records(data_dir)
    assert (record.status, phases(record)) == ("completed", ["sanity check", *["epoch", "evaluation"] * 2])
    assert record.metrics.keys() == {"val_loss"}
