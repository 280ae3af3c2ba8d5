"""The form of a run in the Prefect UI is made from params.yaml's own models."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import flow_campaigns
import pytest
import yaml
from prefect.utilities.callables import parameter_schema

from flows.active_learning import active_learning, set_up
from labelloop.campaign import CampaignSettings, load_settings
from labelloop.errors import CampaignBusyError
from labelloop.workspace import Workspace


@pytest.fixture(scope="module")
def form() -> dict[str, Any]:
    """The schema that a deployment of active-learning is registered with."""
    return parameter_schema(active_learning).model_dump()


def test_the_form_has_a_field_a_setting_with_what_it_means(form: dict[str, Any]) -> None:
    """Every section, every field, every description and every default."""
    sections = form["definitions"]["CampaignSettings"]["properties"]
    assert list(sections) == list(CampaignSettings.model_fields)
    for name, section in CampaignSettings.model_fields.items():
        model: Any = section.annotation
        fields = form["definitions"][model.__name__]["properties"]
        assert list(fields) == list(model.model_fields), name
        assert all(field.get("description") and "default" in field for field in fields.values()), name
    assert form["definitions"]["Dataset"]["properties"]["kind"]["enum"] == [
        "digits", "table", "images", "arrays",
    ]  # fmt: skip


def test_parameters_explain_themselves(form: dict[str, Any]) -> None:
    """What the docstring says stands beside the field; the folder has a default that works in a clone."""
    assert all(parameter["description"] for parameter in form["properties"].values())
    assert form["properties"]["directory"]["default"] == "demo"


def test_no_secret_is_a_parameter(form: dict[str, Any]) -> None:
    """Parameters are stored in clear: addresses, tokens and passwords come from the environment."""
    names = {name for model in form["definitions"].values() for name in model.get("properties", {})}
    names |= set(form["properties"])
    assert not {name for name in names for word in ("token", "secret", "password", "uri", "url", "api_key")
                if word in name}  # fmt: skip


def test_settings_of_the_form_become_params_yaml(tmp_path: Path) -> None:
    """For a new campaign, which gets a git repository of its own even inside the worker's clone."""
    settings = CampaignSettings.model_validate(flow_campaigns.SETTINGS | {"versioning": {}})
    set_up(Workspace.at(tmp_path / "new"), settings)
    assert load_settings(tmp_path / "new" / "params.yaml") == settings
    assert (tmp_path / "new" / ".git").is_dir()


def test_settings_that_change_nothing_leave_the_file_alone(tmp_path: Path) -> None:
    """With the comments that the user wrote in it."""
    campaign = flow_campaigns.make(tmp_path / "campaign")
    text = "# mine\n" + yaml.safe_dump(flow_campaigns.SETTINGS)
    (campaign / "params.yaml").write_text(text)
    set_up(Workspace.at(campaign), CampaignSettings.model_validate(flow_campaigns.SETTINGS))
    assert (campaign / "params.yaml").read_text() == text


@pytest.mark.prefect
def test_a_held_campaign_keeps_its_params(server: str, tmp_path: Path) -> None:
    """Settings are written by who holds the campaign, never under the feet of a run that goes on."""
    campaign = flow_campaigns.make(tmp_path / "held")
    before = (campaign / "params.yaml").read_text()
    with Workspace.at(campaign).hold("the test"), pytest.raises(CampaignBusyError):
        active_learning(str(campaign), settings=CampaignSettings())
    assert (campaign / "params.yaml").read_text() == before
