import importlib.util
import re
from pathlib import Path

import pytest

from carbon_pipeline.model.samples import Phase
from carbon_pipeline.tracking.landing import land
from carbon_pipeline.warehouse.warehouse import Warehouse
from carbon_pipeline_tests.fakes import make_record

ROOT = Path(__file__).parents[2]

spec = importlib.util.spec_from_file_location("generate", ROOT / "docs" / "generate.py")
assert spec
assert spec.loader
generate = importlib.util.module_from_spec(spec)
spec.loader.exec_module(generate)


@pytest.mark.parametrize("page", generate.PAGES)
def test_the_tables_of_the_documentation_are_those_of_the_code(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    assert generate.with_tables(text) == text, "run `make docs`"


def test_the_documented_defaults_of_the_settings_are_right() -> None:
    table = (ROOT / "docs" / "operating.md").read_text(encoding="utf-8")
    assert "| `CARBON_PUE` | 1.0 |" in table
    assert "| `CARBON_GEOLOCATION` | on |" in table
    assert "| `CARBON_COUNTRY_ISO_CODE` |  |" in table


def test_the_queries_of_the_documentation_run(data_dir: Path) -> None:
    warehouse = Warehouse(data_dir)
    epochs = [Phase(name="epoch", started_s=0, duration_s=5, cpu_energy_kwh=1e-5)]
    land(make_record(phases=epochs, metrics={"accuracy": 0.9}), data_dir)
    land(make_record(cpu_model="Another CPU"), data_dir)
    land(make_record(status="failed"), data_dir)
    warehouse.import_csv([ROOT / "data" / "samples" / "emissions.csv"])
    warehouse.load()
    blocks = re.findall(r"```sql\n(.*?)```", (ROOT / "docs" / "warehouse.md").read_text(encoding="utf-8"), re.DOTALL)
    queries = [query for block in blocks for query in block.split(";") if query.strip()]
    assert len(queries) >= 10
    for query in queries:
        assert warehouse.rows(query), query


def test_every_link_and_picture_of_the_documentation_exists() -> None:
    for page in (*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), ROOT / "data" / "README.md"):
        text = re.sub(r"`[^`]*`", "", page.read_text(encoding="utf-8"))
        for target in re.findall(r"\]\(([^)#:]+)\)", text):
            assert (page.parent / target).exists(), f"{page.name}: {target}"


def test_the_readme_can_be_read_in_a_few_minutes() -> None:
    text = re.sub(r"```.*?```", "", (ROOT / "README.md").read_text(encoding="utf-8"), flags=re.DOTALL)
    assert len(text.split()) <= 1300


def test_the_constraints_are_plain_pins() -> None:
    for line in (ROOT / "constraints.txt").read_text().splitlines():
        assert line.startswith("#") or re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.]+", line), line
