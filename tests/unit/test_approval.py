"""Nobody is asked before a person has said so, and a word counts for the batch that was shown alone."""

from __future__ import annotations

import json
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
import yaml

from labelloop import approval, files, loop, scaffold, settling, stages, status, tables
from labelloop.errors import DamagedFileError, LabelloopError, SettingsError
from labelloop.ledger import Ledger
from labelloop.loop import AwaitingApproval, Stopped
from labelloop.stages.gold_arm import read_gold_csv
from labelloop.stages.runner import run_stage
from labelloop.workspace import Workspace

SETTINGS: dict[str, Any] = {
    "campaign": {"name": "gated", "seed": 1},
    "model": {"name": "logistic", "pool": "none"},
    "acquisition": {"batch_size": 8},
    "annotation": {"overlap": 2, "test_overlap": 3, "approval": True},
    "evaluation": {"test_size": 10, "bootstrap": 20},
    "stopping": {"max_rounds": 2},
    "tracking": {"enabled": False},
    "versioning": {"enabled": False},
}


def make(folder: Path, **changes: dict[str, Any]) -> Workspace:
    settings = SETTINGS | {name: SETTINGS.get(name, {}) | section for name, section in changes.items()}
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "params.yaml").write_text(yaml.safe_dump(settings))
    if not (folder / "rounds.yaml").exists():
        scaffold.init(folder)
    return Workspace.at(folder)


@pytest.fixture
def gated(tmp_path: Path) -> Workspace:
    """A campaign whose first batch waits for a word."""
    workspace = make(tmp_path / "campaign")
    assert isinstance(loop.advance(workspace), AwaitingApproval)
    return workspace


def shown(workspace: Workspace) -> approval.Batch:
    batch = approval.open_batch(workspace)
    assert batch is not None
    return batch


def test_nothing_is_pushed_before_a_word(gated: Workspace) -> None:
    """However often the loop looks; the batch stays the same, and the stage itself refuses too."""
    before = shown(gated)
    for _ in range(2):
        outcome = loop.advance(gated)
        assert isinstance(outcome, AwaitingApproval)
    assert shown(gated) == before
    with pytest.raises(LabelloopError, match="labelloop approve"):
        run_stage(gated, "push", "r000")
    assert not gated.round("r000").pushed.exists()


def test_what_is_shown_is_what_would_be_asked(gated: Workspace) -> None:
    """Items by arm, answers, and what they cost if the dearest of the crew give them."""
    batch = shown(gated)
    assert (batch.items, batch.votes, batch.cost) == (18, 8 * 2 + 10 * 3, pytest.approx(8 * 0.14 + 10 * 0.19))
    assert batch.arms == {"strategy": 7, "control": 1, "test": 10}
    text = batch.as_markdown()
    assert all(f"| {arm} | {count} |" in text for arm, count in batch.arms.items())
    assert "at most 3.02 USD" in text


def test_a_batch_of_a_version_without_routing_is_shown_as_before(gated: Workspace) -> None:
    before = shown(gated)
    gated.round("r000").routing.unlink()
    assert shown(gated) == before


def test_no_ceiling_is_promised_where_what_one_skips_a_dearer_one_may_answer(tmp_path: Path) -> None:
    workspace = make(tmp_path / "routed", annotation={"routing": {"mode": "skill"}})
    assert isinstance(loop.advance(workspace), AwaitingApproval)
    batch = shown(workspace)
    assert f"{batch.cost:.2f} USD" in str(batch) and f"{batch.cost:.2f} USD" in batch.as_markdown()
    assert "at most" not in str(batch) + batch.as_markdown()


def test_items_that_cost_more_are_shown_with_what_they_cost(tmp_path: Path) -> None:
    """Each by its column, times what the dearest of those who could answer take."""
    folder = tmp_path / "dear"
    folder.mkdir()
    rows = ["x,y,effort,label", *(f"{n % 7},{n % 5},{1 + n % 3},{'ab'[n % 2]}" for n in range(60))]
    (folder / "rows.csv").write_text("\n".join(rows) + "\n")
    table = {"kind": "table", "path": "rows.csv", "label_column": "label", "numeric_columns": ["x", "y"]}
    changes = {"dataset": table, "acquisition": {"batch_size": 8, "compose": {"cost_column": "effort"}}}
    (folder / "params.yaml").write_text(yaml.safe_dump(SETTINGS | changes))
    scaffold.init(folder)
    workspace = Workspace.at(folder)
    assert isinstance(loop.advance(workspace), AwaitingApproval)
    batch = tables.BATCH.read(workspace.round("r000").batch)
    effort = {item: 1 + int(item.rsplit("-")[-1]) % 3 for item in batch["item"]}
    price = {2: 0.08 + 0.06, 3: 0.08 + 0.06 + 0.05}
    expected = sum(effort[row.item] * price[row.overlap] for row in batch.itertuples())
    assert shown(workspace).cost == pytest.approx(expected)
    assert len(set(effort.values())) > 1


