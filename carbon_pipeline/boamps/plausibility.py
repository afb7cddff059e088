"""Validation of reports: the rules of the schemas (`model.py`), and rules that span several fields.

A violation names the field, its value and the rule, so that the author of the report can find and correct it.
"""

import json
import math
import re
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from carbon_pipeline.boamps.model import Component, Measure, Report, moment
from carbon_pipeline.model.power_limits import cpu_limit_w, gpu_limit_w, ram_limit_w
from carbon_pipeline.tracking.meter import cpu_tdp_w

LONGEST_VALUE = 80
"""Maximum number of characters of a value that a violation quotes."""

ROUNDING = timedelta(seconds=2)
"""Tolerance, since start and end are rounded to whole seconds."""

AROUND = 3.0
"""Factor for what energies may include beyond the components: PUE (industry mean 1.56, Uptime Institute 2024) and power
supply losses."""

UNKNOWN_W = {"cpu": cpu_limit_w(None, None), "gpu": gpu_limit_w(None, None), "ram": ram_limit_w(None)}
"""Maximum power of each kind of component where a report does not list it, W."""

NAMES = {"cpu": "the CPUs", "gpu": "the GPUs", "ram": "the memory", None: "the listed components"}

TdpOf = Callable[[str | None], float | None]
"""Look-up of the TDP of one processor by its name, W; None if it is not known."""


class Violation(BaseModel):
    """One rule that a report breaks.

    Attributes:
        field: path of the field, such as `measures.0.powerConsumption`.
        value: value of the field as JSON; empty where the field is missing.
        rule: the rule that is broken.
        is_missing: whether the field is missing.
    """

    field: str
    value: str
    rule: str
    is_missing: bool = False

    def __str__(self) -> str:
        return f"{self.field}{f' = {self.value}' if self.value else ''}: {self.rule}"


def examine(report: Any) -> list[Violation]:
    """Check a report of any origin against all rules."""
    nulls = [Violation(field=path, value="null", rule="null is not allowed; omit the key") for path in _nulls(report)]
    return [*nulls, *checked(report)[1]]


def checked(report: Any) -> tuple[Report | None, list[Violation]]:
    """Parse a report and check it against all rules; a None counts as an omitted key.

    Returns:
        The report, None if it breaks a rule of the schemas; and every violation.
    """
    try:
        read = Report.model_validate(report)
    except ValidationError as error:
        return None, list(map(violation_of, error.errors(include_url=False)))
    return read, list(implausible(read))


def examine_file(path: Path) -> list[Violation]:
    """Check a file against all rules.

    Returns:
        Every violation; none if the report is valid and plausible.
    """
    if not path.is_file():
        return [Violation(field="file", value="", rule="must be a regular file")]
    try:
        return examine(json.loads(path.read_text(encoding="utf-8-sig"), object_pairs_hook=_reject_duplicate_keys))
    except UnicodeDecodeError:
        return [Violation(field="file", value="", rule="must be UTF-8")]
    except OSError as error:
        return [Violation(field="file", value="", rule=f"cannot be read: {error.strerror}")]
    except RecursionError:
        return [Violation(field="file", value="", rule="is nested too deeply for a report")]
    except (ValueError, ArithmeticError) as error:
        return [Violation(field="file", value="", rule=f"must be valid JSON: {error}")]


def implausible(report: Report) -> Iterator[Violation]:
    """Check a report against the rules that the schemas cannot express."""
    components = tuple(report.infrastructure.components)
    for number, measure in enumerate(report.measures):
        yield from _power(components, measure, f"measures.{number}")
        yield from _dates(report, measure, f"measures.{number}")


def violation_of(error: ErrorDetails) -> Violation:
    """Convert a validation error of pydantic to a violation in plain words."""
    is_missing = error["type"] == "missing"
    path = ".".join(map(str, error["loc"]))
    rule = error["msg"].removeprefix("Value error, ")
    if is_missing:
        rule = "is required and is missing"
    elif error["type"] == "extra_forbidden":
        rule = "the datamodel has no such field; check its spelling"
    elif error["type"] == "string_pattern_mismatch" or error["type"] == "string_too_short":
        rule = "must not be blank"
    return Violation(
        field=path or "report",
        value="" if is_missing else _short(error["input"]),
        rule=rule[:1].lower() + rule[1:],
        is_missing=is_missing,
    )


