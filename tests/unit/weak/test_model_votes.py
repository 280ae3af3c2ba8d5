"""A model is one annotator that abstains, in the same table and fused by the same engine as rules."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from labelloop.cli.app import app
from labelloop.errors import DataError, SettingsError
from labelloop.weak import ModelTable, votes_of_model
from labelloop.weak.model_votes import read_model

ITEMS = ["a", "b", "c", "d"]
TABLE = pd.DataFrame(
    {"ham": [0.9, 0.5, 0.79], "spam": [0.1, 0.5, 0.21]}, index=pd.Index(["b", "a", "d"], name="item")
)
RULES = """
from labelloop.weak import labeling_function

@labeling_function
def prize(row):
    return "spam" if "prize" in row["text"] else None
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    TABLE.to_csv(tmp_path / "bert.csv")
    np.save(
        tmp_path / "lstm.npy", np.array([[0.2, 0.8], [0.3, 0.7], [np.nan, np.nan], [1.0, 0.0]], dtype="f4")
    )
    pd.DataFrame({"item": ITEMS, "text": ["a prize", "no prize", "hello", "hi"]}).to_csv(
        tmp_path / "items.csv", index=False
    )
    (tmp_path / "rules.py").write_text(RULES)
    return tmp_path


def labeled(votes: pd.DataFrame) -> list[tuple[str, str]]:
    return list(zip(votes["item"], votes["label"], strict=True))


def test_it_votes_where_its_likeliest_class_is_likely_enough_and_no_other_is_as_likely(folder: Path) -> None:
    for least, expected in (
        (0.9, [("b", "ham")]),
        (0.79, [("b", "ham"), ("d", "ham")]),
        (0.1, [("b", "ham"), ("d", "ham")]),
        (0.91, []),
    ):
        model = read_model(folder / "bert.csv", ITEMS, abstain_below=least)
        votes = votes_of_model(model, ITEMS)
        assert labeled(votes) == expected and set(votes["annotator"]) <= {"model:bert"}


def test_all_formats_say_the_same(folder: Path) -> None:
    TABLE.add_prefix("probability.").reset_index().assign(note="x").to_parquet(folder / "bert.parquet")
    np.save(folder / "bert.npy", TABLE.reindex(ITEMS).to_numpy())
    asked = {"abstain_below": 0.7}
    votes = [
        votes_of_model(read_model(folder / name, ITEMS, classes=classes, **asked), ITEMS)
        for name, classes in (
            ("bert.csv", None), ("bert.csv", ["spam", "ham"]), ("bert.parquet", None),
            ("bert.npy", ["ham", "spam"]),
        )
    ]  # fmt: skip
    for one in votes:
        pd.testing.assert_frame_equal(one, votes[0])


def test_what_is_no_table_of_probabilities_is_refused(folder: Path) -> None:
    for change, error, says in (
        ({"abstain_below": 0.0}, SettingsError, "must be above 0 and at most 1"),
        ({"items": ["x", "y"]}, DataError, "is about none of the 2 items; these look like 'x'"),
        ({"classes": ["cat"]}, DataError, "no column of a class, such as 'probability.cat'"),
    ):
        with pytest.raises(error, match=says):
            read_model(folder / "bert.csv", **({"items": ITEMS} | change))  # type: ignore[arg-type]
    with pytest.raises(SettingsError, match="has no names of classes"):
        read_model(folder / "lstm.npy", ITEMS)
    with pytest.raises(DataError, match=r"has shape \(4, 2\).*\(4, 3\)"):
        read_model(folder / "lstm.npy", ITEMS, classes=["a", "b", "c"])
    (folder / "broken.npy").write_bytes(b"no array")
    with pytest.raises(DataError, match="cannot be read as an array"):
        read_model(folder / "broken.npy", ITEMS, classes=["a", "b"])
    np.save(folder / "lstm.npy", np.full((4, 2), 0.7))
    with pytest.raises(DataError, match=r"row 1: .* are no probabilities that sum to 1"):
        read_model(folder / "lstm.npy", ITEMS, classes=["a", "b"])


