"""Budgets of energy and emissions: whether an asset stays within its limits."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from carbon_pipeline.model.amounts import amount
from carbon_pipeline.model.judgement import Judgement


class Period(StrEnum):
    """Period of a budget: one Dagster run, or all runs of a calendar day or month (UTC)."""

    run = "run"
    day = "day"
    month = "month"


class At(StrEnum):
    """What a budget is compared with: the energy that the meter saw, or the upper end of that at the wall."""

    meter = "meter"
    wall = "wall"


@dataclass(frozen=True)
class Budget:
    """The limits of an asset.

    Attributes:
        max_kg: emissions, kg CO2eq; None for no limit.
        max_kwh: energy, kWh; None for no limit.
        period: period to which the limits apply.
        at: what they are compared with.
    """

    max_kg: float | None = None
    max_kwh: float | None = None
    period: Period = Period.run
    at: At = At.meter

    def __post_init__(self) -> None:
        if self.max_kg is None and self.max_kwh is None:
            raise ValueError("a budget needs a limit: set max_kg, max_kwh or both")
        if not all(limit > 0 for limit in (self.max_kg, self.max_kwh) if limit is not None):
            raise ValueError(f"the limits of a budget must be above 0: max_kg={self.max_kg}, max_kwh={self.max_kwh}")

    def __str__(self) -> str:
        limits = ((self.max_kwh, "kWh"), (self.max_kg, "kg CO2eq"))
        text = " and ".join(amount(limit, unit) for limit, unit in limits if limit is not None)
        return f"{text} per {self.period}, {_COMPARED[self.at]}"

    def judge(self, spent: Sequence[Mapping[str, Any]]) -> Judgement:
        """Compare the energy and emissions of an asset with its limits.

        Args:
            spent: what was spent in each period of the run that is judged.

        Returns:
            Whether the asset is within the limits in all of them; `is_known` is False if that cannot be determined,
            since the energy of a record is not known.
        """
        judged = [self._judge(period) for period in (spent[:1] if self.period is Period.run else spent)]
        return min(judged, key=lambda found: (found.passed, not found.is_known))

    def _judge(self, spent: Mapping[str, Any]) -> Judgement:
        prefix = "" if self.period is Period.run else "period_"
        over, within, unknown = [], [], []
        metadata: dict[str, Any] = {"run": spent["run"], "records": spent[f"{prefix}records"]}
        if self.period is not Period.run:
            metadata["period"] = format(spent["period_began"], "%Y-%m" if self.period is Period.month else "%Y-%m-%d")
        if count := spent[f"{prefix}{'records_unknown' if self.at is At.meter else 'records_without_interval'}"]:
            metadata["records_of_unknown_energy"] = count
            records = spent[f"{prefix}records"]
            unknown.append(f"the energy of {count} of {records} records is not known: the total may be higher")
        for name, unit, limit in (("energy_kwh", "kWh", self.max_kwh), ("emissions_kg", "kg CO2eq", self.max_kg)):
            key = name if self.at is At.meter else name.replace("_", "_high_")
            value = spent[f"{prefix}{key}"]
            if value is not None:
                metadata[f"carbon/{key}"] = value
            if limit is None:
                continue
            metadata[f"limit_{name}"] = limit
            if value is None:
                unknown.append(f"{name} is not known and cannot be compared with the limit of {amount(limit, unit)}")
                continue
            metadata[f"share_of_limit_{name.split('_')[0]}"] = value / limit
            text = f"{amount(value, unit)} of {amount(limit, unit)} per {self.period}"
            if value > limit:
                over.append(f"{text}: {_excess(value / limit)}")
            else:
                within.append(text)
        metadata["compared_with"] = _COMPARED[self.at]
        compared = [f"compared is {_COMPARED[self.at]}"]
        description = "; ".join([*(over or within), *(compared if over or within else []), *unknown])
        return Judgement(not over and not unknown, description, metadata, is_known=bool(over) or not unknown)


_COMPARED = {At.meter: "what the meter saw", At.wall: "the upper end at the wall"}


def _excess(ratio: float) -> str:
    return f"{ratio - 1:.0%} over the limit" if ratio < 10 else f"{ratio:,.0f} times the limit"