def test_status_says_what_waits_and_since_when(gated: Workspace) -> None:
    """And how to approve it."""
    waiting = status.read_status(gated)["waiting"]
    assert (waiting["for"], waiting["round"]) == ("approval", "r000")
    assert waiting["since"] == shown(gated).since.isoformat()
    assert "labelloop approve" in waiting["sentence"]


def test_an_approved_campaign_ends_as_one_that_never_asked(gated: Workspace, tmp_path: Path) -> None:
    """The word changes no byte of any result; it is asked for every batch."""
    rounds = 0
    while isinstance(outcome := loop.advance(gated), AwaitingApproval):
        batch = shown(gated)
        approval.decide(gated, batch.round_id, approved=True, digest=batch.digest, by="eva")
        rounds += 1
    assert isinstance(outcome, Stopped)
    assert rounds == 2
    free = make(tmp_path / "free", annotation={"approval": False})
    while not isinstance(loop.advance(free), Stopped):
        pass
    for name in ("batch.parquet", "collected.parquet", "labels.parquet", "learning_curve.csv"):
        for number in ("r000", "r001"):
            assert files.digest(gated.round(number).path / name) == files.digest(
                free.round(number).path / name
            )
    assert json.loads(gated.round("r001").approved.read_text())["by"] == "eva"


def test_a_word_about_another_batch_does_not_count(gated: Workspace) -> None:
    """It is refused when it is given, and not found when the batch was made anew since."""
    batch = shown(gated)
    with pytest.raises(LabelloopError, match="another one than was shown"):
        approval.decide(gated, "r000", approved=True, digest="0" * 64)
    approval.decide(gated, "r000", approved=True, digest=batch.digest)
    content = json.loads(gated.round("r000").approved.read_text())
    gated.round("r000").approved.write_text(json.dumps(content | {"digest": "0" * 64}))
    assert isinstance(loop.advance(gated), AwaitingApproval)
    assert not gated.round("r000").pushed.exists()


def test_a_rejected_batch_stops_the_campaign(gated: Workspace) -> None:
    """With who and why, until somebody approves it after all."""
    batch = shown(gated)
    approval.decide(gated, "r000", approved=False, digest=batch.digest, by="eva", reason="too dear")
    for _ in range(2):
        outcome = loop.advance(gated)
        assert isinstance(outcome, Stopped)
        assert "eva" in outcome.reason
        assert "too dear" in outcome.reason
    assert "too dear" in status.read_status(gated)["waiting"]["sentence"]
    assert not gated.round("r000").pushed.exists()
    approval.decide(gated, "r000", approved=True, digest=batch.digest)
    loop.advance(gated)
    assert gated.round("r000").tasks.exists()


def test_a_rejection_needs_a_reason(gated: Workspace) -> None:
    """Others have to act on it."""
    with pytest.raises(LabelloopError, match="say why"):
        approval.decide(gated, "r000", approved=False, digest=shown(gated).digest, reason=" ")
    assert shown(gated).decision is None


def test_a_rejected_round_is_opened_anew_with_other_settings(gated: Workspace) -> None:
    """The rejected one stays readable; nothing of it is used, and the new batch needs a word of its own."""
    batch = shown(gated)
    with pytest.raises(LabelloopError, match="waits for a word; `labelloop approve --reject"):
        approval.reopen(gated)
    approval.decide(gated, "r000", approved=False, digest=batch.digest, reason="too many")
    make(gated.root, acquisition={"batch_size": 4})
    kept = approval.reopen(gated)
    assert files.digest(kept / "batch.parquet") == batch.digest
    again = Workspace.at(gated.root)
    assert isinstance(loop.advance(again), AwaitingApproval)
    assert shown(again).items == 14
    assert shown(again).decision is None


@pytest.mark.parametrize("after", ["the copy", "the ledger"])
def test_a_kill_while_a_round_is_opened_anew_leaves_a_way_on(
    gated: Workspace, monkeypatch: pytest.MonkeyPatch, after: str
) -> None:
    """The same command again, or the next look, goes on."""
    batch = shown(gated)
    approval.decide(gated, "r000", approved=False, digest=batch.digest, reason="too many")
    make(gated.root, acquisition={"batch_size": 4})

    class KilledError(BaseException):
        pass

    def kill(*_: Any, **__: Any) -> None:
        raise KilledError

    target: tuple[Any, str] = (Ledger, "write") if after == "the copy" else (approval.shutil, "rmtree")
    with monkeypatch.context() as patch:
        patch.setattr(*target, kill)
        with pytest.raises(KilledError):
            approval.reopen(gated)
    again = Workspace.at(gated.root)
    if after == "the copy":
        approval.reopen(again)
    assert isinstance(loop.advance(again), AwaitingApproval)
    assert shown(again).items == 14


