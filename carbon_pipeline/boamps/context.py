"""What the machine cannot know of a run: who publishes it, under which licence, what the task was.

It is told once, in a YAML file whose keys are those of a report, for all runs and for single projects; what a run
itself says (`track(task=...)`) wins over its project, and a project over `defaults`.
"""

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from carbon_pipeline.boamps.model import Environment, Header, Infrastructure, Part, Software, Task
from carbon_pipeline.boamps.plausibility import violation_of
from carbon_pipeline.boamps.structure import fields_of
from carbon_pipeline.errors import InputError
from carbon_pipeline.settings import Settings

USER_FIELDS: dict[str, tuple[type[Part], frozenset[str] | None]] = {
    "header": (Header, frozenset({"licensing", "reportStatus", "publisher"})),
    "task": (Task, None),
    "software": (Software, None),
    "infrastructure": (Infrastructure, frozenset({"infraType", "cloudInstance", "cloudService", "components"})),
    "environment": (Environment, frozenset({"powerSupplierType", "powerSource"})),
}
"""The parts of a report that can be told, and which of their fields; None is all. The others are measured. Components
count only where nothing is known of the machine, as in files of CodeCarbon 1.x."""

UserContext = dict[str, Any]


class ContextError(InputError):
    """The file contains something that no report can hold; the message names the file and each place."""


@dataclass(frozen=True)
class ReportContext:
    """What is told of all runs and of the runs of single projects.

    Attributes:
        defaults: parts of a report, for all runs.
        projects: the same for the runs of a project, by its name.
    """

    defaults: UserContext = field(default_factory=dict)
    projects: dict[str, UserContext] = field(default_factory=dict)

    def of(self, project_name: str | None, task: Mapping[str, Any] | None = None) -> UserContext:
        """What is told of one run.

        Args:
            project_name: project that it belongs to.
            task: what the run itself says.

        Returns:
            Parts of a report. Maps are merged key by key; a list, such as `algorithms`, is taken whole.
        """
        told = merged(self.defaults, self.projects.get(project_name or "", {}))
        return merged(told, {"task": dict(task)}) if task else told


def read_context(path: Path, is_required: bool = True) -> ReportContext:
    """Reads the file.

    Args:
        path: a YAML file with `defaults` and `projects`.
        is_required: whether the file has to be there; if it does not and is not, nothing is told.

    Returns:
        What it says.

    Raises:
        ContextError: it cannot be read, or it says something that no report can hold.
    """
    try:
        content = yaml.load(path.read_text(encoding="utf-8-sig"), Loader=_NoKeyTwice)
    except FileNotFoundError:
        if is_required:
            raise ContextError(f"{path}: there is no such file") from None
        return ReportContext()
    except (OSError, UnicodeDecodeError) as error:
        raise ContextError(f"{path}: cannot be read: {error}") from None
    except yaml.YAMLError as error:
        raise ContextError(f"{path}: is no YAML: {' '.join(str(error).split())}") from None
    content = {} if content is None else content
    faults = list(_faults_of_file(content))
    if faults:
        raise ContextError(f"{path}: {'; '.join(faults)}")
    projects = {str(name): _filled(told or {}) for name, told in (content.get("projects") or {}).items()}
    return ReportContext(_filled(content.get("defaults") or {}), projects)


def read_configured_context(settings: Settings) -> ReportContext:
    """Read the file that the settings name.

    Args:
        settings: `report_context` names the file; if it is not given, the default one may be missing.

    Returns:
        The user-provided context.

    Raises:
        ContextError: the file cannot be read, or contains something that no report can hold.
    """
    return read_context(settings.report_context, is_required="report_context" in settings.model_fields_set)


def merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> UserContext:
    """Two parts of a report as one; where both say something, the second counts.

    Args:
        below: the one.
        above: the other; what is None in it says nothing.

    Returns:
        A new map.
    """
    result = {key: value for key, value in below.items() if value is not None}
    for key, value in above.items():
        known = result.get(key)
        if isinstance(known, Mapping) and isinstance(value, Mapping):
            result[key] = merged(known, value)
        elif value is not None:
            result[key] = value
    return result


class _NoKeyTwice(yaml.SafeLoader):
    """Reads YAML, and takes no key that stands there twice for the last one."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        twice = sorted({str(key) for key in keys if keys.count(key) > 1})
        if twice:
            raise yaml.YAMLError(f"the key {', '.join(twice)} stands there twice (line {node.start_mark.line + 1})")
        return super().construct_mapping(node, deep)


def _filled(part: Any) -> Any:
    """Without the lines that have not been filled in."""
    if isinstance(part, dict):
        return {key: _filled(value) for key, value in part.items() if value is not None}
    return part


def _faults_of_file(content: Any) -> Iterator[str]:
    if not isinstance(content, dict):
        yield "has to be a map with the keys `defaults` and `projects`"
        return
    for key in content.keys() - {"defaults", "projects"}:
        yield f"{key}: only `defaults` and `projects` stand at the top{_meant(key, ('defaults', 'projects'))}"
    yield from _faults(content.get("defaults"), "defaults")
    projects = content.get("projects") or {}
    if not isinstance(projects, dict):
        yield "projects: has to be a map from the names of projects to parts of a report"
        return
    for name, told in projects.items():
        yield from _faults(told, f"projects.{name}")


def _faults(told: Any, path: str) -> Iterator[str]:
    if told is None:
        return
    if not isinstance(told, dict):
        yield f"{path}: has to be a map with some of the keys {', '.join(USER_FIELDS)}"
        return
    for key, part in told.items():
        if key in USER_FIELDS:
            yield from _faults_of_part(part, *USER_FIELDS[key], f"{path}.{key}")
        else:
            yield f"{path}.{key}: can be told of {', '.join(USER_FIELDS)} only{_meant(key, USER_FIELDS)}"


def _faults_of_part(given: Any, part: type[Part], allowed: frozenset[str] | None, path: str) -> Iterator[str]:
    if given is None:
        return
    if not isinstance(given, dict):
        yield f"{path}: has to be a map"
        return
    fields = fields_of(part)
    for key, value in given.items():
        if key not in fields:
            yield f"{path}.{key}: the datamodel has no such field{_meant(key, fields)}"
        elif allowed is not None and key not in allowed:
            yield f"{path}.{key}: is measured, and cannot be given here"
        elif value is None:
            continue  # a line that has not been filled in
        elif (inner := fields[key].part) and not fields[key].is_list:  # a list is taken as a whole
            yield from _faults_of_part(value, inner, None, f"{path}.{key}")
        else:
            try:
                fields[key].validate(value)
            except ValidationError as error:
                for found in error.errors(include_url=False):
                    violation = violation_of({**found, "loc": (f"{path}.{key}", *found["loc"])})
                    yield str(violation)


def _meant(key: object, known: Any) -> str:
    close = difflib.get_close_matches(str(key), [str(name) for name in known], n=1)
    return f"; is {close[0]} meant?" if close else ""
