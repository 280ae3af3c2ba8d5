"""Whatever people hand in: it is read, or refused with file, row and reason, and never raises."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from labelloop.adapters.tools.answer_files import MOST_REFUSALS, AnswerFile, read_answer_file
from labelloop.adapters.tools.base import Project, Task
from labelloop.adapters.tools.files import FilesTool

ITEMS = {
    "a": "a",
    "b": "b",
    "00123": "00123",
    "-5": "-5",
    " blank ": " blank ",
    "k/r000/a/0": "a",
    "k/r000/00123/0": "00123",
}


def read(folder: Path, content: str | bytes, name: str = "answers-ada.csv") -> AnswerFile:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return read_answer_file(path, ITEMS, f"labeling/{name}", skippable=True)


def said(file: AnswerFile) -> list[tuple[str, str, object]]:
    return [(row.item, row.annotator, row.value) for row in file.rows]


@pytest.mark.parametrize(
    "content",
    [
        "item,label\na,cat\n",
        "item;label\na;cat\n",
        "item\tlabel\na\tcat\n",
        "\ufeffitem;label\r\na;cat\r\n",
        "sep=;\nitem;label\na;cat\n",
        '"ITEM"," Label "\n"a"," cat "\n',
        "key,label\nk/r000/a/0,cat\n",
        "label,note,item,key\ncat,hm,a,\n",
        "item,label\n\n,,\na,cat\nb,\n",
        "item,label\na,cat",
        "item,label\ra,cat\r",
        "item,label\na,cat,more,cells\n",
        'item,text,label\na,"two\nlines",cat\n',
    ],
)
def test_spreadsheets_of_every_provenance_are_read(tmp_path: Path, content: str) -> None:
    file = read(tmp_path, content)
    assert said(file) == [("a", "ada", "cat")]
    assert file.refusals == []


def test_utf_16_is_read(tmp_path: Path) -> None:
    assert said(read(tmp_path, "item\tlabel\na\tcät\n".encode("utf-16"))) == [("a", "ada", "cät")]


def test_a_key_wins_over_an_id_that_a_spreadsheet_mangled(tmp_path: Path) -> None:
    file = read(tmp_path, "key,item,label\nk/r000/00123/0,123,cat\n")
    assert said(file) == [("00123", "ada", "cat")]


@pytest.mark.parametrize(
    ("name", "annotator"),
    [
        ("answers-ada.csv", "ada"),
        ("Answers_ada.CSV", "ada"),
        ("answers-ada (2).csv", "ada"),
        ("answers ada lovelace.csv", "ada lovelace"),
        ("answers-jürgen.csv", "jürgen"),
    ],
)
def test_the_name_of_the_file_names_the_person(tmp_path: Path, name: str, annotator: str) -> None:
    assert said(read(tmp_path, "item,label\na,cat\n", name)) == [("a", annotator, "cat")]


def test_the_column_wins_over_the_name_of_the_file(tmp_path: Path) -> None:
    file = read(tmp_path, "item,label,annotator\na,cat,ben\nb,dog,\n")
    assert said(file) == [("a", "ben", "cat"), ("b", "ada", "dog")]


def test_json_lines_may_hold_any_value(tmp_path: Path) -> None:
    lines = [{"item": "a", "label": {"box": [1, 2]}}, {"key": "k/r000/a/0", "label": 3}, {"item": "b"}]
    file = read(tmp_path, "".join(json.dumps(line) + "\n" for line in lines), "answers-ada.jsonl")
    assert said(file) == [("a", "ada", {"box": [1, 2]}), ("a", "ada", 3)]


def test_an_id_with_blanks_around_it_is_found(tmp_path: Path) -> None:
    assert said(read(tmp_path, "item,label\n blank ,cat\n")) == [(" blank ", "ada", "cat")]


def test_a_value_that_is_no_class_is_passed_on(tmp_path: Path) -> None:
    assert said(read(tmp_path, "item,label\na,horse\n")) == [("a", "ada", "horse")]


def test_skip_is_a_skip_unless_it_is_a_class(tmp_path: Path) -> None:
    assert said(read(tmp_path, "item,label\na,Skip\n")) == [("a", "ada", None)]
    path = tmp_path / "answers-ada.csv"
    file = read_answer_file(path, ITEMS, "answers", skippable=False)
    assert said(file) == [("a", "ada", "Skip")]


def test_an_apostrophe_before_a_formula_is_not_part_of_the_value(tmp_path: Path) -> None:
    file = read(tmp_path, "item,label\n'-5,'+1\n-5,'s\n")
    assert said(file) == [("-5", "ada", "+1"), ("-5", "ada", "'s")]


@pytest.mark.parametrize(
    ("content", "name", "where", "reason"),
    [
        ("item,label\nzebra,cat\n", "answers-ada.csv", "row 2", "'zebra' was not asked"),
        ("key,label\nk/r001/a/0,cat\n", "answers-ada.csv", "row 2", "'k/r001/a/0' was not asked"),
        ("item,label\na,cat\n", "answers.csv", "row 2", "who answered"),
        ("item,label\n,cat\n", "answers-ada.csv", "row 2", "no item"),
        ("item,answer\na,cat\n", "answers-ada.csv", "", "a column 'label'"),
        (b"item,label\na,c\xe4t\n", "answers-ada.csv", "", "not UTF-8"),
        ('item,label\na,"' + "x" * 200_000, "answers-ada.csv", "", "field larger"),
        ("item,label,annotator\na,cat,\x07bell\n", "answers-ada.csv", "row 2", "plain text"),
        ("{broken\n", "answers-ada.jsonl", "row 1", "not a JSON object"),
        ("[1, 2]\n", "answers-ada.jsonl", "row 1", "not a JSON object"),
        ('{"item": ["a"], "label": "cat"}\n', "answers-ada.jsonl", "row 1", "item must be text"),
        ('{"item": "a", "label": "\\ud800"}\n', "answers-ada.jsonl", "row 1", "broken characters"),
        ('{"item": "a", "label": NaN}\n', "answers-ada.jsonl", "row 1", "broken characters"),
        ("[" * 100_000 + "\n", "answers-ada.jsonl", "row 1", "not a JSON object"),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_place_and_reason(
    tmp_path: Path, content: str | bytes, name: str, where: str, reason: str
) -> None:
    file = read(tmp_path, content, name)
    assert file.rows == []
    (refusal,) = file.refusals
    assert refusal.where == ", ".join(part for part in (f"labeling/{name}", where) if part)
    assert reason in refusal.reason


def test_bad_rows_do_not_spoil_good_ones(tmp_path: Path) -> None:
    file = read(tmp_path, "item,label\nzebra,cat\na,cat\nyak,dog\nb,dog\n")
    assert said(file) == [("a", "ada", "cat"), ("b", "ada", "dog")]
    assert len(file.refusals) == 2


def test_a_wholly_wrong_file_is_refused_in_few_words(tmp_path: Path) -> None:
    file = read(tmp_path, "item,label\n" + "zebra,cat\n" * 1000)
    assert len(file.refusals) == MOST_REFUSALS + 1
    assert str(1000 - MOST_REFUSALS) in file.refusals[-1].reason


def test_a_folder_or_a_pipe_instead_of_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "answers-a.csv").mkdir()
    os.mkfifo(tmp_path / "answers-b.csv")
    (tmp_path / "answers-c.csv").symlink_to(tmp_path / "nowhere")
    for path in sorted(tmp_path.iterdir()):
        file = read_answer_file(path, ITEMS, path.name, skippable=True)
        assert [refusal.reason for refusal in file.refusals] == ["it is not a plain file"]


@pytest.fixture(scope="module")
def campaign() -> Path:
    root = Path(tempfile.mkdtemp())
    tool = FilesTool(root, root / "notes", "k")
    tool.create(Project("k", "choice", ("cat", "dog"), "?", "text", ()))
    tool.push([Task("k/r000/a/0", "a", 0, {}), Task("k/r000/b/0", "b", 0, {})])
    return root


def hand_in_and_poll(root: Path, name: str, content: bytes) -> None:
    """Poll with one answer file there; what comes back must be usable and survive a second poll."""
    (root / "labeling/r000" / name).write_bytes(content)
    tool = FilesTool(root, root / "notes", "k")
    poll = tool.poll(None)
    for answer in poll.answers:
        assert answer.key in ("k/r000/a/0", "k/r000/b/0")
        assert answer.annotator
        assert answer.answered_at <= poll.now
        json.dumps(answer.value, ensure_ascii=False).encode()
    for refusal in poll.refusals:
        assert refusal.reason
        json.dumps([refusal.where, refusal.reason, refusal.content], ensure_ascii=False).encode()
    assert tool.poll(poll.now).answers == []
    (root / "notes/r000.jsonl").unlink(missing_ok=True)


@settings(max_examples=150, deadline=None)
@given(
    content=st.binary(max_size=300), name=st.sampled_from(["answers-x.csv", "answers-x.jsonl", "tasks.csv"])
)
@example(content=b"\xff\xfe\x00", name="answers-x.csv")
@example(content=b'item,label\n"a', name="tasks.csv")
def test_random_bytes_never_raise(campaign: Path, content: bytes, name: str) -> None:
    hand_in_and_poll(campaign, name, content)


CELLS = st.one_of(
    st.sampled_from(
        ["a", "b", "k/r000/a/0", "cat", "", "'=a", "2026-01-01", "0001-01-01T00:00+14:00", "skip"]
    ),
    st.text(max_size=6),
)


@settings(max_examples=150, deadline=None)
@given(
    header=st.lists(
        st.sampled_from(["item", "key", "label", "annotator", "answered_at", "x", ""]), max_size=6
    ),
    rows=st.lists(st.lists(CELLS, max_size=6), max_size=6),
    separator=st.sampled_from([",", ";", "\t", "|"]),
)
def test_random_tables_never_raise(
    campaign: Path, header: list[str], rows: list[list[str]], separator: str
) -> None:
    text = "\n".join(separator.join(row) for row in [header, *rows])
    hand_in_and_poll(campaign, "answers-x.csv", text.encode(errors="replace"))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.fixed_dictionaries(
            {"label": JSON},
            optional={
                "item": st.sampled_from(["a", "b"]) | JSON,
                "key": st.just("k/r000/a/0") | JSON,
                "annotator": JSON,
                "answered_at": JSON,
            },
        ),
        max_size=5,
    )
)
def test_random_json_lines_never_raise(campaign: Path, lines: list[dict[str, object]]) -> None:
    content = "".join(json.dumps(line) + "\n" for line in lines)
    hand_in_and_poll(campaign, "answers-x.jsonl", content.encode())