def test_a_new_round_takes_nothing_from_one_whose_removal_was_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not its gold either, which is a source that a round reads once."""
    workspace = make(tmp_path / "golden", gold={"known": 20})
    assert isinstance(loop.advance(workspace), AwaitingApproval)
    approval.decide(workspace, "r000", approved=False, digest=shown(workspace).digest, reason="little gold")

    def kill(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(approval.shutil, "rmtree", kill)
        with pytest.raises(KeyboardInterrupt):
            approval.reopen(workspace)
    assert len(read_gold_csv(workspace.round("r000").gold)) == 20
    again = make(workspace.root, gold={"known": 30})
    assert isinstance(loop.advance(again), AwaitingApproval)
    assert len(read_gold_csv(again.round("r000").gold)) == 30


def test_a_round_killed_between_its_settings_and_the_ledger_is_opened_again(tmp_path: Path) -> None:
    workspace = make(tmp_path / "killed")
    with pytest.MonkeyPatch.context() as patch:
        write = Ledger.write

        def kill(ledger: Ledger) -> None:
            if ledger.open is not None:
                raise KeyboardInterrupt
            write(ledger)

        patch.setattr(Ledger, "write", kill)
        with pytest.raises(KeyboardInterrupt):
            loop.advance(workspace)
    assert workspace.round("r000").settings.exists() and Ledger.read(workspace.ledger).open is None
    assert isinstance(loop.advance(workspace), AwaitingApproval)


def test_what_people_were_asked_is_kept_though_the_ledger_forgot_the_round(gated: Workspace) -> None:
    """Such as one that was brought back from before: who was asked is not asked again."""
    before = gated.ledger.read_bytes()
    approval.decide(gated, "r000", approved=True, digest=shown(gated).digest)
    run_stage(gated, "push", "r000")
    pushed = gated.round("r000").pushed.read_bytes()
    ledger = Ledger.read(gated.ledger)
    ledger.open = None
    ledger.write()
    loop.open_round(gated)
    assert gated.ledger.read_bytes() == before and gated.round("r000").pushed.read_bytes() == pushed


def test_a_round_that_asked_nobody_is_opened_anew_whichever_stage_refuses_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its push is noted, with no question in it; a judged one is not taken back, since tries count."""
    workspace = make(tmp_path / "settled", annotation={"approval": False}, stopping={"max_rounds": 1})
    while not isinstance(loop.advance(workspace), Stopped):
        pass

    def refuse(current: Any) -> None:
        raise SettingsError("evaluation.wrong is wrong")

    with monkeypatch.context() as patch:
        patch.setitem(stages.FUNCTIONS, "evaluate", refuse)
        assert settling.open_settling(workspace, anyway=True, told=print).id == "r001"
        with pytest.raises(SettingsError, match=r"Nobody was asked in r001 yet.*approve --reopen"):
            loop.advance(workspace)
    assert workspace.round("r001").pushed.exists()
    approval.reopen(workspace)
    assert Ledger.read(workspace.ledger).open is None and not workspace.round("r001").path.exists()
    settling.open_settling(workspace, anyway=True, told=print)
    with monkeypatch.context() as patch:
        patch.setitem(stages.FUNCTIONS, "track", refuse)
        with pytest.raises(SettingsError, match=r"wrong is wrong$"):
            loop.advance(workspace)
    assert "judged already" in approval.why_not_reopen(workspace)
    assert isinstance(loop.advance(workspace), Stopped)
    assert list(Ledger.read(workspace.ledger).rounds) == ["r000", "r001"]


def test_a_round_that_is_being_pushed_is_past_the_question(gated: Workspace) -> None:
    """A rejection that comes too late is told so, and changes nothing."""
    batch = shown(gated)
    approval.decide(gated, "r000", approved=True, digest=batch.digest)
    run_stage(gated, "push", "r000")
    with pytest.raises(LabelloopError, match="does not wait for approval"):
        approval.decide(gated, "r000", approved=False, digest=batch.digest, reason="no")


@pytest.mark.parametrize(
    "content",
    ["[]", "{}", '{"approved": true}', '{"surprise": 1}', "not json",
     '{"approved": "no", "by": "eva", "at": "2026-01-01", "digest": "DIGEST"}'],
)  # fmt: skip
def test_a_damaged_word_is_no_word(gated: Workspace, content: str) -> None:
    """It is an error that names the file, never an approval."""
    gated.round("r000").approved.write_text(content.replace("DIGEST", shown(gated).digest))
    with pytest.raises(DamagedFileError, match=r"approved\.json"):
        loop.advance(gated)
    assert not gated.round("r000").pushed.exists()


def test_the_command_shows_the_batch_and_decides(
    gated: Workspace, labelloop: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A no changes nothing; with --yes nobody is asked back; then there is nothing left to approve."""
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    monkeypatch.setenv("PREFECT_HOME", str(gated.root / "home"))
    monkeypatch.setattr("sys.stdin", StringIO("n\n"))
    refused = labelloop("approve", gated.root)
    assert refused.code == 1
    assert "7 strategy, 1 control, 10 test" in refused.out
    assert shown(gated).decision is None
    said = labelloop("approve", gated.root, "--yes")
    assert said.code == 0, said
    decision = shown(gated).decision
    assert decision is not None
    assert decision.approved
    assert str(decision) in said.out
    run_stage(gated, "push", "r000")
    late = labelloop("approve", gated.root, "--reject", "too late")
    assert (late.code, "no batch waits for approval" in late.error) == (2, True)
