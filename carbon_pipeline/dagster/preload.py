"""Imports what tracked steps import, and builds what they build first: a fork server loads it once (`executors.py`)."""

import codecarbon.core.emissions  # noqa: TID253 - importing is what this is for
import codecarbon.emissions_tracker  # noqa: TID253
import dagster._core.storage.event_log.sqlite.sqlite_event_log
import duckdb  # noqa: TID253
import pandas  # noqa: TID253
import requests  # noqa: TID253

import carbon_pipeline.boamps.export
import carbon_pipeline.dagster.resources.resolve
from carbon_pipeline.model.record import RunRecord
from carbon_pipeline.settings import read_settings_leniently

__all__ = ["carbon_pipeline", "codecarbon", "dagster", "duckdb", "pandas", "requests"]

RunRecord.model_rebuild()
read_settings_leniently()
