"""User-provided context of reports: what cannot be measured, such as publisher, licence and task.

It is read from a YAML file whose keys are those of a report: under `defaults` for all runs, under `projects` for the
runs of single projects. The task that a run provides (`track(task=...)`) takes precedence over its project, and a
project over `defaults`.
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
"""The parts of a report that users can provide, and the fields of each; None stands for all fields. Other fields are
measured. User-provided components are used only if the machine is not known, as in files of CodeCarbon 1.x."""

UserContext = dict[str, Any]


class ContextError(InputError):
    """The file cannot be read, or contains something that no report can hold; the message names file and keys."""


@dataclass(frozen=True)
class ReportContext:
    """User-provided context of all runs and of the runs of single projects.

    Attributes:
        defaults: parts of a report, for all runs.
        projects: parts of a report for the runs of one project, by project name.
    """

    defaults: UserContext = field(default_factory=dict)
    projects: dict[str, UserContext] = field(default_factory=dict)

    def of(self, project_name: str | None, task: Mapping[str, Any] | None = None) -> UserContext:
        """User-provided context of one run.

        Returns:
            Parts of a report. Mappings are merged key by key; a list, such as `algorithms`, replaces the other one.
        """
        context = merged(self.defaults, self.projects.get(project_name or "", {}))
        return merged(context, {"task": dict(task)}) if task else context


def read_context(path: Path, is_required: bool = True) -> ReportContext:
    """Read a context file.

    Args:
        path: a YAML file with `defaults` and `projects`.
        is_required: whether the file must exist; an optional file that is missing gives an empty context.

    Raises:
        ContextError: the file cannot be read, or contains something that no report can hold.
    """
    try:
        content = yaml.load(path.read_text(encoding="utf-8-sig"), Loader=_UniqueKeyLoader)
    except FileNotFoundError:
        if is_required:
            raise ContextError(f"{path}: no such file; create it, or correct CARBON_REPORT_CONTEXT") from None
        return ReportContext()
    except (OSError, UnicodeDecodeError) as error:
        raise ContextError(f"{path}: cannot be read: {error}") from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:  # a date such as 2020-02-31 is a ValueError
        raise ContextError(f"{path}: is not valid YAML: {' '.join(str(error).split())}") from None
    content = {} if content is None else content
    faults = list(_faults_of_file(content))
    if faults:
        raise ContextError(f"{path}: {'; '.join(faults)}")
    projects = {str(name): _filled(parts or {}) for name, parts in (content.get("projects") or {}).items()}
    return ReportContext(_filled(content.get("defaults") or {}), projects)


def read_configured_context(settings: Settings) -> ReportContext:
    """Read the file that the settings name.

    Args:
        settings: `report_context` names the file; if it is not set, the default file may be missing.

    Raises:
        ContextError: the file cannot be read, or contains something that no report can hold.
    """
    return read_context(settings.report_context, is_required="report_context" in settings.model_fields_set)


def merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> UserContext:
    """Merge two parts of a report, mappings key by key.

    Args:
        below: the part with the lower precedence.
        above: the part with the higher precedence; a None in it is ignored.
    """
    result = {key: value for key, value in below.items() if value is not None}
    for key, value in above.items():
        lower = result.get(key)
        if isinstance(lower, Mapping) and isinstance(value, Mapping):
            result[key] = merged(lower, value)
        elif value is not None:
            result[key] = value
    return result


class _UniqueKeyLoader(yaml.SafeLoader):
    """Loader that rejects duplicate keys; PyYAML's own silently uses the last one."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        duplicates = sorted({str(key) for key in keys if keys.count(key) > 1})
        if duplicates:
            raise yaml.YAMLError(f"duplicate key {', '.join(duplicates)} (line {node.start_mark.line + 1})")
        return super().construct_mapping(node, deep)


def _filled(part: Any) -> Any:
    """Remove the keys that have no value."""
    if isinstance(part, dict):
        return {key: _filled(value) for key, value in part.items() if value is not None}
    return part


def _faults_of_file(content: Any) -> Iterator[str]:
    if not isinstance(content, dict):
        yield "must be a mapping with the keys `defaults` and `projects`"
        return
    for key in content.keys() - {"defaults", "projects"}:
        suggestion = _suggestion(key, ("defaults", "projects"))
        yield f"{key}: unknown key; the keys at the top level are `defaults` and `projects`{suggestion}"
    yield from _faults(content.get("defaults"), "defaults")
    projects = content.get("projects") or {}
    if not isinstance(projects, dict):
        yield "projects: must be a mapping from project names to parts of a report"
        return
    for name, parts in projects.items():
        yield from _faults(parts, f"projects.{name}")


def _faults(parts: Any, path: str) -> Iterator[str]:
    if parts is None:
        return
    if not isinstance(parts, dict):
        yield f"{path}: must be a mapping with some of the keys {', '.join(USER_FIELDS)}"
        return
    for key, part in parts.items():
        if key in USER_FIELDS:
            yield from _faults_of_part(part, *USER_FIELDS[key], f"{path}.{key}")
        else:
            suggestion = _suggestion(key, USER_FIELDS)
            yield f"{path}.{key}: cannot be provided here; the keys are {', '.join(USER_FIELDS)}{suggestion}"


def _faults_of_part(given: Any, part: type[Part], allowed: frozenset[str] | None, path: str) -> Iterator[str]:
    if given is None:
        return
    if not isinstance(given, dict):
        yield f"{path}: must be a mapping"
        return
    fields = fields_of(part)
    for key, value in given.items():
        if key not in fields:
            yield f"{path}.{key}: the datamodel has no such field{_suggestion(key, fields)}"
        elif allowed is not None and key not in allowed:
            yield f"{path}.{key}: is measured and cannot be provided here"
        elif value is None:
            continue  # a key of the template without a value
        elif (inner := fields[key].part) and not fields[key].is_list:  # a list is taken as a whole
            yield from _faults_of_part(value, inner, None, f"{path}.{key}")
        else:
            try:
                fields[key].validate(value)
            except ValidationError as error:
                for found in error.errors(include_url=False):
                    violation = violation_of({**found, "loc": (f"{path}.{key}", *found["loc"])})
                    yield str(violation)


def _suggestion(key: object, names: Any) -> str:
    close = difflib.get_close_matches(str(key), [str(name) for name in names], n=1)
    return f"; did you mean {close[0]}?" if close else ""
