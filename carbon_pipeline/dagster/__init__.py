"""The Dagster wing: tracking of assets, resources, assets, checks, automation and the component.

Modules follow Dagster's concepts, one each. They translate between Dagster and the library and decide nothing that
could be decided, or tested, without Dagster.
"""
