"""A machine's energy at the wall, predicted from what its meter sees, after runs in which a wall meter stood beside it.

The model of a machine is a line, by least squares over its calibration runs, in mean powers (W):

    wall = idle + losses x meter

A later run with the same methods has the wall's mean power of that line, within the prediction interval of Student's t
(`CONFIDENCE`, n - 2 degrees of freedom): it is honest for few runs, since it grows with what few runs leave open. With
three runs it is often wider than the general model's interval, with which it is intersected; ten are narrow. It holds
for runs like those that it was made from: in the range of power that they had, beyond which the general model counts.

docs/measuring.md has its coverage on simulated machines and on the published runs with a wall meter.
"""

import math
from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from carbon_pipeline.model.student import t_quantile

CONFIDENCE = 0.955
"""Coverage of the prediction interval for one further run."""

FEWEST_RUNS = 3
ENOUGH_RUNS = 10
"""Runs from which on there is a line, and from which on more of them hardly make the interval narrower."""

MARGIN = 0.1
"""How far beyond the powers of the calibration runs the line is used, as a share of their range, and of the power."""

LEAST_SPREAD = 0.02
"""Range of the meter's powers, relative to their mean, below which there is no slope: the wall's mean counts."""

LEAST_ERROR = 0.005
"""The least standard deviation of a run from the line, relative to the wall's power: no two runs are more alike."""


class CalibrationPoint(NamedTuple):
    """One run with a wall meter.

    Attributes:
        meter_w: mean power that the meter saw, W.
        wall_w: mean power at the wall, W.
        duration_s: its duration, seconds.
        ended_at: its end.
    """

    meter_w: float
    wall_w: float
    duration_s: float
    ended_at: datetime


class Calibration(BaseModel):
    """The line of a machine. Powers are in W, without a PUE.

    Attributes:
        runs: number of runs that it rests on.
        idle_w: power at the wall where the meter sees none; without a slope, the mean.
        losses: power at the wall for each watt that the meter sees; 0 without a slope.
        error_w: standard deviation of a run from the line.
        mean_w: mean of the meter's powers.
        spread_w2: sum of the squares of their deviations from it.
        least_w: least of them.
        most_w: most of them.
        least_s: duration of the shortest run, seconds.
        accuracy: relative error that all readings of the wall meter may share.
        first_at: end of the first of the runs.
        last_at: end of the last.
    """

    model_config = ConfigDict(frozen=True)

    runs: int = Field(ge=FEWEST_RUNS)
    idle_w: float = Field(allow_inf_nan=False)
    losses: float = Field(allow_inf_nan=False)
    error_w: float = Field(ge=0, allow_inf_nan=False)
    mean_w: float = Field(ge=0, allow_inf_nan=False)
    spread_w2: float = Field(ge=0, allow_inf_nan=False)
    least_w: float = Field(ge=0, allow_inf_nan=False)
    most_w: float = Field(ge=0, allow_inf_nan=False)
    least_s: float = Field(ge=0, allow_inf_nan=False)
    accuracy: float = Field(ge=0, allow_inf_nan=False)
    first_at: AwareDatetime
    last_at: AwareDatetime

    @property
    def has_one_power(self) -> bool:
        """Whether all runs had the same power, so that nothing is known of any other."""
        return self.most_w - self.least_w <= LEAST_SPREAD * self.mean_w

    def covers(self, meter_w: float, duration_s: float) -> bool:
        """Whether a run is like those that this rests on: in power, or little beyond, and not much shorter.

        Args:
            meter_w: mean power that the meter saw, W.
            duration_s: duration of the run, seconds: the mean power of a short one varies more.
        """
        # Without a slope, nothing is known of any other power.
        margin_w = (
            LEAST_SPREAD * self.most_w if self.has_one_power else MARGIN * max(self.most_w - self.least_w, meter_w)
        )
        return self.least_w - margin_w <= meter_w <= self.most_w + margin_w and duration_s >= self.least_s / 2

    def predict(self, meter_w: float) -> "Predicted":
        """The mean power at the wall of a run.

        Args:
            meter_w: mean power that the meter saw, W.
        """
        has_slope = not self.has_one_power
        wall_w = max(self.idle_w + self.losses * meter_w, 0.0)
        leverage = (meter_w - self.mean_w) ** 2 / self.spread_w2 if has_slope else 0.0
        error_w = max(self.error_w, LEAST_ERROR * wall_w) * math.sqrt(1 + 1 / self.runs + leverage)
        half_w = t_quantile((1 - CONFIDENCE) / 2, self.runs - (2 if has_slope else 1)) * error_w
        low_w, high_w = max(wall_w - half_w, 0.0) * (1 - self.accuracy), (wall_w + half_w) * (1 + self.accuracy)
        return Predicted(wall_w, low_w, high_w)


class Predicted(NamedTuple):
    """Mean power at the wall, W, and its interval."""

    wall_w: float
    low_w: float
    high_w: float


def fit(points: Sequence[CalibrationPoint], accuracy: float) -> Calibration | None:
    """Fit the line of a machine.

    Args:
        points: its runs with a wall meter, all by the same methods.
        accuracy: relative error that all readings of the wall meter may share.

    Returns:
        The line; None for fewer than `FEWEST_RUNS`.
    """
    count = len(points)
    if count < FEWEST_RUNS:
        return None
    mean_w = math.fsum(point.meter_w for point in points) / count
    wall_mean_w = math.fsum(point.wall_w for point in points) / count
    spread = math.fsum((point.meter_w - mean_w) ** 2 for point in points)
    least_w, most_w = min(point.meter_w for point in points), max(point.meter_w for point in points)
    losses = 0.0
    has_slope = most_w - least_w > LEAST_SPREAD * mean_w
    if has_slope:
        losses = math.fsum((point.meter_w - mean_w) * (point.wall_w - wall_mean_w) for point in points) / spread
    idle_w = wall_mean_w - losses * mean_w
    squares = math.fsum((point.wall_w - idle_w - losses * point.meter_w) ** 2 for point in points)
    times = [point.ended_at for point in points]
    return Calibration(
        runs=count,
        idle_w=idle_w,
        losses=losses,
        error_w=math.sqrt(squares / (count - (2 if has_slope else 1))),
        mean_w=mean_w,
        spread_w2=spread,
        least_w=least_w,
        most_w=most_w,
        least_s=min(point.duration_s for point in points),
        accuracy=accuracy,
        first_at=min(times),
        last_at=max(times),
    )
