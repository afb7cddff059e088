"""Dagster resources: configuration and lifecycle. They hand out plain objects of the library and hold no logic.

https://docs.dagster.io/guides/build/external-resources
"""
