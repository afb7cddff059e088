"""The budgets that checks hold assets to, kept in the data folder, so that the page can draw their lines."""

import hashlib
import json
from contextlib import suppress
from pathlib import Path

from carbon_pipeline.common.files import write_text
from carbon_pipeline.model.budget import At, Budget, Period

FOLDER = Path("cache") / "budgets"


def keep_budget(data_dir: Path, asset_key: str, budget: Budget) -> None:
    """Keep a budget that was just judged; a folder that cannot be written changes nothing for the check."""
    text = json.dumps({
        "asset_key": asset_key, "max_kg": budget.max_kg, "max_kwh": budget.max_kwh, "period": budget.period,
        "at": budget.at,
    })  # fmt: skip
    # A new limit takes the place of the old one.
    name = hashlib.sha256(json.dumps([asset_key, budget.period, budget.at]).encode()).hexdigest()[:16]
    with suppress(OSError):
        write_text(data_dir / FOLDER / f"{name}.json", text)


def kept_budgets(data_dir: Path) -> list[tuple[str, Budget]]:
    """List the budgets that were judged so far, each with the key of its asset, in the order of the keys."""
    found = []
    for path in sorted((data_dir / FOLDER).glob("*.json")):
        with suppress(OSError, ValueError, KeyError, TypeError):  # one that somebody has changed
            kept = json.loads(path.read_text(encoding="utf-8"))
            budget = Budget(kept["max_kg"], kept["max_kwh"], Period(kept["period"]), At(kept["at"]))
            found.append((str(kept["asset_key"]), budget))
    return sorted(found, key=lambda each: (each[0], each[1].period, each[1].at))
