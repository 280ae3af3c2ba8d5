"""The labeling configuration follows the schema, and never takes the meaning out of answers."""

from __future__ import annotations

import base64
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest

from labelloop.adapters.tools.base import Project
from labelloop.adapters.tools.label_studio_config import (
    KEY,
    fields_of,
    label_config,
    task_data,
    updated_config,
)
from labelloop.errors import ToolError

PROJECT = Project("farm", "choice", ("cat", "dog"), "Which animal?", "text", ("text",))


def classes_in(config: str) -> list[str | None]:
    return [choice.get("value") for choice in ElementTree.fromstring(config).iter("Choice")]


def test_hostile_classes_and_questions_stay_text() -> None:
    """Markup in a class or in the question is shown, not run."""
    names = ('<b>&"x"', "it's", "日本", "a=b")
    config = label_config(replace(PROJECT, classes=names, question='</View><Text name="$x"/>'))
    assert classes_in(config) == list(names)
    assert [e.tag for e in ElementTree.fromstring(config)] == ["Text", "Header", "Choices"]


@pytest.mark.parametrize(
    ("kind", "columns", "tags"),
    [
        ("text", (), ["Text"]),
        ("images", (), ["Image"]),
        ("features", (), ["Table"]),
        ("features", ("image",), ["Image"]),
        ("text", ("title", "body"), ["Text", "Text"]),
        ("images", ("taken at", "image"), ["Image", "Text"]),
        ("features", ("features", "image"), ["Image", "Table"]),
    ],
)
def test_every_column_is_shown_by_its_kind(kind: str, columns: tuple[str, ...], tags: list[str]) -> None:
    """Text, pictures and rows of numbers have a tag each."""
    config = label_config(replace(PROJECT, input_kind=kind, payload_columns=columns))
    shown = [e.tag for e in ElementTree.fromstring(config) if e.tag not in ("Header", "Choices")]
    assert shown == tags


def test_the_question_stands_above_a_picture() -> None:
    """Below it, annotators would have to scroll for every answer; a text's question comes after the text."""
    tags = [e.tag for e in ElementTree.fromstring(label_config(replace(PROJECT, input_kind="images",
                                                                       payload_columns=())))]  # fmt: skip
    assert tags == ["Header", "Choices", "Image"]
    assert [e.tag for e in ElementTree.fromstring(label_config(PROJECT))] == ["Text", "Header", "Choices"]


def test_a_class_that_is_a_key_has_that_key() -> None:
    """Else the key 1 would choose the digit 0."""
    config = label_config(replace(PROJECT, classes=("0", "1", "2")))
    choices = ElementTree.fromstring(config).iter("Choice")
    assert [(choice.get("value"), choice.get("hotkey")) for choice in choices] == [(n, n) for n in "012"]
    assert "hotkey" not in label_config(replace(PROJECT, classes=("0", "10")))


def test_rows_of_numbers_keep_their_order() -> None:
    """The page sorts them by name."""
    project = replace(PROJECT, input_kind="features", payload_columns=("features",))
    table = task_data(project, {"features": list(range(12))}, "k")["features"]
    assert isinstance(table, dict)
    assert [table[name] for name in sorted(table)] == list(range(12))


def test_fields_are_plain_and_distinct() -> None:
    """Columns of any name, the key's and the control's too, become fields that the configuration can name."""
    columns = ("a b", "a-b", "日本", KEY, "label", "Label")
    names = [name for name, _ in fields_of(replace(PROJECT, payload_columns=columns)).values()]
    assert len(set(names)) == len(columns)
    assert all(name.isascii() and name.isidentifier() for name in names)
    assert not {KEY, "label"} & set(names)


def test_our_own_configuration_follows_the_schema() -> None:
    """A further class and a new question are taken over."""
    written = label_config(PROJECT)
    later = replace(PROJECT, classes=("cow", "cat", "dog"), question="Who?")
    assert updated_config(written, later, written) == label_config(later)


def test_what_fits_is_left_alone() -> None:
    """Differences in layout are none, and a hint that somebody added stays."""
    config = label_config(PROJECT)
    assert updated_config(config.replace("><", ">\n  <"), PROJECT, None) is None
    hinted = config.replace("<Choices", '<Header value="Look twice" /><Choices')
    assert updated_config(hinted, PROJECT, config) is None


@pytest.mark.parametrize(
    ("edited", "said"),
    [
        (label_config(PROJECT).replace('<Choice value="dog" />', ""), "lacks the classes"),
        (label_config(PROJECT).replace('name="label"', 'name="other"'), "carries the answers"),
        (label_config(PROJECT).replace("$text", "$body"), "do not fit"),
        (label_config(PROJECT).replace('choice="single"', 'choice="multiple"'), "do not fit"),
        (label_config(replace(PROJECT, classes=("cat", "dog", "cow"))), "cow"),
        ("<View", "paste this"),
        ("", "paste this"),
    ],
)
def test_an_edit_that_breaks_answers_is_refused(edited: str, said: str) -> None:
    """The message names what is wrong and how to put it right."""
    with pytest.raises(ToolError, match=said):
        updated_config(edited, PROJECT, label_config(PROJECT))


def test_a_class_that_is_gone_is_refused_even_in_our_own() -> None:
    """Answers that were given keep their meaning."""
    written = label_config(PROJECT)
    with pytest.raises(ToolError, match="dog"):
        updated_config(written, replace(PROJECT, classes=("cat", "cow")), written)


def test_task_data_carries_the_key_and_what_is_shown() -> None:
    """And nothing else."""
    assert task_data(PROJECT, {"text": "a cat", "secret": 1}, "k") == {"text": "a cat", KEY: "k"}


def test_an_image_file_travels_by_its_content(tmp_path: Path) -> None:
    """An annotator's browser cannot open a path of this machine."""
    path = tmp_path / "a.png"
    path.write_bytes(b"\x89PNG")
    data = task_data(replace(PROJECT, input_kind="images", payload_columns=()), {"image": str(path)}, "k")
    assert data["image"] == "data:image/png;base64," + base64.b64encode(b"\x89PNG").decode()


@pytest.mark.parametrize("payload", [{}, {"image": "/nowhere/a.png"}])
def test_what_cannot_be_shown_is_refused(payload: dict[str, object]) -> None:
    """Better than a task that nobody can answer."""
    with pytest.raises(ToolError):
        task_data(replace(PROJECT, input_kind="images", payload_columns=()), payload, "k")
