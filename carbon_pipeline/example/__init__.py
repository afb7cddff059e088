"""The example: a regression that is trained under tracking, and the whole pipeline around it.

It uses the library and the Dagster wing as any other project would; nothing outside this folder, except
`carbon_pipeline.definitions`, imports it.
"""
