"""The ledger: what a round is opened with stays, and its arithmetic of the control arm adds up."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labelloop.campaign import CampaignSettings
from labelloop.errors import DamagedFileError
from labelloop.ledger import FROZEN, Entry, Ledger, freeze, read_frozen, write_frozen
from labelloop.stages.acceptance import since

SETTINGS = CampaignSettings.model_validate({"acquisition": {"control_share": 0.25, "batch_size": 7}})
FIRST = Entry("r000", "data/start")


def opened(path: Path, rounds: int) -> Ledger:
    """A ledger after so many closed rounds, with one more open."""
    ledger = Ledger(path, id="abc", prepare={"campaign": {"name": "c"}})
    for _ in range(rounds):
        ledger.open = ledger.next_entry()
        ledger.close(ledger.open.id)
    ledger.open = ledger.next_entry()
    return ledger


def test_a_ledger_reads_back_as_it_was_written(tmp_path: Path) -> None:
    """Closed rounds in their order, the open one, why it stopped, runs, sources."""
    ledger = opened(tmp_path / "rounds.yaml", 3)
    ledger.stopped, ledger.runs = {"rule": "max_rounds", "reason": "ü"}, {"campaign": "1", "r000": "2"}
    ledger.sources = {"texts.csv": {"sha256": "0", "bytes": 3}}
    ledger.write()
    assert Ledger.read(tmp_path / "rounds.yaml") == ledger


def test_a_campaign_that_has_no_ledger_has_not_begun(tmp_path: Path) -> None:
    """A file that is not there is an empty ledger; one that is empty too."""
    (tmp_path / "empty.yaml").write_text("")
    for name in ("none.yaml", "empty.yaml"):
        ledger = Ledger.read(tmp_path / name)
        assert not ledger.begun and ledger.last_closed is None and ledger.next_entry() == FIRST


def test_it_has_begun_when_the_first_round_is_open(tmp_path: Path) -> None:
    """Before that the pool may still be made anew."""
    ledger = Ledger(tmp_path / "rounds.yaml", prepare={"campaign": {}})
    assert not ledger.begun
    ledger.open = ledger.next_entry()
    assert ledger.begun
    ledger.close("r000")
    assert ledger.begun


def test_rounds_follow_each_other(tmp_path: Path) -> None:
    """Numbers count up and each round names the folder of the one before."""
    ledger = opened(tmp_path / "rounds.yaml", 2)
    assert list(ledger.rounds.values()) == [FIRST, Entry("r001", "rounds/r000")]
    assert ledger.open == Entry("r002", "rounds/r001")
    assert ledger.last_closed == Entry("r001", "rounds/r000")


def test_closing_twice_or_another_round_changes_nothing(tmp_path: Path) -> None:
    """Only the open round can be closed, and only once."""
    ledger = opened(tmp_path / "rounds.yaml", 1)
    ledger.close("r005")
    assert ledger.open == Entry("r001", "rounds/r000")
    ledger.close("r001")
    after = list(ledger.rounds)
    ledger.close("r001")
    assert list(ledger.rounds) == after == ["r000", "r001"] and ledger.open is None


def test_writing_the_same_again_leaves_the_file_alone(tmp_path: Path) -> None:
    """Not even its time changes, so that nothing that watches it wakes up."""
    ledger = opened(tmp_path / "rounds.yaml", 1)
    ledger.write()
    before = (tmp_path / "rounds.yaml").stat()
    ledger.write()
    after = (tmp_path / "rounds.yaml").stat()
    assert (after.st_mtime_ns, after.st_ino) == (before.st_mtime_ns, before.st_ino)


@pytest.mark.parametrize(
    "text", ["rounds: [", "rounds: [r000]", "open: {id: r000}", "rounds: {r000: {}}", "- 1"]
)
def test_a_damaged_ledger_is_named(text: str, tmp_path: Path) -> None:
    """Broken YAML and a shape that labelloop never writes: the message says how to get it back."""
    (tmp_path / "rounds.yaml").write_text(text)
    with pytest.raises(DamagedFileError, match=r"(?s)rounds\.yaml is damaged.*git checkout"):
        Ledger.read(tmp_path / "rounds.yaml")


def test_frozen_settings_read_back(tmp_path: Path) -> None:
    """All of the sections that a round keeps, and the part about the round itself."""
    settled = SETTINGS.model_copy(update={"model": SETTINGS.model.model_copy(update={"pool": "graph"})})
    frozen = freeze(settled, FIRST, new_items=7, control_before=0.0)
    write_frozen(tmp_path / "r000" / "settings.yaml", frozen)
    about, settings = read_frozen(tmp_path / "r000" / "settings.yaml")
    assert about == frozen["round"]
    for name in FROZEN:
        assert getattr(settings, name) == getattr(settled, name)


def test_a_round_that_an_earlier_version_opened_with_auto_has_what_that_was(tmp_path: Path) -> None:
    """A round that is opened now never keeps `model.pool: auto` itself."""
    assert SETTINGS.model.pool == "auto"
    write_frozen(tmp_path / "settings.yaml", freeze(SETTINGS, FIRST, new_items=7, control_before=0.0))
    assert read_frozen(tmp_path / "settings.yaml")[1].model.pool == "either"


@pytest.mark.parametrize("text", ["round: [", "model: {}", "[]", "round: {}\nmodel: {nme: x}", ""])
def test_damaged_settings_of_a_round_are_named(text: str, tmp_path: Path) -> None:
    """Nothing is opened with settings that are not what was frozen."""
    (tmp_path / "settings.yaml").write_text(text)
    with pytest.raises(DamagedFileError, match=r"settings\.yaml is damaged"):
        read_frozen(tmp_path / "settings.yaml")


def test_missing_settings_of_a_round_are_named(tmp_path: Path) -> None:
    """With the command that brings them back."""
    with pytest.raises(DamagedFileError, match="git checkout"):
        read_frozen(tmp_path / "settings.yaml")


def test_rounds_and_seeds_have_seeds_of_their_own() -> None:
    """The same campaign seed and round give the same seed; another round or campaign seed another one."""
    other = SETTINGS.model_copy(update={"campaign": SETTINGS.campaign.model_copy(update={"seed": 1})})
    entries = [Entry(f"r{n:03d}", "data/start") for n in range(20)]
    seeds = [
        freeze(settings, entry, new_items=1, control_before=0.0)["round"]["seed"]
        for settings in (SETTINGS, other)
        for entry in entries
    ]
    assert len(set(seeds)) == len(seeds)
    assert freeze(SETTINGS, entries[3], new_items=9, control_before=1.0)["round"]["seed"] == seeds[3]


@given(
    st.lists(
        st.tuples(st.integers(0, 200), st.sampled_from([0.0, 0.05, 0.1, 0.3, 1.0])), min_size=1, max_size=30
    )
)
def test_the_control_arm_gets_its_share_of_all_items(rounds: list[tuple[int, float]]) -> None:
    """After every round the control sample is the planned share rounded up: no less, not one too many."""
    before, size_before, exact = 0.0, 0, 0.0
    for number, (items, share) in enumerate(rounds):
        settings = CampaignSettings.model_validate({"acquisition": {"control_share": share}})
        about = freeze(settings, Entry(f"r{number:03d}", ""), new_items=items, control_before=before)["round"]
        exact += share * items
        assert about["control_planned"] == pytest.approx(exact)
        assert exact - 1e-6 <= about["control_size"] < exact + 1 + 1e-6
        assert size_before <= about["control_size"] <= size_before + math.ceil(share * items)
        before, size_before = about["control_planned"], about["control_size"]


def test_a_share_that_is_not_exact_in_floating_point_does_not_grow_the_arm() -> None:
    """7% of 100 items is 7.000000000000001 to a computer, and still 7 control items."""
    settings = CampaignSettings.model_validate({"acquisition": {"control_share": 0.07}})
    about = freeze(settings, FIRST, new_items=100, control_before=0.0)["round"]
    assert about["control_planned"] > 7
    assert about["control_size"] == 7


def test_the_thousandth_round_comes_after_those_before() -> None:
    """Also for the audits that count from a round on."""
    audits = [{"round": name} for name in ("r998", "r999", "r1000", "r1001")]
    assert [one["round"] for one in since(audits, "r999")] == ["r999", "r1000", "r1001"]
    assert [one["round"] for one in since(audits, "r1001")] == ["r1001"]
