"""The reusable assets: idle baseline, warehouse, reports, archive. They call the library and return metadata.

https://docs.dagster.io/guides/build/assets
"""
