"""params.yaml: what is refused, and how it is said."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from labelloop import campaign, scaffold
from labelloop.errors import SettingsError


def test_an_unknown_key_is_refused_with_the_nearest_real_one() -> None:
    """A typing mistake names the key, where it is, and what was meant; in nested lists too."""
    with pytest.raises(SettingsError, match=r"acquisition\.stratgy: unknown key; did you mean 'strategy'"):
        campaign.parse_settings({"acquisition": {"stratgy": "margin"}})
    people = {"annotation": {"simulation": {"annotators": [{"name": "a", "acuracy": 0.9}]}}}
    with pytest.raises(SettingsError, match="did you mean 'accuracy'"):
        campaign.parse_settings(people)
    with pytest.raises(SettingsError, match="did you mean 'budget'"):
        campaign.parse_settings({"budgets": {}})


def test_every_mistake_is_told_at_once() -> None:
    """Two mistakes give two lines."""
    with pytest.raises(SettingsError) as caught:
        campaign.parse_settings({"acquisition": {"batch_size": 0}, "evaluation": {"test_size": 1}})
    assert "2 mistake(s)" in str(caught.value)
    assert "acquisition.batch_size" in str(caught.value) and "evaluation.test_size" in str(caught.value)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({"dataset": {"kind": "table"}}, "needs a path"),
        ({"dataset": {"path": "x.csv"}}, "'digits' is built in"),
        ({"labels": {"classes": ["a", "a"]}}, r"repeats \['a'\]"),
        ({"labels": {"classes": ["a"]}}, "at least two"),
        ({"annotation": {"overlap": 9}}, "overlap is 9, but there are only 5 annotators"),
        ({"annotation": {"quorum": 0.5}}, "without deadline_hours"),
        ({"stopping": {"max_rounds": None}}, "nothing ever stops"),
        ({"budget": {"labels": 5}, "acquisition": {"first_batch_size": 6}}, "more than budget.labels 5"),
        (
            {"dataset": {"kind": "table", "path": "a", "split_column": "s", "test_path": "b"}},
            "both say where the test set is",
        ),
    ],
)
def test_settings_that_contradict_each_other_are_refused(content: dict, said: str) -> None:
    """Each contradiction is told with its values."""
    with pytest.raises(SettingsError, match=said):
        campaign.parse_settings(content)


def test_every_setting_has_a_description_and_a_default() -> None:
    """What the configuration reference and the Prefect form show is there for every field."""
    for name, field in campaign.CampaignSettings.model_fields.items():
        for key, inner in field.annotation.model_fields.items():
            assert inner.description, f"{name}.{key}"
            assert not inner.is_required(), f"{name}.{key}"


def test_without_a_file_the_way_out_is_said(tmp_path: Path) -> None:
    """A folder that is no campaign says how to make one."""
    with pytest.raises(SettingsError, match="labelloop init"):
        campaign.load_settings(tmp_path / "params.yaml")


def test_yaml_that_is_broken_is_told(tmp_path: Path) -> None:
    """Broken YAML, and YAML that is no mapping, are settings errors and not tracebacks."""
    path = tmp_path / "params.yaml"
    for text in ("a: [1", "- 1\n- 2", "just text"):
        path.write_text(text)
        with pytest.raises(SettingsError):
            campaign.load_settings(path)


def test_settings_survive_a_round_trip_through_yaml() -> None:
    """What a round freezes is read back as the same settings."""
    settings = campaign.CampaignSettings()
    again = campaign.parse_settings(yaml.safe_load(yaml.safe_dump(settings.model_dump(mode="json"))))
    assert again == settings


@pytest.mark.parametrize("name", scaffold.examples())
def test_every_example_is_valid_and_says_what_it_is(name: str) -> None:
    """Examples pass the check, and begin with a line that the command line shows."""
    text = scaffold.examples()[name]
    campaign.parse_settings(yaml.safe_load(text))
    assert text.startswith("# ")
