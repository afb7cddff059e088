"""Dagster resources: configuration and lifecycle. They hand out plain objects of the domain and hold no logic."""
