"""Settings that contradict each other, and settings that change while a campaign runs."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import weather
import yaml

CONTRADICTIONS: dict[str, tuple[dict[str, dict[str, Any]], tuple[str, ...]]] = {
    "a kind without a path": ({"dataset": {"path": None}}, ("dataset", "'table' needs a path")),
    "digits with a path": ({"dataset": {"kind": "digits"}}, ("built in", "texts.csv")),
    "two test sets": (
        {"dataset": {"split_column": "split", "test_path": "t.csv"}},
        ("split_column", "test_path", "keep one"),
    ),
    "more votes than people": ({"annotation": {"overlap": 7}}, ("overlap is 7", "only 5 annotators")),
    "a quorum without a deadline": ({"annotation": {"quorum": 0.5}}, ("quorum is 0.5", "deadline")),
    "a first batch over the budget": (
        {"acquisition": {"first_batch_size": 9}, "budget": {"labels": 5}},
        ("first_batch_size 9", "budget.labels 5"),
    ),
    "a class twice": ({"labels": {"classes": ["sun", "sun"]}}, ("labels", "'sun'", "once")),
    "an unknown key": ({"acquisition": {"batchsize": 3}}, ("acquisition.batchsize", "'batch_size'")),
    "an unknown section": ({"aquisition": {"batch_size": 3}}, ("aquisition", "'acquisition'")),
    "a wrong type": ({"acquisition": {"batch_size": "many"}}, ("acquisition.batch_size", "'many'")),
    "an unknown strategy": ({"acquisition": {"strategy": "margins"}}, ("'margins'", "'margin'")),
    "an unknown cold start": ({"acquisition": {"cold_start": "kmeans"}}, ("'kmeans'", "'k_means'")),
    "an unknown learner": ({"model": {"name": "logistics"}}, ("model.name", "'logistics'", "'logistic'")),
    "a learner for other input": ({"model": {"name": "convnet"}}, ("model.name", "'convnet'", "text")),
    "an unknown learner's option": (
        {"model": {"options": {"cc": 1}}},
        ("model.options.cc", "no such option"),
    ),
    "an unknown fusion": ({"fusion": {"method": "majorty"}}, ("'majorty'", "majority")),
    "an unknown fusion's option": (
        {"fusion": {"options": {"smoothin": 1}}},
        ("smoothin",),
    ),
    "texts and numbers": ({"dataset": {"numeric_columns": ["id"]}}, ("text_columns", "numeric_columns")),
}  # fmt: skip


@pytest.mark.parametrize("name", CONTRADICTIONS)
def test_settings_that_contradict_are_named_before_anything_is_done(
    name: str, campaign: Path, labelloop: Callable[..., Any]
) -> None:
    """Exit code 2 and a message with the keys and values, while nobody has been asked anything."""
    changes, says = CONTRADICTIONS[name]
    weather.write_params(campaign, **changes)
    before = weather.digests(campaign)
    ended = labelloop("run", "--plain", campaign)
    assert ended.code == 2, ended.out
    assert ended.error.count("error: ") == 1
    assert [phrase for phrase in says if phrase not in ended.error] == [], ended.error
    assert weather.digests(campaign) == before


def test_a_simulated_campaign_that_nothing_ends_is_refused(
    campaign: Path, labelloop: Callable[..., Any]
) -> None:
    """With every limit switched off, made-up people would label the whole pool; the limits are named."""
    (campaign / "params.yaml").write_text("stopping: {max_rounds: null}\n")
    ended = labelloop("run", "--plain", campaign)
    assert ended.code == 2
    assert "nothing ever stops" in ended.error and "stopping.max_rounds" in ended.error


@pytest.mark.parametrize("text", ["dataset: [", "- a\n- b\n", "\xff\xfe"])
def test_a_file_that_is_no_settings_is_refused(
    text: str, campaign: Path, labelloop: Callable[..., Any]
) -> None:
    """Broken YAML, a list, and bytes that are no UTF-8 are refused by every command that reads them."""
    (campaign / "params.yaml").write_bytes(text.encode("latin-1"))
    for command in (("run", "--plain"), ("advance", "--plain"), ("status",)):
        ended = labelloop(*command, campaign)
        assert ended.code == 2
        assert "params.yaml" in ended.error


@pytest.fixture(scope="module")
def waiting(tmp_path_factory: pytest.TempPathFactory, labelloop: Callable[..., Any]) -> Path:
    """A campaign whose first round waits for people; to be copied."""
    folder = tmp_path_factory.mktemp("waiting") / "weather"
    folder.mkdir()
    weather.write_csv(folder / "texts.csv", weather.texts())
    weather.write_params(folder, annotation={"tool": "files"})
    assert labelloop("init", folder).code == 0
    assert labelloop("run", "--plain", folder).code == 0
    return folder


@pytest.fixture
def open_round(waiting: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(waiting, tmp_path / "weather"))


def test_params_changed_in_mid_round_apply_from_the_next(
    open_round: Path, labelloop: Callable[..., Any]
) -> None:
    """`advance` and `status` say which key changed, from what to what, and from which round it applies."""
    frozen = (open_round / "rounds" / "r000" / "settings.yaml").read_bytes()
    weather.write_params(
        open_round, annotation={"tool": "files", "overlap": 2}, acquisition={"batch_size": 9}
    )
    for command in (("advance", "--plain"), ("advance",), ("status",)):
        ended = labelloop(*command, open_round)
        assert ended.code == 0
        said = " ".join((ended.out + ended.error).split())
        assert "annotation.overlap changed from 1 to 2; applies from round r001" in said
        assert "acquisition.batch_size changed from 6 to 9; applies from round r001" in said
    assert (open_round / "rounds" / "r000" / "settings.yaml").read_bytes() == frozen


@pytest.mark.parametrize(
    ("section", "key", "value"),
    [
        ("campaign", "name", "climate"),
        ("campaign", "seed", 4),
        ("dataset", "duplicates", "keep"),
        ("labels", "classes", ["sun", "rain"]),
        ("evaluation", "test_size", 9),
    ],
)
def test_what_a_campaign_keeps_is_said_to_have_no_effect(
    section: str, key: str, value: object, open_round: Path, labelloop: Callable[..., Any]
) -> None:
    """Name, seed, pool, classes and test set stay; a change is told, and the next round ignores it."""
    path = open_round / "params.yaml"
    params = yaml.safe_load(path.read_text())
    params.setdefault(section, {})[key] = value
    path.write_text(yaml.safe_dump(params))
    said = labelloop("status", open_round).out
    line = next(line for line in said.splitlines() if f"{section}.{key} changed" in line)
    assert "no effect" in line and "labelloop init" in line
    weather.answer(open_round, "r000")
    assert labelloop("advance", "--plain", open_round).code == 0
    opened = yaml.safe_load((open_round / "rounds" / "r001" / "settings.yaml").read_text())
    assert opened.get(section, {}).get(key) != value


def test_params_broken_in_mid_round_lose_nothing(open_round: Path, labelloop: Callable[..., Any]) -> None:
    """A mistake made while people work is named; the round goes on where it was once it is put right."""
    good = (open_round / "params.yaml").read_text()
    weather.answer(open_round, "r000")
    (open_round / "params.yaml").write_text(good + "modle: {}\n")
    before = weather.digests(open_round)
    ended = labelloop("advance", "--plain", open_round)
    assert ended.code == 2
    assert "'model'" in ended.error
    assert weather.digests(open_round) == before
    (open_round / "params.yaml").write_text(good)
    assert "r001 waits for people" in labelloop("advance", "--plain", open_round).out
