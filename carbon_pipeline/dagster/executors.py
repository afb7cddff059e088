"""The executor whose steps need not import everything again.

https://docs.dagster.io/guides/operate/run-executors
"""

import multiprocessing
from importlib.util import find_spec

import dagster as dg

PRELOAD = "carbon_pipeline.dagster.preload"


def forking_executor(*modules: str) -> dg.ExecutorDefinition:
    """Make an executor that starts each step as a copy of a process in which all is imported, where that is possible.

    Args:
        modules: what your own steps import, such as the module of your definitions.

    Returns:
        Dagster's multiprocess executor; on Windows, which copies no processes, in its default form.

    Raises:
        ValueError: there is no such module.
    """
    for module in modules:
        if find_spec(module.split(".")[0]) is None:  # to look further would import it
            raise ValueError(f"{module}: there is no such module to be imported before the steps")
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return dg.multiprocess_executor
    start = {"forkserver": {"preload_modules": [PRELOAD, *modules]}}
    return dg.multiprocess_executor.configured({"start_method": start})