def run(*arguments: str | Path) -> str:
    result = CliRunner().invoke(app, [str(one) for one in arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


def test_rules_and_models_stand_in_one_table_and_are_fused_together(folder: Path) -> None:
    out = folder / "votes.csv"
    told = json.loads(
        run("weak", folder / "rules.py", folder / "items.csv", "--out", out, "--json", "--model",
            f"{folder / 'bert.csv'}=0.85", "--model", folder / "lstm.npy", "--classes", "ham,spam",
            "--abstain-below", "0.7")
    )  # fmt: skip
    rows = {row["annotator"]: row for row in [*told["functions"], *told["models"]]}
    assert list(rows) == ["function:prize", "model:bert", "model:lstm"]
    assert rows["model:bert"]["coverage"] == 0.25 and rows["model:lstm"]["coverage"] == 0.75
    # The rule says spam of a and b, bert ham of b, lstm spam of a and b and ham of d.
    assert rows["model:bert"]["conflict"] == 1.0 and rows["model:lstm"]["overlap"] == pytest.approx(2 / 3)
    assert told["voted"] == 3
    run("fuse", out, "--out", folder / "labels.csv", "--method", "majority")
    labels = pd.read_csv(folder / "labels.csv").set_index("item")
    assert labels["label"].to_dict() == {"a": "spam", "b": "spam", "d": "ham"}


def test_a_model_alone_needs_no_rules(folder: Path) -> None:
    out = folder / "votes.csv"
    text = run("weak", folder / "bert.csv", folder / "items.csv", "--out", out)
    assert "model:bert" in text and labeled(pd.read_csv(out)) == [("b", "ham")]


def test_two_models_of_one_name_are_refused(folder: Path) -> None:
    (folder / "other").mkdir()
    TABLE.to_csv(folder / "other" / "bert.csv")
    with pytest.raises(SettingsError, match="two models are called 'bert'"):
        run("weak", folder / "bert.csv", folder / "items.csv", "--out", folder / "v.csv", "--model",
            folder / "other" / "bert.csv")  # fmt: skip


def test_votes_need_no_file() -> None:
    model = ModelTable("m", ("x", "y"), np.array([[0.6, 0.4], [0.95, 0.05]]), abstain_below=0.9)
    assert votes_of_model(model, ["p", "q"]).to_numpy().tolist() == [["q", "model:m", "x"]]


def test_what_other_tools_call_the_item_is_understood(folder: Path) -> None:
    """In the table of items and in the model's, each by itself; an id is not taken for it, but named."""
    out = folder / "votes.csv"
    for items, model in (("task", "item"), ("item", "question"), ("task", "item_id")):
        pd.DataFrame({items: ITEMS}).to_csv(folder / "items.csv", index=False)
        TABLE.rename_axis(model).to_csv(folder / "bert.csv")
        run("weak", folder / "bert.csv", folder / "items.csv", "--out", out)
        assert labeled(pd.read_csv(out)) == [("b", "ham")]
    pd.DataFrame({"id": ITEMS}).to_csv(folder / "items.csv", index=False)
    with pytest.raises(DataError, match=r"no column 'item'.*did you mean 'id'. Say --item-column 'id'"):
        run("weak", folder / "bert.csv", folder / "items.csv", "--out", out)
    run("weak", folder / "bert.csv", folder / "items.csv", "--out", out, "--item-column", "id")


def test_a_header_without_items_is_told(folder: Path) -> None:
    (folder / "items.csv").write_text("item,text\n")
    with pytest.raises(DataError, match="a header but no items"):
        run("weak", folder / "bert.csv", folder / "items.csv", "--out", folder / "v.csv")
    with pytest.raises(DataError, match=r"no item that .*bert.csv could vote about"):
        read_model(folder / "bert.csv", [])


def test_a_model_s_name_loses_only_what_tells_the_format(folder: Path) -> None:
    for name in ("bert.v1.csv", "bert.v2.csv", "bert.v3.CSV.gz"):
        TABLE.to_csv(folder / name, compression="gzip" if name.endswith("gz") else None)
    names = [read_model(path, ITEMS).name for path in sorted(folder.glob("bert.v*"))]
    assert names == ["bert.v1", "bert.v2", "bert.v3"]
