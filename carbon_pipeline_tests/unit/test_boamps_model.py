"""The rules that a BoAmps report keeps, and what is said of one that does not."""

import copy
import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from carbon_pipeline.boamps.context import ContextError, read_context
from carbon_pipeline.boamps.flat import columns, flatten
from carbon_pipeline.boamps.plausibility import checked, examine, examine_file
from carbon_pipeline.boamps.report import file_name, id_in_name

ROOT = Path(__file__).parents[2]

REPORT: dict[str, Any] = {
    "header": {
        "reportId": "an-id",
        "reportDatetime": "2026-11-24 03:00:10",
        "publisher": {"confidentialityLevel": "public"},
    },
    "task": {
        "taskStage": "training",
        "taskFamily": "regression",
        "algorithms": [{"algorithmName": "linearRegression", "epochsNumber": 500}],
        "dataset": [{"dataUsage": "input", "dataType": "tabular", "dataFormat": "csv"}],
        "measuredAccuracy": 0.9,
    },
    "measures": [
        {
            "measurementMethod": "codecarbon",
            "powerConsumption": 3e-5,
            "measurementDuration": 10,
            "measurementDateTime": "2026-11-24 03:00:00",
            "averageUtilizationCpu": 0.5,
        }
    ],
    "infrastructure": {"infraType": "onPremise", "components": [{"componentType": "cpu", "nbComponent": 4}]},
    "environment": {"country": "France", "latitude": 48.8, "longitude": 2.3},
    "quality": "low",
}  # fmt: skip


def changed(path: str, value: Any) -> dict[str, Any]:
    report = copy.deepcopy(REPORT)
    *steps, last = [int(step) if step.isdigit() else step for step in path.split(".")]
    part: Any = report
    for step in steps:
        part = part[step]
    part[last] = value
    return report


def test_a_sound_report_has_no_violation() -> None:
    assert examine(REPORT) == []


@pytest.mark.parametrize(
    ("path", "value", "rule"),
    [
        ("measures.0.powerConsumption", -5, "greater than or equal to 0"),
        ("measures.0.powerConsumption", float("nan"), "finite"),
        ("measures.0.powerConsumption", float("inf"), "finite"),
        ("measures.0.powerConsumption", "0.1", "valid number"),
        ("measures.0.powerConsumption", True, "valid number"),
        ("measures.0.powerConsumption", 30.0, "is it in kWh"),
        ("measures.0.measurementDuration", 0, "cannot be 0 s"),
        ("measures.0.measurementDuration", 1e300, "year 9999"),
        ("measures.0.measurementDateTime", "2026-11-24 03:00:10", "is the start"),
        ("infrastructure.components.0.nbComponent", 2**40, "less than or equal to"),
        ("measures.0.measurementDateTime", "yesterday", "YYYY-MM-DD HH:MM:SS"),
        ("measures.0.averageUtilizationCpu", 50, "less than or equal to 1"),
        ("measures.0.measurmentMethod", "x", "spelling"),
        ("header.reportDatetime", "2026-13-01 00:00:00", "YYYY-MM-DD HH:MM:SS"),
        ("header.reportStatus", "done", "draft"),
        ("header.publisher.confidentialityLevel", "top secret", "public"),
        ("task.taskStage", "", "must not be blank"),
        ("task.taskStage", "  ", "must not be blank"),
        ("task.algorithms", [], "at least 1"),
        ("task.dataset.0.dataFormat", None, "omit the key"),
        ("task.dataset.0.dataType", "numbers", "tabular"),
        ("task.measuredAccuracy", 93, "less than or equal to 1"),
        ("infrastructure.components.0.nbComponent", -3, "greater than or equal to 0"),
        ("infrastructure.components.0.nbComponent", 2.5, "integer"),
        ("infrastructure.components", [], "at least 1"),
        ("environment.latitude", 999, "less than or equal to 90"),
        ("environment.longitude", -181, "greater than or equal to -180"),
        ("quality", "perfect", "high"),
        ("surprise", 1, "spelling"),
    ],
)
def test_a_violation_names_field_value_and_rule(path: str, value: Any, rule: str) -> None:
    (found,) = examine(changed(path, value))
    assert found.field == path
    assert rule in found.rule
    assert found.value == json.dumps(value)


@pytest.mark.parametrize("path", ["task", "measures", "infrastructure", "task.dataset", "environment.country"])
def test_what_is_required_is_asked_for(path: str) -> None:
    report = copy.deepcopy(REPORT)
    *steps, last = path.split(".")
    part = report
    for step in steps:
        part = part[step]
    del part[last]
    (found,) = examine(report)
    assert (found.field, found.is_missing) == (path, True)


def drawing(components: list[dict[str, Any]], power_w: dict[str, float]) -> dict[str, Any]:
    """A report of ten seconds with one measure for each method, and the power of each."""
    measures = [
        {**REPORT["measures"][0], "measurementMethod": method, "powerConsumption": watts * 10 / 3.6e6}
        for method, watts in power_w.items()
    ]
    return {**changed("infrastructure.components", components), "measures": measures}


