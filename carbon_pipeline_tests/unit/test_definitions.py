"""A snapshot of everything that Dagster loads: a change of a name, a schedule or a pool shows in a diff.

`UPDATE_SNAPSHOTS=1 pytest carbon_pipeline_tests/unit/test_definitions.py` writes it anew.
"""

import json
import os
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from carbon_pipeline import CarbonTracking
from carbon_pipeline.dagster.component import Budget, Regression
from carbon_pipeline.definitions import defs

FOLDER = Path(__file__).parent / "snapshots"


def asset(spec: dg.AssetSpec, definition: dg.AssetsDefinition) -> dict[str, Any]:
    return {
        "deps": sorted(dep.asset_key.to_user_string() for dep in spec.deps),
        "description": spec.description,
        "group": spec.group_name,
        "kinds": sorted(spec.kinds),
        "owners": list(spec.owners),
        "partitions": str(definition.partitions_def) if definition.partitions_def else None,
        "automation": spec.automation_condition.get_label() if spec.automation_condition else None,
        "freshness": str(spec.freshness_policy) if spec.freshness_policy else None,
        "pool": definition.op.pool,
        "retries": str(definition.op.retry_policy) if definition.op.retry_policy else None,
        "resources": sorted(definition.required_resource_keys),
        "config": sorted(fields(definition.op.config_schema.as_field())),
    }


def fields(field: Any) -> list[str]:
    config = field.config_type
    return [
        f"{name}: {inner.config_type.given_name or inner.config_type.kind.value}"
        for name, inner in getattr(config, "fields", {}).items()
    ]


def resource(definition: Any) -> list[str]:
    schema = getattr(definition, "_config_schema", None) or getattr(definition, "config_schema", None)
    return sorted(fields(schema.as_field())) if schema is not None else []


def snapshot(found: dg.Definitions) -> dict[str, Any]:
    repository = found.get_repository_def()
    definitions = {key: d for d in repository.assets_defs_by_key.values() for key in d.keys}
    specs = {key: d.get_asset_spec(key) for key, d in definitions.items()}
    checks = [(spec, check) for check in repository.asset_checks_defs_by_key.values() for spec in check.check_specs]
    jobs = [job for job in found.jobs or () if isinstance(job, dg.JobDefinition) or job.name]
    return {
        "assets": {key.to_user_string(): asset(spec, definitions[key]) for key, spec in sorted(specs.items())},
        "checks": {
            f"{spec.asset_key.to_user_string()}: {spec.name}": {
                "description": spec.description,
                "blocking": spec.blocking,
                "pool": check.op.pool,
                "resources": sorted(check.required_resource_keys),
            }
            for spec, check in checks
        },
        "jobs": {job.name: [str(getattr(job, "selection", "")), job.description] for job in jobs},
        "schedules": {
            schedule.name: [
                schedule.job_name,
                str(schedule.cron_schedule),
                schedule.execution_timezone,
                schedule.default_status.value,
            ]
            for schedule in repository.schedule_defs
        },
        "sensors": {
            sensor.name: [
                [target.job_name for target in sensor.targets],
                sensor.minimum_interval_seconds,
                sensor.default_status.value,
            ]
            for sensor in repository.sensor_defs
        },
        "resources": {
            name: resource(found_resource) for name, found_resource in sorted((found.resources or {}).items())
        },
    }


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("project", defs),
        (
            "component",
            CarbonTracking(
                after=["my_model"],
                daily_report=True,
                budgets=[Budget(asset="my_model", max_kg=1.0, period="day")],
                regressions=[Regression(asset="my_model", blocking=True, severity="ERROR")],
            ).build_defs(None),  # type: ignore[arg-type]
        ),
    ],
)
def test_nothing_that_dagster_loads_changes_unseen(name: str, found: dg.Definitions) -> None:
    path = FOLDER / f"{name}.json"
    text = json.dumps(snapshot(found), indent=1, sort_keys=True, ensure_ascii=False) + "\n"
    if os.environ.get("UPDATE_SNAPSHOTS"):
        FOLDER.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    assert path.read_text(encoding="utf-8") == text, "see the docstring of this file"
