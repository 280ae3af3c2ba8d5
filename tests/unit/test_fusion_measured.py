"""How fusion is measured: what is drawn, what is compared with what, and what is left out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from bench import fusion, second_looks
from bench.crowds import at_most, further_crowds
from bench.crowds_simulated import CROWDS, PER_ITEM
from bench.fusion_table import left_out, means


def line(name: str, method: str, right: float, draw: int = 0) -> dict[str, Any]:
    """One result on a real crowd with every vote."""
    return {"kind": "real", "set": name, "votes": "every", "draw": draw, "method": method, "right": right,
            "found": 0.5, "seconds": 0.1}  # fmt: skip


def test_auto_is_compared_on_the_draws_that_the_other_has() -> None:
    """A method with one draw of two is set against `auto` on that draw alone."""
    lines = [line("a", "auto", 0.9, 0), line("a", "auto", 0.5, 1), line("a", "peer", 0.8, 1)]
    found = means(lines).set_index("method")
    assert found.loc["auto", "right"] == pytest.approx(0.7)
    assert found.loc["peer", "apart"] == pytest.approx(-0.3)


def test_weights_are_chosen_without_the_crowd_they_are_judged_on() -> None:
    """Weights that are best by one crowd alone are not chosen for it."""
    other = "constants 1 1"
    lines = [line("a", "constants 3 3", 0.5), line("a", other, 1.0)]
    for name in ("b", "c"):
        lines += [line(name, "constants 3 3", 0.8), line(name, other, 0.7)]
    chosen = left_out(means(lines)).set_index("set")
    assert chosen.loc["a", "chosen"] == "3 3"
    assert chosen.loc["a", "right"] == pytest.approx(0.5)
    assert chosen.loc["b", "chosen"] == "1 1"


@pytest.mark.parametrize("name", CROWDS)
def test_a_simulated_crowd_is_the_same_for_a_seed_and_asks_nobody_twice(name: str) -> None:
    """Votes are those of the seed, four an item by four people."""
    one, again, other = CROWDS[name](3), CROWDS[name](3), CROWDS[name](4)
    np.testing.assert_array_equal(one.votes.label, again.votes.label)
    assert (one.votes.label != other.votes.label).any()
    pairs = np.unique(np.stack([one.votes.item, one.votes.annotator]), axis=1)
    assert pairs.shape[1] == len(one.votes.item) == PER_ITEM * len(one.truth)


def test_fewer_votes_are_some_of_the_votes() -> None:
    """At most so many an item, each with its own annotator and label, and another seed draws others."""
    votes = CROWDS["favourites"](0).votes
    drawn = at_most(votes, 3, 0)
    assert np.bincount(drawn.item).tolist() == [3] * len(votes.items)
    whole = set(zip(votes.item, votes.annotator, votes.label, strict=True))
    assert set(zip(drawn.item, drawn.annotator, drawn.label, strict=True)) <= whole
    assert (drawn.annotator != at_most(votes, 3, 1).annotator).any()


def test_marked_words_become_votes_about_every_word(tmp_path: Path) -> None:
    """A judgement says yes to the words it names, and no to the others of the tweet."""
    folder = tmp_path / "crowd_spans_btc"
    folder.mkdir()
    (folder / "items.csv").write_text(
        'item,section,tokens,gold_types\n7,e,"[""at"", ""Ann"", ""Lee""]",O PER PER\n8,a,"[""x""]",O\n'
    )
    (folder / "labels.csv").write_text("item,worker,type,token_indices\n7,u,PER,1 2\n7,v,PER,\n8,u,LOC,0\n")
    crowd = further_crowds(tmp_path)["btc_crowd"]
    votes = crowd.votes
    assert votes.items.tolist() == ["7/PER/000", "7/PER/001", "7/PER/002"]
    assert [votes.classes[code] for code in crowd.truth] == ["no", "yes", "yes"]
    said = [votes.classes[code] for code in votes.label[votes.annotator == 0]]
    assert said == ["no", "yes", "yes"]
    assert {votes.classes[code] for code in votes.label[votes.annotator == 1]} == {"no"}


def test_a_stopped_run_goes_on_and_keeps_what_a_peer_refuses(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is in the file is not done again; a method of another package that fails leaves its reason."""

    def refuses(votes: object) -> fusion.fusion_peers.Answer:
        raise ValueError("for binary classification only")

    job: fusion.Job = ("simulated", "favourites", "every", 0)
    calls = {"majority": fusion.methods_of(job)["majority"], "peer": refuses}
    monkeypatch.setattr(fusion, "methods_of", lambda job: calls)
    results = tmp_path / "found.jsonl"
    fusion.run_job(job, ["majority", "peer"], "", results)
    mine, theirs = fusion.read_results(results)
    assert mine["right"] > 0.7 and mine["error"] > 0
    assert theirs["failed"] == "ValueError: for binary classification only"
    assert not {"right", "seconds"} & theirs.keys()
    monkeypatch.setattr(fusion, "jobs_of", lambda data: [job])
    monkeypatch.setattr(fusion, "run_job", lambda *_: pytest.fail("it was done before"))
    fusion.run_missing("", 1, results)


def test_ways_are_compared_within_a_seed(tmp_path: Path) -> None:
    """A seed that one way does not have yet counts for neither side of the difference."""
    results = tmp_path / "looks.jsonl"
    accuracy = {(second_looks.BASE, 0): 50.0, (second_looks.BASE, 1): 70.0, (second_looks.BASE, 2): 0.0,
                ("3 votes, auto", 0): 52.0, ("3 votes, auto", 1): 74.0}  # fmt: skip
    for (way, seed), value in accuracy.items():
        row = {"set": "digits", "way": way, "seed": seed, "round": 0, "accuracy": value, "right": 80.0,
               "labels": 60, "votes": 180, "looks": 0}  # fmt: skip
        with results.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps({"set": "digits", "way": way, "seed": seed, "rows": [row]}) + "\n")
    table = second_looks.differences(second_looks.read_results(results), "accuracy").set_index("way")
    assert table.loc["3 votes, auto", "less"] == pytest.approx(3.0)
    assert table.loc["3 votes, auto", "half"] == pytest.approx(12.706, abs=1e-2)
    assert table.loc["3 votes, auto", "seeds"] == 2
    assert second_looks.read_results(tmp_path / "none.jsonl").groupby(["set", "way", "seed"]).ngroups == 0
    assert isinstance(second_looks.read_results(tmp_path / "none.jsonl"), pd.DataFrame)