def cpu(number: int, name: str | None = None) -> dict[str, Any]:
    return {"componentType": "cpu", "nbComponent": number} | ({"componentName": name} if name else {})


def gpu(number: int, name: str) -> dict[str, Any]:
    return {"componentType": "gpu", "nbComponent": number, "componentName": name}


def ram(size_gb: float) -> dict[str, Any]:
    return {"componentType": "ram", "nbComponent": 1, "memorySize": size_gb}


LAPTOP = [cpu(12, "12th Gen Intel(R) Core(TM) i7-1255U"), ram(17.2)]
DGX = [cpu(256, "AMD EPYC 7742 64-Core Processor"), gpu(8, "8 x NVIDIA A100-SXM4-80GB"), ram(2164)]
CPU, GPU, RAM = "codecarbon;cpu=rapl", "codecarbon;gpu=nvml_counter", "codecarbon;ram=estimated"
WHOLE = "codecarbon;cpu=unknown;gpu=unknown;ram=unknown"


@pytest.mark.parametrize(
    ("components", "power_w"),
    [
        (LAPTOP, {CPU: 55, RAM: 6}),
        ([cpu(8, "Apple M1 Pro"), ram(17.2)], {CPU: 30, RAM: 5}),
        ([cpu(32, "13th Gen Intel(R) Core(TM) i9-13900K"), gpu(1, "NVIDIA GeForce RTX 4090"), ram(68.7)],
         {CPU: 320, GPU: 500, RAM: 20}),
        (DGX, {CPU: 600, GPU: 3400, RAM: 800}),
        (DGX, {WHOLE: 6500}),
        ([cpu(768, "AMD EPYC 9965 192-Core Processor"), ram(3298)], {CPU: 1.56 * 1000, RAM: 1.56 * 1200}),
        # the meter reads or models two whole processors, of which the virtual machine or the batch job has two threads
        ([cpu(2, "AMD EPYC 7763 64-Core Processor"), ram(8.6)], {CPU: 1.56 * 560, RAM: 5}),
        ([cpu(2, "AMD EPYC"), ram(8.6)], {CPU: 1.56 * 560, RAM: 5}),
        # other tools count processors, and nodes of a cluster
        ([cpu(2, "AMD EPYC 9654 96-Core Processor")], {"wattmeter": 1400}),
        ([cpu(64)], {"wattmeter": 20_000}),
        ([{"componentType": "server", "nbComponent": 1}], {"wattmeter": 20_000}),
        # a machine of which only the memory is known
        ([ram(17.2)], {CPU: 300, GPU: 400, RAM: 6}),
        ([ram(17.2)], {WHOLE: 300}),
    ],
)  # fmt: skip
def test_no_machine_is_accused_of_what_it_can_draw(components: list[dict[str, Any]], power_w: dict[str, float]) -> None:
    assert examine(drawing(components, power_w)) == []


@pytest.mark.parametrize(
    ("components", "power_w"),
    [
        (LAPTOP, {CPU: 9_000, RAM: 6_000}),
        (LAPTOP, {"codecarbon": 15_000}),
        ([cpu(16, "AMD Ryzen 7 5800X 8-Core Processor"), ram(34.4)], {CPU: 25_000, RAM: 6_000}),
        ([cpu(2, "AMD EPYC"), ram(8.6)], {CPU: 8_000, RAM: 3_000}),
        (DGX, {CPU: 150_000, GPU: 400_000, RAM: 300_000}),
        ([cpu(768, "AMD EPYC 9965 192-Core Processor")], {CPU: 300_000}),
    ],
)
def test_energies_in_wh_are_recognised_in_every_measure(
    components: list[dict[str, Any]], power_w: dict[str, float]
) -> None:
    found = examine(drawing(components, power_w))
    assert [violation.field for violation in found] == [f"measures.{n}.powerConsumption" for n in range(len(power_w))]
    assert all("is it in kWh" in violation.rule for violation in found)


def test_the_end_of_the_calendar_is_no_accident() -> None:
    report = changed("header.reportDatetime", "9999-12-31 23:59:59")
    assert examine(report) == []
    report["measures"][0]["measurementDateTime"] = "9999-12-31 23:59:59"
    assert examine(report)[0].field == "measures.0.measurementDuration"


def test_a_report_with_several_faults_names_them_all() -> None:
    report = changed("quality", None)
    report["measures"][0]["powerConsumption"] = -1
    report["task"]["taskStage"] = ""
    assert {found.field for found in examine(report)} == {"quality", "measures.0.powerConsumption", "task.taskStage"}


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text() | st.integers(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(sorted(REPORT)) | st.text(), inner),
    max_leaves=12,
)


@given(JSON, st.sampled_from(["task", "measures", "header", "infrastructure.components.0.nbComponent", "quality"]))
def test_nothing_that_is_no_report_passes_and_nothing_makes_the_validator_fail(value: Any, path: str) -> None:
    report, _ = checked(changed(path, value))
    assert report is not None or examine(changed(path, value))
    assert examine(value)


