"""One run as a BoAmps report: the measured part (`machine_report.py`) and the user-provided part (`context.py`).

A report is made only if it keeps every rule; otherwise the violations name what is missing or wrong.
"""

import hashlib
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from pydantic import ValidationError

from carbon_pipeline.boamps.context import UserContext, merged
from carbon_pipeline.boamps.model import (
    FORMAT_VERSION,
    SPECIFICATION_URI,
    Algorithm,
    Dataset,
    Infrastructure,
    Part,
    Publisher,
    Report,
    Software,
    System,
)
from carbon_pipeline.boamps.plausibility import Violation, checked

LONGEST_PART = 40
"""Maximum bytes of each part of a file name; a whole name has at most 255."""


class CommonPart:
    """What the reports of a project on one machine have in common; parsed only once."""

    def __init__(self, machine: Mapping[str, Any], user_context: UserContext):
        """Merge the measured and the user-provided part.

        Args:
            machine: `MachineReport.machine` as parsed JSON: publisher, system, software, infrastructure.
            user_context: the user-provided context of the runs, as `ReportContext.of` returns it.
        """
        document = _common_document(machine, user_context)
        self.has_components = bool(document["infrastructure"].get("components"))
        self.environment = user_context.get("environment") or {}
        self.header = _with_parsed(document.pop("header"), {"publisher": Publisher})
        self.task = _with_parsed(document.pop("task"), {"algorithms": Algorithm, "dataset": Dataset})
        self.parts = _with_parsed(document, {"system": System, "software": Software, "infrastructure": Infrastructure})


def make_report(measured: Mapping[str, Any], common: CommonPart) -> tuple[Report | None, list[Violation]]:
    """Make the report of one run.

    Args:
        measured: `MachineReport.measured` as parsed JSON: header, measures, environment, quality, description.
        common: what the report has in common with others.

    Returns:
        The report and no violations; or None and a violation for everything that is missing or wrong.
    """
    found = unknown(measured, common)
    report, violations = checked(_document(measured, common))
    fields = {violation.field for violation in found}
    found += [violation for violation in violations if violation.field not in fields]
    return (None if found else report), found


def unknown(measured: Mapping[str, Any], common: CommonPart) -> list[Violation]:
    """Find the parts that a report requires and that could not be measured.

    Args:
        measured: the measured part of the report.
        common: what the report has in common with others; users can provide missing components.
    """
    found = []
    if not measured["measures"]:
        found.append(Violation(field="measures", value="", rule="the energy of this run is not known", is_missing=True))
    if not common.has_components:
        found.append(
            Violation(
                field="infrastructure.components",
                value="",
                rule="neither CPUs, GPUs nor memory of the machine are known; provide them in the report context",
                is_missing=True,
            )
        )
    return found


def as_json(report: Report) -> str:
    """A report as the text of its JSON file."""
    return report.model_dump_json(by_alias=True, exclude_none=True, indent=1) + "\n"


def file_name(report: Report) -> str:
    """File name of a report by BoAmps' convention: report_publisher_taskStage_taskFamily_infraType_reportId.json.

    Returns:
        The name; characters that a file name cannot contain are replaced by hyphens.
    """
    publisher = report.header.publisher if report.header else None
    parts = (
        (publisher.name if publisher else None) or "unnamed",
        report.task.task_stage,
        report.task.task_family,
        report.infrastructure.infra_type,
    )
    report_id = report.header.report_id if report.header else None
    return f"report_{'_'.join(map(_slug, parts))}_{id_in_name(report_id or '')}.json"


def id_in_name(report_id: str) -> str:
    """A report ID as part of a file name; different IDs give different names.

    Returns:
        The ID itself if a file name can contain it; otherwise its valid characters and a hash.
    """
    if re.fullmatch(r"[A-Za-z0-9.-]{1,64}", report_id):
        return report_id
    return f"{_slug(report_id)}-{hashlib.sha256(report_id.encode()).hexdigest()[:16]}"


@lru_cache(maxsize=1000)
def _slug(text: str) -> str:
    slug = re.sub(r"[^\w.+-]+|_", "-", text).strip("-.")
    return slug.encode()[:LONGEST_PART].decode(errors="ignore") or "unnamed"


def _common_document(machine: Mapping[str, Any], user_context: UserContext) -> dict[str, Any]:
    """Header, task, system, software and infrastructure, with the names of the datamodel."""
    measured = {
        "header": {"formatVersion": FORMAT_VERSION, "formatVersionSpecificationUri": SPECIFICATION_URI},
        "infrastructure": machine["infrastructure"],
        "software": machine["software"] or {},
        "task": {},
    }
    document = merged(
        measured,
        {key: part for key, part in user_context.items() if key in ("header", "infrastructure", "software", "task")},
    )
    document["header"]["publisher"] = merged(machine["publisher"], document["header"].get("publisher") or {})
    if components := machine["infrastructure"]["components"]:
        document["infrastructure"]["components"] = components
    if machine["software"] and document["software"].get("language") != machine["software"]["language"]:
        version = (user_context.get("software") or {}).get("version")  # the measured version is that of Python
        document["software"] = {"language": document["software"].get("language"), "version": version}
    return document | {"system": machine["system"]}


def _document(measured: Mapping[str, Any], common: CommonPart) -> dict[str, Any]:
    """The report as a mapping with the names of the datamodel; None stands for what is not known."""
    description = " ".join(text for text in (common.task.get("taskDescription"), measured["description"]) if text)
    environment = measured["environment"]
    document = {
        **common.parts,
        "header": {**common.header, **measured["header"]},
        "task": {**common.task, "taskDescription": description} if description else common.task,
        "measures": measured["measures"],
        "environment": merged(environment, common.environment) if environment and common.environment else environment,
        "quality": measured["quality"],
    }
    return {key: part for key, part in document.items() if part}


def _with_parsed(document: Mapping[str, Any], parts: Mapping[str, type[Part]]) -> dict[str, Any]:
    """A copy of a part of a report, the named parts within it as their types."""
    return {
        name: _parsed(parts[name], value) if name in parts else value
        for name, value in document.items()
        if value is not None
    }


def _parsed(part: type[Part], content: Any) -> Any:
    """A part of a report, or a list of them, as its type; what is invalid stays, and the report has its violations."""
    if isinstance(content, list):
        return [_parsed(part, item) for item in content]
    try:
        return part.model_validate(content)
    except ValidationError:
        return content
