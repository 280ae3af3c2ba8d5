"""A model's probabilities beside a file of votes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from judged_models import CLASSES, able, crowd, echo, names
from vote_files import CSV, written

from labelloop.errors import DataError, SettingsError
from labelloop.fusion.base import Votes
from labelloop.fusion.probabilities_file import read_probabilities
from labelloop.fusion.votes_file import fuse_file


def test_a_models_probabilities_are_heard_where_they_help(tmp_path: Path) -> None:
    """With a good model the labels are better; a model that knows nothing is not heard, and that is told."""
    rng = np.random.default_rng(1)
    truth = rng.integers(0, 3, 400)
    rows = [f"i{item:03},w{who},{truth[item] if rng.random() < 0.6 else rng.integers(0, 3)}"
            for item in range(400) for who in rng.choice(12, 2, replace=False)]  # fmt: skip
    votes = written(tmp_path, "\n".join(["item,annotator,label", *rows]) + "\n")
    guess = np.where(rng.random(400) < 0.85, truth, rng.integers(0, 3, 400))
    right = {}
    for name, said in (("good", guess), ("blind", rng.integers(0, 3, 400))):
        shown = np.full((400, 3), 0.1)
        shown[np.arange(400), said] = 0.8
        table = pd.DataFrame(shown, columns=[f"probability.{code}" for code in range(3)])
        table["item"] = [f"i{item:03}" for item in range(400)]
        table.to_csv(tmp_path / f"{name}.csv", index=False)
        told = fuse_file(votes, tmp_path / "labels.csv", probabilities_path=tmp_path / f"{name}.csv")
        labels = pd.read_csv(tmp_path / "labels.csv")
        right[name] = (labels["label"].to_numpy() == truth).mean()
        assert ("the model is heard" in told["model"]) == (name == "good")
        assert ("prior.0" in labels.columns) == (name == "good")
    assert right["good"] > right["blind"] + 0.1


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("item,1\ni1,0.5\n", "row 1: .* no probabilities"),
        ("item,1,2\ni1,x,0.5\n", "no probabilities"),
        ("item,probability.3\ni1,1\n", "of none of the 2 classes"),
        ("item,score\ni1,1\n", "no column of a class"),
        ("id,1,2\ni1,1,0\n", "no column 'item'.*did you mean 'id'. Rename it 'item'"),
        ("item,1,2\ni1,1,0\ni1,1,0\n", "row 2: item 'i1' comes a second time"),
    ],
)
def test_probabilities_that_are_none_are_refused(tmp_path: Path, content: str, says: str) -> None:
    shown = written(tmp_path, content, "shown.csv")
    with pytest.raises(DataError, match=says):
        fuse_file(written(tmp_path, CSV), tmp_path / "labels.csv", probabilities_path=shown)
    assert not (tmp_path / "labels.csv").exists()


def test_probabilities_for_a_method_that_cannot_hear_them_are_refused(tmp_path: Path) -> None:
    """Before a file is read: it may be large, and the model worthless, so that nothing would ever be said."""
    with pytest.raises(SettingsError, match="--probabilities does not go with --method majority"):
        fuse_file("no.csv", tmp_path / "labels.csv", method="majority", probabilities_path="no.csv")


def test_a_model_may_know_a_class_that_only_gold_has(tmp_path: Path) -> None:
    votes, gold, said = (tmp_path / name for name in ("votes.csv", "gold.csv", "said.csv"))
    votes.write_text("item,annotator,label\n" + "".join(
        f"i{n},a{who},{'cat' if n % 2 else 'dog'}\n" for n in range(60) for who in range(3)
    ))  # fmt: skip
    gold.write_text("item,label\ni0,bird\n")
    said.write_text("item,probability.cat,probability.dog,probability.bird\n" + "".join(
        f"i{n},{0.8 if n % 2 else 0.1},{0.1 if n % 2 else 0.8},0.1\n" for n in range(60)
    ))  # fmt: skip
    fuse_file(votes, tmp_path / "labels.csv", gold_path=gold, probabilities_path=said)
    labels = pd.read_csv(tmp_path / "labels.csv").set_index("item")["label"]
    assert labels["i0"] == "bird" and labels["i1"] == "cat" and labels["i2"] == "dog"


def judged_files(folder: Path, predicted: np.ndarray, votes: Votes, gold: dict[str, str]) -> list[Path]:
    """Votes, gold and a model's probabilities, as files."""
    pd.DataFrame({
        "item": votes.items[votes.item], "annotator": votes.annotators[votes.annotator],
        "label": np.array(CLASSES)[votes.label],
    }).to_csv(folder / "votes.csv", index=False)  # fmt: skip
    pd.Series(gold, name="label").rename_axis("item").to_csv(folder / "gold.csv")
    pd.DataFrame(predicted, columns=list(CLASSES)).assign(item=votes.items).to_csv(
        folder / "model.csv", index=False
    )
    return [folder / "votes.csv", folder / "gold.csv", folder / "model.csv"]


def test_the_accuracy_told_is_of_labels_with_the_model_where_it_is_heard_and_without_where_it_is_not(
    tmp_path: Path,
) -> None:
    """Gold unmasks a model that repeats the votes; it must not be heard where the labels are judged."""
    coded, truth = crowd(0)
    gold = names(coded, truth, slice(0, 100))
    votes, known, model = judged_files(tmp_path, echo(coded, truth, 0), coded, gold)
    out = tmp_path / "labels.csv"
    assert "is heard" in fuse_file(votes, out, probabilities_path=model)["model"], "or nothing is tested"
    told = fuse_file(votes, out, gold_path=known, probabilities_path=model)
    alone = fuse_file(votes, out, gold_path=known)
    assert "not heard" in told["model"]
    assert told["gold"] == alone["gold"]
    votes, known, model = judged_files(tmp_path, able(coded, truth, 0), coded, gold)
    told = fuse_file(votes, out, gold_path=known, probabilities_path=model)
    assert "is heard" in told["model"]
    assert told["gold"]["correct"] > alone["gold"]["correct"]


@pytest.mark.parametrize("name", ["item", "task", "item_id"])
def test_probabilities_may_call_the_item_as_other_tools_do(tmp_path: Path, name: str) -> None:
    said = written(tmp_path, f"{name},1,2\ni2,0.25,0.75\n", "said.csv")
    told = read_probabilities(said, np.array(["i1", "i2"], dtype=object), ["1", "2"], "task")
    np.testing.assert_array_equal(told, [[np.nan, np.nan], [0.25, 0.75]])