@pytest.mark.parametrize(
    ("content", "rule"),
    [
        (b"{", "must be valid JSON"),
        (b"\xff\xfe{}", "UTF-8"),
        (b'{"quality": "low", "quality": "high"}', "duplicate key quality"),
        (b"[" * 100_000, "nested too deeply"),
        (b"[]", "valid dictionary"),
    ],
)
def test_a_file_that_is_no_report_is_named_as_such(tmp_path: Path, content: bytes, rule: str) -> None:
    path = tmp_path / "report.json"
    path.write_bytes(content)
    assert rule in examine_file(path)[0].rule


def test_the_table_has_the_columns_of_boamps_flattener_in_the_order_of_the_datamodel() -> None:
    report = changed("measures", [REPORT["measures"][0], {"measurementMethod": "wattmeter", "powerConsumption": 1}])
    names = columns(dict(flatten(report)))
    assert dict(names)["measures_1_powerConsumption"] == "DOUBLE"
    assert dict(names)["infrastructure_components_0_nbComponent"] == "BIGINT"
    in_order = [name for name, _ in names]
    assert in_order[0] == "header_reportId"
    assert in_order[-1] == "quality"
    assert in_order.index("measures_0_measurementDateTime") < in_order.index("measures_1_measurementMethod")


@given(st.text(), st.text())
def test_two_reports_never_share_a_file(one: str, other: str) -> None:
    assert (id_in_name(one) == id_in_name(other)) == (one == other)
    assert "_" not in id_in_name(one)
    assert "/" not in id_in_name(one)


def test_a_file_has_the_name_that_boamps_gives_it() -> None:
    report, _ = checked(changed("header.publisher.name", "Sopra / Steria_group"))
    assert report
    assert file_name(report) == "report_Sopra-Steria-group_training_regression_onPremise_an-id.json"


def context_file(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "report_context.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_the_task_of_a_run_overrides_its_project_and_a_project_the_defaults(tmp_path: Path) -> None:
    context = read_context(context_file(tmp_path, """
defaults:
  header: {licensing: CC0, publisher: {name: me, confidentialityLevel: internal, division: }}
  task: {taskStage: training, taskFamily: regression}
projects:
  houses:
    header: {publisher: {name: us}}
    task: {taskFamily: pricing}
"""))  # fmt: skip
    found = context.of("houses", {"taskStage": "inference"})
    assert found["task"] == {"taskStage": "inference", "taskFamily": "pricing"}
    assert found["header"]["publisher"]["name"] == "us"
    assert found["header"]["publisher"]["confidentialityLevel"] == "internal"
    assert context.of("other")["header"]["publisher"]["name"] == "me"


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("default: {}", "did you mean defaults"),
        ("defaults: {headr: {}}", "did you mean header"),
        ("defaults: {header: {publisher: {nam: x}}}", "defaults.header.publisher.nam: .*did you mean name"),
        ("defaults: {header: {publisher: {confidentialityLevel: x}}}", "confidentialityLevel = \"x\""),
        ("defaults: {environment: {country: France}}", "country: is measured"),
        ("defaults: {measures: []}", "measures: cannot be provided here"),
        ("projects: {p: {task: {dataset: [{dataType: text}]}}}", "projects.p.task.dataset.0.dataUsage: is required"),
        ("projects: {p: {task: {measuredAccuracy: 93}}}", "projects.p.task.measuredAccuracy = 93"),
        ("projects: [p]", "projects: must be a mapping"),
        ("defaults: {task: training}", "defaults.task: must be a mapping"),
        ("defaults: {task: {taskStage: a}, task: {taskStage: b}}", "duplicate key task"),
        ("- a", "must be a mapping"),
        ("a: [", "is not valid YAML"),
    ],
)  # fmt: skip
def test_a_mistake_in_the_context_is_named_with_its_place(tmp_path: Path, text: str, complaint: str) -> None:
    with pytest.raises(ContextError, match=rf"report_context\.yaml: .*{complaint}"):
        read_context(context_file(tmp_path, text))


def test_a_file_that_was_named_has_to_be_there(tmp_path: Path) -> None:
    with pytest.raises(ContextError, match="no such file"):
        read_context(tmp_path / "nowhere.yaml")
    assert read_context(tmp_path / "nowhere.yaml", is_required=False).defaults == {}


def test_the_file_that_comes_with_the_project_can_be_read_and_its_comments_too(tmp_path: Path) -> None:
    path = ROOT / "report_context.yaml"
    assert read_context(path).defaults["header"]["publisher"] == {"confidentialityLevel": "internal"}
    commented_out = r"(?m)^( *)# ( *(?:- )?(?:my project|[A-Za-z]+):(?: .*)?)$"
    filled = re.sub(commented_out, r"\1\2", path.read_text(encoding="utf-8"))
    context = read_context(context_file(tmp_path, filled))
    assert context.projects["my project"]["task"]["algorithms"][0]["parametersNumber"] == 8
    assert context.defaults["infrastructure"]["infraType"] == "privateCloud"
