"""What importing the definitions costs beside Dagster itself: every step process pays it.

Run with `make bench`. New processes, one after the other in turns, best of `ROUNDS`; the aim is at most 1.3.
"""

import subprocess
import sys
import time

ROUNDS = 9


def seconds(module: str) -> float:
    """Wall time of a new interpreter that imports one module."""
    started = time.perf_counter()
    subprocess.run([sys.executable, "-c", f"import {module}"], check=True)
    return time.perf_counter() - started


def main() -> None:
    """Prints both times and their ratio."""
    times: dict[str, list[float]] = {"dagster": [], "carbon_pipeline.definitions": []}
    for _ in range(ROUNDS):
        for module, taken in times.items():
            taken.append(seconds(module))
    dagster, ours = (min(taken) for taken in times.values())
    print(f"import dagster                      {dagster:.3f} s")
    print(f"import carbon_pipeline.definitions  {ours:.3f} s   {ours / dagster:.2f} times dagster (aim: at most 1.3)")


if __name__ == "__main__":
    main()