def _power(components: tuple[Component, ...], measure: Measure, path: str) -> Iterator[Violation]:
    duration_s = measure.measurement_duration
    if duration_s is None:
        return
    if duration_s == 0:
        if measure.power_consumption > 0:
            rule = "cannot be 0 s while powerConsumption is above 0"
            yield Violation(field=f"{path}.measurementDuration", value="0", rule=rule)
        return
    power_w = measure.power_consumption * 3.6e6 / duration_s  # 1 kWh = 3.6e6 J
    # The table of TDPs takes a while to load: it is needed only where the power exceeds what is certainly possible.
    if power_w <= _limit_w(components, measure.measurement_method, _no_tdp_w):
        return
    if power_w > (limit_w := _limit_w(components, measure.measurement_method, cpu_tdp_w)):
        yield Violation(
            field=f"{path}.powerConsumption",
            value=_short(measure.power_consumption),
            rule=f"means {power_w:,.0f} W over {duration_s:g} s, more than the {limit_w:,.0f} W that "
            f"{NAMES[_covered(measure.measurement_method)]} can draw, PUE and power supply included; is it in kWh?",
        )


def _dates(report: Report, measure: Measure, path: str) -> Iterator[Violation]:
    if report.header is None or measure.measurement_date_time is None:
        return
    begun, reported = _comparable(measure.measurement_date_time, report.header.report_datetime)
    try:
        ended = begun + timedelta(seconds=measure.measurement_duration or 0)
        is_late = ended - ROUNDING > reported
    except OverflowError:
        yield Violation(
            field=f"{path}.measurementDuration",
            value=_short(measure.measurement_duration),
            rule="is too long: the measurement would end after the year 9999; is it in seconds?",
        )
        return
    if is_late:
        yield Violation(
            field=f"{path}.measurementDateTime",
            value=_short(measure.measurement_date_time),
            rule=f"is the start: with a measurementDuration of {measure.measurement_duration or 0:g} s the measurement "
            f"ended at {ended:%Y-%m-%d %H:%M:%S}, after header.reportDatetime, {report.header.report_datetime}",
        )


def _comparable(one: str, other: str) -> tuple[datetime, datetime]:
    """Parse dates and times; time zones are ignored if only one of them has one."""
    first, second = moment(one), moment(other)
    if (first.tzinfo is None) == (second.tzinfo is None):
        return first, second
    return first.replace(tzinfo=None), second.replace(tzinfo=None)


def _no_tdp_w(cpu_model: str | None) -> float:
    return 0.0


@lru_cache(maxsize=1000)
def _limit_w(components: tuple[Component, ...], method: str, tdp_of: TdpOf) -> float:
    """The most that the components which a measure by a method covers can draw, PUE and power supply included, W."""
    kinds = {component.component_type.lower() for component in components}
    if kinds - UNKNOWN_W.keys():
        return math.inf  # a whole server, a TPU: its limit is not known
    covered = {kind} if (kind := _covered(method)) else kinds | {"cpu"}  # every machine has a CPU
    counts_logical = bool(re.search(r"codecarbon|;cpu=", method, re.IGNORECASE))
    listed_w = sum(
        _component_w(component, counts_logical, tdp_of)
        for component in components
        if component.component_type.lower() in covered
    )
    return AROUND * (listed_w + sum(UNKNOWN_W[kind] for kind in covered - kinds))


def _covered(method: str) -> str | None:
    """The only kind of component whose energy a measure contains; None where it contains several."""
    kinds = re.findall(r";(cpu|gpu|ram)=", method)
    return kinds[0] if len(kinds) == 1 else None


def _component_w(component: Component, counts_logical: bool, tdp_of: TdpOf) -> float:
    """The most that a component can draw, W; CPUs are counted as logical ones or, by other tools, as processors."""
    kind, name, count = component.component_type.lower(), component.component_name, component.nb_component
    if kind == "cpu":
        tdp_w = tdp_of(name)
        return cpu_limit_w(name, count, tdp_w) if counts_logical else count * cpu_limit_w(name, 1, tdp_w)
    if kind == "gpu":
        return gpu_limit_w(name, count)
    return ram_limit_w(None if component.memory_size is None else count * component.memory_size)


def _nulls(part: Any, path: str = "") -> Iterator[str]:
    """Iterate over the paths of nulls in a report, which the types accept like an omitted key."""
    if isinstance(part, dict | list):
        for key, value in part.items() if isinstance(part, dict) else enumerate(part):
            yield from _nulls(value, f"{path}.{key}" if path else str(key))
    elif part is None:
        yield path


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= LONGEST_VALUE else f"{text[:LONGEST_VALUE]}..."


def _reject_duplicate_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        duplicates = sorted({key for key, _ in pairs if [name for name, _ in pairs].count(key) > 1})
        raise ValueError(f"duplicate key {', '.join(duplicates)}")
    return found
