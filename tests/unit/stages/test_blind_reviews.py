"""Reviewers are not shown what votes say of labels that prove how many are wrong; it is looked up later."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import pytest
from second_look_campaigns import campaign, finished

from labelloop import files, tables
from labelloop.errors import DamagedFileError, DataError
from labelloop.ledger import Ledger
from labelloop.reviewing import verdicts
from labelloop.reviewing.queue_page import queue_page
from labelloop.reviewing.review import take_verdicts, write_queue
from labelloop.stages.acceptance import time_of
from labelloop.stages.shown_items import Shown
from labelloop.workspace import Workspace

NOW = datetime(2026, 1, 5, 9, tzinfo=UTC)
LISTS = {"list_unsure": 5, "list_disagreeing": 0, "list_random": 6}


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A round, then a blind queue and an open one of it; a second round."""
    workspace = campaign(tmp_path_factory.mktemp("blind") / "c", review=LISTS, stopping={"max_rounds": 1})
    finished(workspace)
    for name, blind in (("blind", True), ("open", False)):
        out = workspace.root / f"{name}.csv"
        write_queue(workspace, out, now=time_of(workspace), at_random=8, ask_model=False, blind=blind)
    workspace.params.write_text(workspace.params.read_text().replace("max_rounds: 1", "max_rounds: 2"))
    return finished(Workspace.at(workspace.root))


@pytest.fixture
def fresh(done: Workspace) -> Workspace:
    """Nobody has said anything yet."""
    done.reviews.unlink(missing_ok=True)
    return done


def read(path: Path) -> pd.DataFrame:
    return pd.read_csv(path, dtype=str, keep_default_na=False)


def taken(workspace: Workspace, table: pd.DataFrame, answer: str = "class-0") -> dict[str, verdicts.Verdict]:
    """All rows answered alike and taken in: the verdicts by item."""
    filled = workspace.root / "filled.csv"
    table.assign(answer=answer).to_csv(filled, index=False)
    take_verdicts(workspace, filled, "eva", NOW)
    return verdicts.standing(verdicts.read(workspace.reviews))


def labels(workspace: Workspace, number: int) -> pd.Series:
    return tables.FUSED.read(workspace.rounds()[number].fused).set_index("item")["label"]


def test_both_queues_hold_the_same_and_only_the_open_one_tells_more(done: Workspace) -> None:
    hidden, shown = read(done.root / "blind.csv"), read(done.root / "open.csv")
    assert list(hidden.columns) == ["item", "text", "answer", "note", "queue"]
    assert set(hidden["item"]) == set(shown["item"]) and list(hidden["item"]) != list(shown["item"])
    drawn = shown[shown["reason"] == "random"]
    assert len(drawn) == 8 and (drawn["label"] + drawn["confidence"] + drawn["votes"] == "").all()
    assert (shown.loc[shown["reason"] == "unsure", "label"] != "").all()


def test_what_comes_back_after_a_further_round_is_about_the_labels_of_when_it_was_written(
    fresh: Workspace,
) -> None:
    """Votes that came meanwhile have changed some of them; reason and draw are known as well."""
    shown = read(fresh.root / "open.csv").set_index("item")["reason"]
    said = taken(fresh, read(fresh.root / "blind.csv"))
    then, now = labels(fresh, 0), labels(fresh, 1)
    assert {item: one.reason for item, one in said.items()} == shown.to_dict()
    assert all(one.was == then.get(item, "") and one.blind for item, one in said.items())
    assert any(now[item] != then[item] for item in said if item in then.index)


def test_the_same_rows_of_an_open_queue_count_as_seen_but_for_the_drawn_ones(fresh: Workspace) -> None:
    said = taken(fresh, read(fresh.root / "open.csv"))
    assert {one.blind for one in said.values() if one.reason == "random"} == {True}
    assert {one.blind for one in said.values() if one.reason == "unsure"} == {False}


def test_two_queues_are_taken_in_by_the_same_reviewer_and_the_same_one_counts_once(fresh: Workspace) -> None:
    whole = read(fresh.root / "blind.csv")
    taken(fresh, whole[:5])
    assert set(taken(fresh, whole[5:])) == set(whole["item"])
    before = fresh.reviews.read_bytes()
    taken(fresh, whole)
    assert fresh.reviews.read_bytes() == before


