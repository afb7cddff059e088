"""The files of deploy/, which nobody runs here: what they name is there, and nothing in them is root's or writable."""

import re
import shlex
import tomllib
from importlib.metadata import entry_points
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
COMPOSE: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OWN = [name for name, service in SERVICES.items() if service["image"] == "carbon-pipeline"]
OF_EXTRAS = {"ray": "ray"}
"""Commands of extras that need not be installed here."""


@pytest.mark.parametrize("name", SERVICES)
def test_no_service_is_root_or_writes_to_its_image(name: str) -> None:
    service = SERVICES[name]
    assert service["user"].split(":")[0] not in ("0", "root")
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]


@pytest.mark.parametrize("name", SERVICES)
def test_each_image_has_a_version(name: str) -> None:
    service = SERVICES[name]
    assert "build" in service or re.search(r":[\w.-]*\d[\w.-]*$", service["image"])


@pytest.mark.parametrize("name", OWN)
def test_the_commands_are_those_of_the_project_and_its_extras(name: str) -> None:
    scripts = {script.name for script in entry_points(group="console_scripts")} | OF_EXTRAS.keys()
    command = SERVICES[name]["command"]
    words = [word for part in command for word in (shlex.split(part) if " " in part else [part])]
    known = [word for word in words if word in scripts]
    assert known, command
    if "carbon-pipeline" in known:
        assert re.search(r"carbon-pipeline load --wait \d+", " ".join(words))
    for module in (words[at + 1] for at, word in enumerate(words) if word == "--module-name"):
        assert find_spec(module)


def test_each_volume_and_each_service_that_another_one_needs_exists() -> None:
    named = {volume.split(":")[0] for service in SERVICES.values() for volume in service.get("volumes", [])}
    assert named == set(COMPOSE["volumes"])
    for service in SERVICES.values():
        assert set(service.get("depends_on", [])) <= set(SERVICES)


def test_the_addresses_are_those_of_services_with_their_ports() -> None:
    environment = SERVICES["webserver"]["environment"]
    assert environment["DAGSTER_PG_HOST"] in SERVICES
    host, port = re.fullmatch(r"http://([\w-]+):(\d+)", environment["RAY_API_SERVER_ADDRESS"]).groups()  # type: ignore[union-attr]
    assert f"--dashboard-port={port}" in SERVICES[host]["command"]
    assert f"--address={host}:6379" in SERVICES["ray-worker"]["command"]
    assert "--port=6379" in SERVICES[host]["command"]
    store = re.fullmatch(r"http://([\w-]+):9000", environment["AWS_ENDPOINT_URL"])
    assert store
    assert store[1] in SERVICES
    bucket = environment["CARBON_LANDING_URL"].split("/")[2]
    assert SERVICES["bucket"]["entrypoint"][-1] == f"store/{bucket}"
    assert all(port.startswith("127.0.0.1:") for service in SERVICES.values() for port in service.get("ports", []))


def test_every_variable_that_must_be_set_is_in_the_example_and_has_no_default() -> None:
    text = (DEPLOY / "compose.yaml").read_text()
    needed = set(re.findall(r"\$\{(\w+):\?", text))
    assert needed == set(re.findall(r"^(\w+)=$", (DEPLOY / "example.env").read_text(), re.MULTILINE))
    assert set(re.findall(r"\$\{(\w+)", text)) == needed


def test_the_image_installs_extras_that_exist_and_runs_as_the_user_of_the_services() -> None:
    text = (DEPLOY / "Dockerfile").read_text()
    extras = re.search(r"'\.\[([\w,]+)\]'", text)
    assert extras
    known = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    assert set(extras[1].split(",")) <= set(known)
    for source in re.findall(r"^COPY (.+) \S+$", text, re.MULTILINE):
        for name in source.split():
            assert (ROOT / name).exists(), name
    user = re.search(r"--uid (\d+) (\w+)", text)
    assert user
    assert f"USER {user[2]}" in text
    assert {SERVICES[name]["user"].split(":")[0] for name in OWN} == {user[1]}


def test_the_storage_of_dagster_takes_its_variables_from_the_services() -> None:
    database = yaml.safe_load((DEPLOY / "dagster.yaml").read_text())["storage"]["postgres"]["postgres_db"]
    variables = {value["env"] for value in database.values() if isinstance(value, dict)}
    assert variables <= SERVICES["daemon"]["environment"].keys()
    assert SERVICES["postgres"]["environment"]["POSTGRES_DB"] == SERVICES["daemon"]["environment"]["DAGSTER_PG_DB"]
