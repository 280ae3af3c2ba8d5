"""Every example of params.yaml, as it is shipped, on data of the shape that it names."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import example_data
import pytest
import yaml

from labelloop import scaffold
from labelloop.campaign import CampaignSettings, load_settings, parse_settings
from labelloop.stages.twin import random_twin

SIMULATED = ("arrays", "digits", "images", "table", "text")


def begin(folder: Path, example: str, labelloop: Callable[..., Any], **changes: dict[str, Any]) -> Path:
    """A campaign of an example, with its data; sections of params.yaml changed as given."""
    settings = yaml.safe_load(scaffold.examples()[example])
    for section, values in changes.items():
        settings[section] = settings.get(section, {}) | values
    folder.mkdir()
    params = folder.parent / f"{folder.name}.yaml"
    params.write_text(yaml.safe_dump(settings))
    getattr(example_data, example)(folder)
    assert labelloop("init", folder, "--own-git", "--params", params).code == 0
    return folder


def curve(folder: Path) -> list[dict[str, str]]:
    with (folder / "reports" / "learning_curve.csv").open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def test_every_example_is_tried_here() -> None:
    """A new example comes with data to run it on."""
    assert sorted(scaffold.examples()) == sorted([*SIMULATED, "by_hand", "label_studio"])


@pytest.mark.parametrize("example", scaffold.examples())
def test_an_example_says_what_it_is_for_and_nothing_twice(example: str) -> None:
    """The first line is what `labelloop init --examples` shows; every key is a real one."""
    text = scaffold.examples()[example]
    assert text.startswith("# ") and len(text.splitlines()[0]) > 20
    parse_settings(yaml.safe_load(text), example)
    assert max(len(line) for line in text.splitlines()) <= 110


@pytest.mark.parametrize("example", scaffold.examples())
def test_the_hints_of_an_example_are_real_settings(example: str) -> None:
    """A commented-out key may be used by taking its mark away."""
    lines = scaffold.examples()[example].splitlines()
    section = ""
    for line in lines:
        if line[:1].isalpha():
            section = line.partition(":")[0]
        hint = line.strip().removeprefix("# ")
        if line.startswith("  # ") and hint.partition(":")[0].isidentifier():
            fields = CampaignSettings.model_fields[section].annotation.model_fields  # type: ignore[union-attr]
            assert hint.partition(":")[0] in fields, line


def test_init_lists_the_examples(labelloop: Callable[..., Any]) -> None:
    """One line each: name and what it is for."""
    lines = labelloop("init", "--examples").out.splitlines()
    assert [line.split()[0] for line in lines] == sorted(scaffold.examples())
    assert all(len(line.split()) > 4 for line in lines)


@pytest.mark.parametrize("example", [name for name in scaffold.examples() if name != "digits"])
def test_an_example_without_its_data_names_the_file_that_is_missing(
    example: str, tmp_path: Path, labelloop: Callable[..., Any]
) -> None:
    """What a newcomer meets first: they made a campaign and have not yet said where the data is."""
    assert labelloop("init", tmp_path / "mine", "--own-git", "--params", example).code == 0
    path = load_settings(tmp_path / "mine" / "params.yaml").dataset.path
    ended = labelloop("run", "--plain", tmp_path / "mine")
    assert ended.code == 2
    assert f"dataset.path: '{path}' is not there" in ended.error


OFF: dict[str, dict[str, Any]] = {"tracking": {"enabled": False}, "versioning": {"enabled": False}}


@pytest.mark.parametrize("example", SIMULATED)
def test_an_example_runs_to_its_end(
    example: str, tmp_path: Path, labelloop: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two rounds of it, tracking and versioning off: labels grow, the model learns, it says why it ended."""
    # Five twins of a convolutional network would take most of this test's time.
    monkeypatch.setattr(random_twin, "__defaults__", (1,))
    folder = begin(tmp_path / example, example, labelloop, stopping={"max_rounds": 2}, **OFF)
    ended = labelloop("run", "--plain", folder)
    assert ended.code == 0, ended.error
    settings = load_settings(folder / "params.yaml")
    rows = curve(folder)
    assert len(rows) == 2 and "stopped (max_rounds)" in ended.out
    first = settings.acquisition.first_batch_size or settings.acquisition.batch_size
    assert [int(row["labels"]) for row in rows] == [first, first + settings.acquisition.batch_size]
    assert float(rows[-1]["accuracy"]) > 0.6
    pool = "none" if example in ("text", "images") else "graph"
    assert f"`model.pool: auto` is {pool} here" in (folder / "rounds/r001/report.md").read_text()
    assert (folder / "reports" / "learning_curve.png").stat().st_size > 1000


def test_an_example_runs_with_everything_switched_on(tmp_path: Path, labelloop: Callable[..., Any]) -> None:
    """As shipped but for its length: the rounds are in MLflow, in DVC and in git."""
    folder = begin(tmp_path / "table", "table", labelloop, stopping={"max_rounds": 2})
    ended = labelloop("run", "--plain", folder)
    assert ended.code == 0, ended.error
    assert (folder / "mlflow.db").stat().st_size > 0
    assert "evaluate@r001" in (folder / "dvc.lock").read_text()
    tags = folder / ".git" / "refs" / "tags" / "labels" / "rows"
    assert sorted(path.name for path in tags.iterdir()) == ["r000", "r001"]


def test_the_hand_labeled_example_runs_to_its_end(tmp_path: Path, labelloop: Callable[..., Any]) -> None:
    """One person fills in each round's tasks.csv and runs the same command again until the target is held."""
    folder = begin(tmp_path / "mine", "by_hand", labelloop, **OFF)
    for number in range(10):
        ended = labelloop("run", "--plain", folder)
        assert ended.code == 0, ended.error
        if "stopped" in ended.out:
            break
        said = " ".join(ended.out.split())
        assert f"r{number:03d} waits for people" in said and f"{folder}/labeling/r{number:03d}" in said
        assert f"{folder}/labeling/r{number:03d}" in labelloop("status", folder).out
        fill_in(folder / "labeling" / f"r{number:03d}" / "tasks.csv", "me")
    assert "stopped (target_accuracy)" in ended.out
    rows = curve(folder)
    assert len(rows) >= 2
    assert int(rows[0]["labels"]) == 30 and float(rows[0]["cost"]) == pytest.approx(9.0)
    assert float(rows[-1]["accuracy"]) >= 0.9


def test_the_label_studio_example_asks_for_the_server_before_anything_is_asked(
    tmp_path: Path, labelloop: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With its data there, what is missing is the address and the token; the check says where they go."""
    for name in ("LABEL_STUDIO_URL", "LABEL_STUDIO_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    folder = begin(tmp_path / "mine", "label_studio", labelloop, **OFF)
    ended = labelloop("run", "--plain", folder)
    assert ended.code == 2 and "LABEL_STUDIO_URL" in ended.error and ".env" in ended.error
    assert not list((folder / "rounds").glob("*/pushed.jsonl"))
    assert labelloop("tool", "check", folder).code == 1


def fill_in(sheet: Path, person: str) -> None:
    """Answer every row of a spreadsheet as the text it shows deserves."""
    with sheet.open(encoding="utf-8-sig", newline="") as stream:
        rows = list(csv.DictReader(stream))
    for row in rows:
        row["label"], row["annotator"] = example_data.truth(row["text"]), person
    example_data.write_table(sheet, [dict(row) for row in rows])
