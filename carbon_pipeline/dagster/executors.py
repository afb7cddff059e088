"""The executor whose steps need not import everything again.

https://docs.dagster.io/guides/operate/run-executors
"""

import multiprocessing

import dagster as dg

PRELOAD = "carbon_pipeline.dagster.preload"


def forking_executor(*modules: str) -> dg.ExecutorDefinition:
    """Make an executor that starts each step as a copy of a process in which all is imported, where that is possible.

    Args:
        modules: what your own steps import, such as the module of your definitions.

    Returns:
        Dagster's multiprocess executor; on Windows, which copies no processes, in its default form.
    """
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return dg.multiprocess_executor
    start = {"forkserver": {"preload_modules": [PRELOAD, *modules]}}
    return dg.multiprocess_executor.configured({"start_method": start})
