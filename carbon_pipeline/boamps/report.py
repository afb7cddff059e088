"""One run as a BoAmps report: the measured part (`machine_report.py`) and the user-provided part (`context.py`).

A report is made only if it keeps every rule; otherwise the violations name what is missing or wrong.
"""

import hashlib
import re
from collections.abc import Mapping
from typing import Any

from carbon_pipeline.boamps.context import UserContext, merged
from carbon_pipeline.boamps.model import FORMAT_VERSION, SPECIFICATION_URI, Report
from carbon_pipeline.boamps.plausibility import Violation, checked

LONGEST_PART = 40
"""Maximum bytes of each part of a file name; a whole name has at most 255."""


def make_report(machine: Mapping[str, Any], user_context: UserContext) -> tuple[Report | None, list[Violation]]:
    """Make the report of one run.

    Args:
        machine: the measured part, `MachineReport.machine`, as parsed JSON: header, measures, system, software,
            infrastructure, environment, quality, description.
        user_context: the user-provided context of the run, as `ReportContext.of` returns it.

    Returns:
        The report and no violations; or None and a violation for everything that is missing or wrong.
    """
    found = unknown(machine, user_context)
    report, violations = checked(_document(machine, user_context))
    fields = {violation.field for violation in found}
    found += [violation for violation in violations if violation.field not in fields]
    return (None if found else report), found


def unknown(machine: Mapping[str, Any], user_context: UserContext) -> list[Violation]:
    """Find the parts that a report requires and that could not be measured.

    Args:
        machine: the measured part of the report.
        user_context: the user-provided context of the run; it can replace missing components.
    """
    found = []
    if not machine["measures"]:
        found.append(Violation(field="measures", value="", rule="the energy of this run is not known", is_missing=True))
    if not machine["infrastructure"]["components"] and not (user_context.get("infrastructure") or {}).get("components"):
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


def _slug(text: str) -> str:
    slug = re.sub(r"[^\w.+-]+|_", "-", text).strip("-.")
    return slug.encode()[:LONGEST_PART].decode(errors="ignore") or "unnamed"


def _document(machine: Mapping[str, Any], user_context: UserContext) -> dict[str, Any]:
    """The report as a mapping with the names of the datamodel; None stands for what is not known."""
    measured = {
        "header": {"formatVersion": FORMAT_VERSION, "formatVersionSpecificationUri": SPECIFICATION_URI},
        "infrastructure": machine["infrastructure"],
        "software": machine["software"] or {},
    }
    document = merged(
        measured,
        {key: part for key, part in user_context.items() if key in ("header", "infrastructure", "software", "task")},
    )
    document["header"] = merged(document["header"], {**machine["header"], "publisher": {}})
    document["header"]["publisher"] = merged(machine["header"]["publisher"], document["header"].get("publisher") or {})
    if components := machine["infrastructure"]["components"]:
        document["infrastructure"]["components"] = components
    if machine["software"] and document["software"].get("language") != machine["software"]["language"]:
        version = (user_context.get("software") or {}).get("version")  # the measured version is that of Python
        document["software"] = {"language": document["software"].get("language"), "version": version}
    task = document.get("task") or {}
    description = " ".join(text for text in (task.get("taskDescription"), machine["description"]) if text)
    document |= {
        "task": {**task, "taskDescription": description} if description else task,
        "measures": machine["measures"],
        "system": machine["system"],
        "environment": machine["environment"] and merged(machine["environment"], user_context.get("environment") or {}),
        "quality": machine["quality"],
    }
    return {key: part for key, part in document.items() if part}