def test_the_round_s_list_shows_nothing_of_what_it_draws_and_its_verdicts_are_blind(fresh: Workspace) -> None:
    folder = fresh.rounds()[0]
    listed = read(folder.review)
    drawn = listed[listed["reason"] == "random"]
    assert len(drawn) == 6
    assert (drawn[["label", "confidence", "model_says", "answers"]] == "").all(axis=None)
    assert not drawn["why"].str.contains("class-").any()
    said, then = taken(fresh, listed), labels(fresh, 0)
    for row in listed.itertuples():
        assert said[row.item].was == then.get(row.item, "")
        assert said[row.item].blind == (row.reason == "random")


def test_files_of_earlier_versions_and_by_hand_are_taken_in_as_what_they_say(fresh: Workspace) -> None:
    item = labels(fresh, 1).index[0]
    old = pd.DataFrame([{"item": item, "reason": "random", "label": "class-1"}])
    one = taken(fresh, old)[item]
    assert (one.reason, one.was, one.blind) == ("random", "class-1", False)
    one = taken(fresh, old[["item"]])[item]
    assert (one.reason, one.was, one.blind) == ("", "", False)


@pytest.mark.parametrize(
    ("queue", "says"),
    [
        ("q-0", "q-0 was not written in this"),
        ("r007", "list of r007 is not of this campaign"),
        ("r000", "list of r000 has drawn at random"),
        (None, "is not on"),
    ],
)
def test_a_queue_that_does_not_hold_the_item_is_refused(
    fresh: Workspace, queue: str | None, says: str
) -> None:
    """Whether a label was drawn at random would be lost, and with it what the verdict proves."""
    hidden = read(fresh.root / "blind.csv")
    listed = [*hidden["item"], *read(fresh.rounds()[0].review)["item"]]
    other = labels(fresh, 1).index.difference(listed)[0]
    row = pd.DataFrame([{"item": other, "reason": "random", "queue": queue or hidden["queue"].iloc[0]}])
    with pytest.raises(
        DataError, match=f"line 2: .*{says}.* empty the columns queue and reason.* Nothing was taken in"
    ):
        taken(fresh, row)
    assert not fresh.reviews.exists()
    one = taken(fresh, row.assign(queue="", reason=""))[other]
    assert (one.reason, one.blind) == ("", False)


def test_the_list_of_a_round_that_is_still_open_counts_once_it_closes(fresh: Workspace) -> None:
    before, listed = fresh.ledger.read_bytes(), read(fresh.rounds()[1].review)
    drawn = listed["reason"] == "random"
    ledger = Ledger.read(fresh.ledger)
    ledger.open = ledger.rounds.pop("r001")
    ledger.write()
    for part in (listed[drawn], listed[~drawn]):
        with pytest.raises(DataError, match=r"r001 is still open; .* once the round has closed .*advance"):
            taken(fresh, part)
    fresh.ledger.write_bytes(before)
    assert set(taken(fresh, listed)) == set(listed["item"])


def test_a_note_of_a_queue_that_was_edited_is_refused(fresh: Workspace) -> None:
    before = fresh.queues.read_text()
    fresh.queues.write_text(before.replace('"unsure"', '"random"', 1))
    with pytest.raises(DamagedFileError, match="is not what was written"):
        taken(fresh, read(fresh.root / "blind.csv"))
    fresh.queues.write_text(before)


def test_the_same_queue_is_noted_once(fresh: Workspace, tmp_path: Path) -> None:
    for _ in range(2):
        write_queue(fresh, tmp_path / "queue.csv", now=time_of(fresh), at_random=3, ask_model=False)
    lines = files.read_lines(fresh.queues)
    assert len({line["queue"] for line in lines}) == len(lines) == 3


def test_a_page_takes_no_queue_s_place_and_none_of_an_earlier_queue_stays(fresh: Workspace) -> None:
    """A page that is somebody else's is left alone."""
    now = time_of(fresh)
    with pytest.raises(DataError, match=r"queue\.HTML: a page of that name"):
        write_queue(fresh, fresh.root / "queue.HTML", now=now, at_random=3, ask_model=False)
    assert not (fresh.root / "queue.HTML").exists()
    earlier, foreign = fresh.root / "mine.html", fresh.root / "notes.html"
    earlier.write_text(queue_page([("i1", Shown("", "a.png"))], fresh.root, "mine.csv"))
    foreign.write_text("<p>notes</p>")
    for page in (earlier, foreign):
        told = write_queue(fresh, page.with_suffix(".csv"), now=now, at_random=3, ask_model=False)
        assert told["page"] is None
    assert not earlier.exists() and foreign.exists()
