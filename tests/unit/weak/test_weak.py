"""Rules vote or abstain; what they are worth is counted right; failures name the rule and the item."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from labelloop.errors import DataError, SettingsError
from labelloop.weak import LabelingFunction, labeling_function
from labelloop.weak.applying import PREFIX, votes_of, worth
from labelloop.weak.functions import functions_of

FILE = """
from labelloop.weak import labeling_function

@labeling_function
def prize(row):
    return "spam" if "prize" in row["text"] else None

@labeling_function(name="polite")
def thanks(row):
    return "ham" if "thank" in row["text"] else None
"""

ITEMS = pd.DataFrame({"item": ["a", "b", "c", "d"],
                      "text": ["a prize", "thank you", "thank you for the prize", "hello"]})  # fmt: skip


def written(folder: Path, content: str) -> Path:
    (folder / "rules.py").write_text(content)
    return folder / "rules.py"


def test_rules_vote_and_abstain(tmp_path: Path) -> None:
    rules = functions_of(written(tmp_path, FILE))
    votes = votes_of(rules, ITEMS)
    assert votes.to_numpy().tolist() == [
        ["a", "function:prize", "spam"], ["c", "function:prize", "spam"],
        ["b", "function:polite", "ham"], ["c", "function:polite", "ham"],
    ]  # fmt: skip


def test_worth_is_what_counting_by_hand_gives() -> None:
    rng = np.random.default_rng(0)
    names = [PREFIX + name for name in "xyz"]
    rows = [(i, name, str(rng.integers(0, 2))) for i in range(50) for name in names if rng.random() < 0.5]
    votes = pd.DataFrame(rows, columns=["item", "annotator", "label"])
    gold = pd.DataFrame({"item": range(0, 50, 2), "label": [str(n % 2) for n in range(25)]})
    for row in worth(votes, names, 50, gold):
        own = [(i, label) for i, name, label in rows if name == row["annotator"]]
        met = [[label for j, other, label in rows if j == i and other != row["annotator"]] for i, _ in own]
        assert row["votes"] == len(own) and row["coverage"] == len(own) / 50
        assert row["overlap"] == pytest.approx(np.mean([bool(labels) for labels in met]))
        contradicted = [any(x != label for x in m) for (_, label), m in zip(own, met, strict=True)]
        assert row["conflict"] == pytest.approx(np.mean(contradicted))
        known = [(label, str((i // 2) % 2)) for i, label in own if i % 2 == 0]
        assert row["known"] == len(known)
        assert row["accuracy"] == pytest.approx(np.mean([a == b for a, b in known]))


def test_a_rule_that_never_votes_has_a_row() -> None:
    silent = LabelingFunction("silent", lambda row: None)
    votes = votes_of([silent], ITEMS)
    (row,) = worth(votes, ["function:silent"], 4, ITEMS.assign(label="x"))
    assert row["votes"] == 0 and row["coverage"] == 0 and row["accuracy"] is None


def test_a_rule_cannot_change_the_row_for_the_next() -> None:
    def spoil(row):  # type: ignore[no-untyped-def]
        row["text"] = "prize"

    spam = labeling_function(lambda row: "spam" if "prize" in row["text"] else None, name="prize")
    assert isinstance(spam, LabelingFunction)
    assert votes_of([LabelingFunction("spoil", spoil), spam], ITEMS)["item"].tolist() == ["a", "c"]


def test_failures_name_rule_and_item(tmp_path: Path) -> None:
    broken = LabelingFunction("broken", lambda row: row["missing"])
    with pytest.raises(DataError, match="'broken' failed on item 'a': KeyError"):
        votes_of([broken], ITEMS)
    with pytest.raises(DataError, match=r"item 'a': labeling function 'one' gave 1"):
        votes_of([LabelingFunction("one", lambda row: 1)], ITEMS)  # type: ignore[arg-type, return-value]
    with pytest.raises(SettingsError, match=r"rules.py cannot be run: NameError"):
        functions_of(written(tmp_path, "nonsense"))
    with pytest.raises(SettingsError, match="has no labeling function"):
        functions_of(written(tmp_path, "x = 1"))
    with pytest.raises(SettingsError, match="two labeling functions named 'prize'"):
        functions_of(written(tmp_path, FILE.replace('"polite"', '"prize"')))
    with pytest.raises(DataError, match="item 'a' has more than one row"):
        votes_of([broken], pd.concat([ITEMS, ITEMS]))
