"""The example: a regression that is trained under tracking, and the whole pipeline around it.

It uses the library and the Dagster integration as any other project would. Only `carbon_pipeline.definitions` imports
it.
"""
