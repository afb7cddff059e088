"""One run as a BoAmps report: what the machine knows (`report.boamps` in the warehouse) and what was told of it.

A report is made only if it keeps every rule; else the violations say what is missing or wrong.
"""

import hashlib
import re
from collections.abc import Mapping
from typing import Any

from carbon_pipeline.boamps.context import UserContext, merged
from carbon_pipeline.boamps.model import FORMAT_VERSION, SPECIFICATION_URI, Report
from carbon_pipeline.boamps.plausibility import Violation, checked

LONGEST_PART = 40
"""Bytes of each part of a file's name; a name has 255 at most."""


def make_report(machine: Mapping[str, Any], told: UserContext) -> tuple[Report | None, list[Violation]]:
    """The report of one run.

    Args:
        machine: a row of `report.boamps`: header, measures, system, software, infrastructure, environment, quality,
            description.
        told: what `ReportContext.of` says of the run.

    Returns:
        The report, or None and what is missing or wrong.
    """
    found = unknown(machine, told)
    report, violations = checked(_document(machine, told))
    fields = {violation.field for violation in found}
    found += [violation for violation in violations if violation.field not in fields]
    return (None if found else report), found


def unknown(machine: Mapping[str, Any], told: UserContext) -> list[Violation]:
    """What a report needs and the machine does not know.

    Args:
        machine: a row of `report.boamps`.
        told: what was told of the run.

    Returns:
        A violation for each.
    """
    found = []
    if not machine["measures"]:
        found.append(Violation(field="measures", value="", rule="no energy of this run is known", is_missing=True))
    if not machine["infrastructure"]["components"] and not (told.get("infrastructure") or {}).get("components"):
        found.append(
            Violation(
                field="infrastructure.components",
                value="",
                rule="neither CPUs, GPUs nor memory of the machine are known",
                is_missing=True,
            )
        )
    return found


def as_json(report: Report) -> str:
    """A report as it is written to a file.

    Args:
        report: the report.

    Returns:
        Its JSON.
    """
    return report.model_dump_json(by_alias=True, exclude_none=True, indent=1) + "\n"


def file_name(report: Report) -> str:
    """BoAmps' name of the file: report_publisher_taskStage_taskFamily_infraType_reportId.json.

    Args:
        report: a report with a header.

    Returns:
        The name; what no file name can hold is a hyphen.
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
    """The identifier as the file's name holds it, different for each.

    Args:
        report_id: the identifier.

    Returns:
        The same, if it can stand in a name; else what can, with a hash.
    """
    if re.fullmatch(r"[A-Za-z0-9.-]{1,64}", report_id):
        return report_id
    return f"{_slug(report_id)}-{hashlib.sha256(report_id.encode()).hexdigest()[:16]}"


def _slug(text: str) -> str:
    slug = re.sub(r"[^\w.+-]+|_", "-", text).strip("-.")
    return slug.encode()[:LONGEST_PART].decode(errors="ignore") or "unnamed"


def _document(machine: Mapping[str, Any], told: UserContext) -> dict[str, Any]:
    """The report as a map in the names of the datamodel; what is not known in it is None."""
    own = {
        "header": {"formatVersion": FORMAT_VERSION, "formatVersionSpecificationUri": SPECIFICATION_URI},
        "infrastructure": machine["infrastructure"],
        "software": machine["software"] or {},
    }
    document = merged(
        own, {key: part for key, part in told.items() if key in ("header", "infrastructure", "software", "task")}
    )
    document["header"] = merged(document["header"], {**machine["header"], "publisher": {}})
    document["header"]["publisher"] = merged(machine["header"]["publisher"], document["header"].get("publisher") or {})
    if components := machine["infrastructure"]["components"]:
        document["infrastructure"]["components"] = components
    if machine["software"] and document["software"].get("language") != machine["software"]["language"]:
        version = (told.get("software") or {}).get("version")  # that of Python says nothing of another language
        document["software"] = {"language": document["software"].get("language"), "version": version}
    task = document.get("task") or {}
    description = " ".join(text for text in (task.get("taskDescription"), machine["description"]) if text)
    document |= {
        "task": {**task, "taskDescription": description} if description else task,
        "measures": machine["measures"],
        "system": machine["system"],
        "environment": machine["environment"] and merged(machine["environment"], told.get("environment") or {}),
        "quality": machine["quality"],
    }
    return {key: part for key, part in document.items() if part}
