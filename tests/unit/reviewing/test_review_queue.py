"""The queue names each doubtful label once, with the reason, and draws the random ones from all."""

from __future__ import annotations

import csv
import io
from typing import Any

import numpy as np
import pandas as pd

from labelloop.annotators.confident import contradicted
from labelloop.reviewing.queue import Entry, as_csv, mixed, queue_of
from labelloop.spreadsheet import plain, unplain

CLASSES = ("cat", "dog")


def labels(n: int, confidence: float = 0.99) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "item": [f"i{number:03d}" for number in range(n)],
            "label": [CLASSES[number % 2] for number in range(n)],
            "confidence": confidence,
            "votes": 3,
            "tie": False,
            "status": "fused",
            "split": "train",
            "gold": False,
        }
    )


def queue(table: pd.DataFrame, **other: Any) -> list[Entry]:
    arguments: dict[str, Any] = {
        "given_up": [], "classes": CLASSES, "unsure_below": 0.7, "at_random": 0, "seed": 0,
        "probabilities": None, "done": {}, "worth_it": [],
    }  # fmt: skip
    given_up = other.pop("given_up", [])
    return queue_of(table, given_up, **{name: other.get(name, value) for name, value in arguments.items()
                                        if name != "given_up"})  # fmt: skip


def test_every_reason_is_found_and_an_item_stands_once() -> None:
    table = labels(40)
    table.loc[3, "confidence"] = 0.55
    table.loc[7, "tie"] = True
    said = np.where(table["label"].to_numpy()[:, None] == np.array(CLASSES), 0.9, 0.1)
    said[[3, 11]] = said[[3, 11]][:, ::-1]
    entries = queue(table, given_up=["i003", "z"], probabilities=said)
    assert [(entry.item, entry.reason) for entry in entries] == [
        ("i003", "given up"), ("z", "given up"), ("i007", "unsure"), ("i011", "model disagrees"),
    ]  # fmt: skip
    assert entries[-1].model_says == "cat"
    assert len({entry.item for entry in entries}) == len(entries)


def test_an_item_that_was_skipped_but_is_sure_needs_nobody() -> None:
    assert queue(labels(4), given_up=["i001"]) == []


def test_what_was_reviewed_does_not_come_back() -> None:
    table = labels(10, confidence=0.5)
    assert {entry.item for entry in queue(table, done={"i004": 1, "i005": 1})} == set(table["item"]) - {
        "i004",
        "i005",
    }


def test_random_ones_are_a_fair_draw() -> None:
    """Unsure labels are as likely to be drawn as sure ones, or the wrong share would be flattered."""
    table = labels(100)
    table.loc[:19, "confidence"] = 0.5
    drawn = [
        {entry.item for entry in queue(table, at_random=25, seed=seed) if entry.reason == "random"}
        for seed in range(200)
    ]
    assert all(len(items) == 25 for items in drawn)
    unsure = sum(len(items & set(table["item"][:20])) for items in drawn)
    assert abs(unsure / (200 * 25) - 0.2) < 0.03


def test_gold_is_never_on_the_queue_nor_drawn() -> None:
    """Its label is the truth, so what is drawn would look better than labels by votes are."""
    table = labels(40, confidence=0.5)
    table.loc[:9, ["gold", "confidence"]] = [True, 1.0]
    table.loc[10:19, ["split", "status"]] = ["gold", "given"]
    table.loc[20:21, "split"] = "gold"
    said = np.where(table["label"].to_numpy()[:, None] == np.array(CLASSES), 0.1, 0.9)
    entries = queue(table, given_up=["i000", "i010", "i020"], at_random=40, probabilities=said,
                    worth_it=["i001"])  # fmt: skip
    assert {entry.item for entry in entries} == set(table["item"][22:])
    drawn = queue(table.assign(confidence=1.0), at_random=40)
    assert {entry.item for entry in drawn} == set(table["item"][22:])


def test_contradiction_needs_the_class_s_own_level() -> None:
    """A class that models give at most .4 is found at .4; one that they always give .9 is not at .8."""
    codes = np.array([0] * 10 + [1] * 10)
    said = np.zeros((20, 2))
    said[:10] = [0.9, 0.1]
    said[10:] = [0.6, 0.4]
    said[0] = [0.55, 0.45]
    expected = np.full(20, -1)
    expected[0] = 1
    np.testing.assert_array_equal(contradicted(codes, said), expected)
    said[0] = np.nan
    assert (contradicted(codes, said) == -1).all()


ENTRIES = [Entry("a", "unsure", "cat", 0.5, 4, ""), Entry("b", "model disagrees", "cat", 0.9, 3, "dog"),
           Entry("d", "random", "dog", 0.9, 3), Entry("c", "random", "cat", 0.5, 4)]  # fmt: skip


def rows_of(entries: list[Entry], blind: bool, **texts: str) -> list[dict[str, str]]:
    text = as_csv(entries, texts, name="q-1", blind=blind)
    return list(csv.DictReader(io.StringIO(text)))


def test_a_blind_queue_shows_the_item_alone() -> None:
    """Nothing in a row tells its label, why it is there, or whether it was drawn at random."""
    rows = rows_of(ENTRIES, True, a="one", b="two", c="three", d="four")
    assert [row.pop("item") for row in rows] == ["a", "b", "d", "c"]
    assert [row.pop("text") for row in rows] == ["one", "two", "four", "three"]
    assert rows == [{"answer": "", "note": "", "queue": "q-1"}] * 4


def test_an_open_queue_shows_what_is_known_but_of_those_that_are_drawn_at_random() -> None:
    rows = rows_of(ENTRIES, False)
    assert (rows[0]["label"], rows[0]["votes"], rows[1]["model_says"]) == ("cat", "4", "dog")
    for row in rows[2:]:
        told = {name for name, cell in row.items() if cell}
        assert told == {"item", "reason", "queue"}


def test_the_mixed_order_keeps_both_orders_and_tells_nothing_else() -> None:
    """A part of it is the beginning of the slice and of the doubtful; the drawn ones are all over it."""
    doubtful = [Entry(f"x{number:02d}", "unsure") for number in range(60)]
    drawn = [Entry(f"y{number:02d}", "random") for number in reversed(range(30))]
    places = []
    for seed in range(50):
        order = mixed([*doubtful, *drawn], seed)
        assert [entry for entry in order if entry.reason == "unsure"] == doubtful
        assert [entry for entry in order if entry.reason == "random"] == drawn
        places += [number for number, entry in enumerate(order) if entry.reason == "random"]
    shares = np.histogram(places, bins=3, range=(0, 90))[0] / len(places)
    assert (abs(shares - 1 / 3) < 0.05).all()
    assert mixed([*doubtful, *drawn], 0) != mixed([*doubtful, *drawn], 1)


def test_no_cell_is_a_formula_and_what_is_read_back_is_what_was_written() -> None:
    entries = [Entry("=cmd()", "unsure", "-1", 0.5, 3, ""), Entry("a\rb", "unsure", "x\ny", 0.5, 3, "")]
    text = as_csv(entries, {"=cmd()": "+1, two\nlines"}, name="q-1", blind=False)
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    assert not any(value.startswith(("=", "+", "-", "@")) for value in rows[0].values())
    read = [(unplain(row["item"]), unplain(row["label"])) for row in rows]
    assert read == [("=cmd()", "-1"), ("a\rb", "x\ny")]
    assert all(unplain(plain(cell)) == cell for cell in ("'x", "=1", "x", "'=1", ""))
