"""Where Dagster looks for the project (workspace.yaml, `tool.dg` in pyproject.toml). It only wires."""

from carbon_pipeline.example.project import build_defs

defs = build_defs()
