from pathlib import Path

import pytest

from carbon_pipeline.settings import (
    LocationOptions,
    MeasuringOptions,
    SettingsError,
    TrackOptions,
    read_settings,
    read_settings_leniently,
)


def test_what_is_given_in_code_wins_over_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CARBON_PUE", "1.5")
    assert read_settings().pue == 1.5
    assert read_settings(pue=1.2).pue == 1.2
    assert read_settings(pue=None).pue == 1.5


def test_a_country_code_of_two_or_three_letters_in_any_case_is_accepted(monkeypatch: pytest.MonkeyPatch) -> None:
    for code in ("FR", "fra", " Fra "):
        monkeypatch.setenv("CARBON_COUNTRY_ISO_CODE", code)
        assert read_settings().country_iso_code == "FR"


def test_an_empty_variable_counts_as_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("CARBON_COUNTRY_ISO_CODE", "CARBON_PUE", "CLOUD_PROVIDER"):
        monkeypatch.setenv(variable, "")
    settings = read_settings()
    assert (settings.country, settings.pue, settings.cloud_provider) == (None, 1.0, None)


def test_the_cloud_is_never_the_word_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLOUD_PROVIDER", "None")
    monkeypatch.setenv("CLOUD_REGION", "eu-west-3")
    assert (read_settings().cloud_provider, read_settings().cloud_region) == (None, "eu-west-3")


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("CARBON_PUE", "0.5"),
        ("CARBON_PUE", "much"),
        ("CARBON_PUE", "inf"),
        ("CARBON_INTENSITY_G_PER_KWH", "-1"),
        ("CARBON_COUNTRY_ISO_CODE", "XX"),
        ("CARBON_HEARTBEAT_S", "0"),
        ("CARBON_GEOLOCATION", "perhaps"),
    ],
)
def test_a_wrong_variable_is_named_with_its_value(monkeypatch: pytest.MonkeyPatch, variable: str, value: str) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(SettingsError, match=f"{variable}='{value}'"):
        read_settings()


def test_a_wrong_variable_costs_the_tracked_work_only_that_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CARBON_PUE", "much")
    monkeypatch.setenv("CLOUD_PROVIDER", "ovh")
    settings, problems = read_settings_leniently(data_dir="elsewhere")
    assert (settings.pue, settings.cloud_provider, settings.data_dir) == (1.0, "ovh", Path("elsewhere"))
    assert len(problems) == 1
    assert "CARBON_PUE" in problems[0]


def test_track_takes_every_option_of_location_and_measuring() -> None:
    fields = {*LocationOptions.model_fields, *MeasuringOptions.model_fields, "data_dir", "landing_url"}
    assert set(TrackOptions.__annotations__) == fields


@pytest.mark.parametrize(
    ("given", "in_force"), [("mine", "mine"), ("", "carbon_pipeline"), (5, "5"), ("a\udcffb", "a\\udcffb")]
)
def test_any_project_name_is_taken_and_an_empty_one_is_none(given: object, in_force: str) -> None:
    settings, problems = read_settings_leniently(project_name=given)
    assert (settings.project_name, problems) == (in_force, [])
