from pathlib import Path

import numpy as np
import pytest

from carbon_pipeline.example.regression.data import SamplesError, csv_samples, synthetic_samples
from carbon_pipeline.example.regression.model import Hyperparameters, fit


def test_the_synthetic_samples_are_those_of_the_document() -> None:
    samples = synthetic_samples()
    x, y = samples.features[:, 0], samples.target
    assert len(samples) == 100
    assert x.min() >= 0
    assert x.max() <= 10
    residuals = y - (2.5 * x + 1.0)
    assert residuals.std() == pytest.approx(2.0, rel=0.2)
    assert np.array_equal(y, synthetic_samples().target)
    assert not np.array_equal(y, synthetic_samples(seed=43).target)


def test_the_descent_comes_to_the_least_squares_line() -> None:
    samples = synthetic_samples()
    slope, intercept = np.polyfit(samples.features[:, 0], samples.target, 1)
    model = fit(samples, Hyperparameters(epochs=20_000))
    assert model.coefficients["x"] == pytest.approx(slope, abs=1e-4)
    assert model.intercept == pytest.approx(intercept, abs=1e-4)


def test_the_loss_is_kept_every_50_epochs_and_falls() -> None:
    losses = fit(synthetic_samples(), Hyperparameters()).losses
    assert [point.epoch for point in losses] == list(range(50, 501, 50))
    assert [point.loss for point in losses] == sorted((point.loss for point in losses), reverse=True)


def test_both_back_ends_find_the_same_line() -> None:
    pytest.importorskip("torch", reason="PyTorch is not installed: make test EXTRAS=torch includes this test")
    samples = synthetic_samples()
    ours, theirs = fit(samples, Hyperparameters()), fit(samples, Hyperparameters(backend="torch"))
    assert ours.coefficients["x"] == pytest.approx(theirs.coefficients["x"], abs=1e-4)
    assert ours.intercept == pytest.approx(theirs.intercept, abs=1e-4)
    assert [point.loss for point in ours.losses] == pytest.approx([point.loss for point in theirs.losses], abs=1e-4)


def test_standardizing_finds_the_same_line_for_features_of_any_magnitude() -> None:
    near = synthetic_samples()
    far = type(near)(near.features * 1e6 + 5e7, near.target, near.feature_names, near.target_name)
    plain = fit(near, Hyperparameters(epochs=20_000))
    scaled = fit(far, Hyperparameters(epochs=20_000, standardize=True))
    assert scaled.coefficients["x"] * 1e6 == pytest.approx(plain.coefficients["x"], rel=1e-4)


def test_a_diverging_descent_names_the_remedy() -> None:
    with pytest.raises(ValueError, match="lower it, or set standardize"):
        fit(synthetic_samples(), Hyperparameters(learning_rate=10))


def test_a_csv_file_of_ones_own_is_learned_from(tmp_path: Path) -> None:
    path = tmp_path / "houses.csv"
    path.write_text("area, rooms, price\n50,2,100\n80,3,161\n120,5,239\n60,2,122\n")
    samples = csv_samples(path, ["area", "rooms"], "price")
    assert samples.features.shape == (4, 2)
    assert list(samples.target) == [100, 161, 239, 122]
    assert set(fit(samples, Hyperparameters(standardize=True)).coefficients) == {"area", "rooms"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("area,price\n50,100\n80,much\n", "line 3: price is 'much'"),
        ("area,price\n50,100\n,161\n", "line 3: area is ''"),
        ("area,price\n50,100\n80,inf\n", "line 3: price is 'inf'"),
        ("surface,price\n50,100\n", r"has no column \['area'\]; its columns are \['surface', 'price'\]"),
        ("area,price\n", "has no rows"),
        ("", "has no column"),
        ("area,price\n50,100,7\n", "line 2: 3 cells under 2 column names"),
    ],
)
def test_a_wrong_csv_file_is_named_with_the_line_and_the_column(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "houses.csv"
    path.write_text(text)
    with pytest.raises(SamplesError, match=message) as error:
        csv_samples(path, ["area"], "price")
    assert str(path) in str(error.value)


def test_a_csv_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(SamplesError, match=r"nowhere\.csv"):
        csv_samples(tmp_path / "nowhere.csv", ["area"], "price")
