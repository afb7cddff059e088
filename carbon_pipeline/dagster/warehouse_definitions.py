"""The warehouse in a Dagster project: its assets, checks, jobs, schedules and sensor, wired together."""

import warnings
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import dagster as dg

from carbon_pipeline.dagster.assets.archive import landing_archive_asset
from carbon_pipeline.dagster.assets.boamps import boamps_reports_asset
from carbon_pipeline.dagster.assets.daily import daily_report_asset
from carbon_pipeline.dagster.assets.page import report_page_asset
from carbon_pipeline.dagster.assets.reports import reports_asset
from carbon_pipeline.dagster.assets.runs import runs_asset
from carbon_pipeline.dagster.automation import (
    archive_job,
    daily_archive,
    daily_report_job,
    daily_report_schedule,
    landed_records,
    load_job,
)
from carbon_pipeline.dagster.checks import boamps_check, runs_checks
from carbon_pipeline.dagster.names import Key, Names, asset_key


def with_code_references(assets: Sequence[dg.AssetsDefinition]) -> list[Any]:
    """Have the page of each asset link to its code."""
    with warnings.catch_warnings():  # Dagster's own: they may still change
        warnings.simplefilter("ignore", dg.BetaWarning)
        return list(dg.with_source_code_references(assets))


def warehouse_definitions(
    names: Names | None = None,
    after: Iterable[Key] = (),
    *,
    daily_report: bool = True,
    automation: bool = True,
    required: Mapping[str, Iterable[Key]] | None = None,
) -> dg.Definitions:
    """Make the definitions; the resources of `carbon_resources` are required.

    Args:
        names: what they are called; default without prefixes.
        after: assets upstream of `runs`.
        daily_report: whether to make the asset `daily_report`, which has a partition for each day.
        automation: whether to make the schedules, and the sensor that loads what has landed.
        required: assets that have to be in the project, by what names them, such as `budgets`; those of `after` are.
    """
    names = names or Names()
    after = list(after)
    keys = {where: [asset_key(key) for key in keys] for where, keys in {"after": after, **(required or {})}.items()}
    load, archive, days = load_job(names, keys), archive_job(names), daily_report_job(names)
    assets = [
        runs_asset(names, after),
        reports_asset(names),
        boamps_reports_asset(names),
        report_page_asset(names),
        landing_archive_asset(names),
        *([daily_report_asset(names)] if daily_report else []),
    ]
    return dg.Definitions(
        assets=with_code_references(assets),
        asset_checks=[runs_checks(names), boamps_check(names)],
        jobs=[load, archive, *([days] if daily_report else [])],
        schedules=[
            *([daily_archive(names, archive)] if automation else []),
            *([daily_report_schedule(names, days)] if automation and daily_report else []),
        ],
        sensors=[landed_records(names, load)] if automation else [],
    )
