"""Training samples of the regression: synthetic, or from a CSV file."""

import csv
import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from carbon_pipeline.errors import InputError

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd


class SamplesError(InputError):
    """The file cannot be used; the message names the file, the column and the line."""


@dataclass(frozen=True)
class Samples:
    """Features and target, row by row.

    Attributes:
        features: shape (samples, features), float64.
        target: shape (samples,), float64.
        feature_names: names of the columns of `features`.
        target_name: name of the target.
        file: name of the file that the samples come from; None if they are synthetic.
    """

    features: "np.ndarray"
    target: "np.ndarray"
    feature_names: tuple[str, ...]
    target_name: str
    file: str | None = None

    def __len__(self) -> int:
        return len(self.target)

    def frame(self) -> "pd.DataFrame":
        """The samples as one table."""
        import pandas as pd

        return pd.DataFrame(self.features, columns=list(self.feature_names)).assign(**{self.target_name: self.target})


def synthetic_samples(
    n_samples: int = 100, slope: float = 2.5, intercept: float = 1.0, noise_std: float = 2.0, seed: int = 42
) -> Samples:
    """Generate a straight line with noise: x uniform in 0..10, y = slope * x + intercept + normal noise.

    Args:
        n_samples: number of samples.
        slope: true slope.
        intercept: true intercept.
        noise_std: standard deviation of the noise.
        seed: seed of NumPy's default generator; the same seed gives the same samples.

    Returns:
        The samples, with the columns `x` and `y`.
    """
    import numpy as np

    random = np.random.default_rng(seed)
    x = random.uniform(0, 10, size=(n_samples, 1))
    y = slope * x[:, 0] + intercept + random.normal(0, noise_std, size=n_samples)
    return Samples(x, y, ("x",), "y")


def csv_samples(path: Path, feature_columns: list[str], target_column: str) -> Samples:
    """Read samples from a CSV file.

    Args:
        path: the file; its first line contains the column names.
        feature_columns: names of the feature columns.
        target_column: name of the target column.

    Raises:
        SamplesError: the file cannot be read, a column is missing, or a cell is not a finite number; the message names
            the file, the column and the line.
    """
    import numpy as np

    columns = [*feature_columns, target_column]
    if not feature_columns or not target_column:
        raise SamplesError(f"{path}: no columns were chosen; set feature_columns and target_column")
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, skipinitialspace=True)
            header = [name.strip() for name in next(reader, [])]
            missing = [name for name in columns if name not in header]
            if missing:
                raise SamplesError(f"{path}: has no column {missing}; its columns are {header}")
            numbers = [
                _numbers(cells, header, columns, f"{path}, line {reader.line_num}") for cells in reader if any(cells)
            ]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise SamplesError(f"{path}: cannot be read as CSV: {error}") from None
    if not numbers:
        raise SamplesError(f"{path}: has no rows below its header")
    table = np.array(numbers, dtype=np.float64)
    return Samples(table[:, :-1], table[:, -1], tuple(feature_columns), target_column, path.name)


def _numbers(cells: list[str], header: list[str], columns: list[str], place: str) -> list[float]:
    if len(cells) != len(header):
        raise SamplesError(f"{place}: {len(cells)} cells under {len(header)} column names")
    row = dict(zip(header, cells, strict=True))
    numbers = []
    for name in columns:
        try:
            number = float(row[name])
        except ValueError:
            number = math.nan
        if not math.isfinite(number):
            raise SamplesError(f"{place}: {name} is {row[name]!r}, which is not a finite number")
        numbers.append(number)
    return numbers
