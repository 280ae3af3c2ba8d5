"""The loop: what can be done now, and in which order.

Nothing here remembers anything between calls. What has been done is read off the files, so any driver (the
command line, a Prefect flow, a schedule) may be killed and another may go on.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from labelloop import approval
from labelloop.campaign import CampaignSettings, load_settings
from labelloop.errors import SettingsError
from labelloop.kept_settings import keep_held, pending_changes
from labelloop.ledger import POOL_REASON, SETTLES, Entry, Ledger, freeze, read_frozen, write_frozen
from labelloop.readiness import check_names, check_round
from labelloop.round_folder import RoundFolder
from labelloop.stages.backtest_followed import proven_by_backtest
from labelloop.stages.collect import Waiting
from labelloop.stages.contract import ROUND_STAGES
from labelloop.stages.known_errors import with_known_errors
from labelloop.stages.pool_use import with_pool
from labelloop.stages.reasks import UNTIL, reask_until
from labelloop.stages.runner import run_stage
from labelloop.workspace import Workspace

RunStage = Callable[[Workspace, str, str | None], Any]
"""Runs one step of a round unless it is done: `run_stage`, or a Prefect task around it."""

PlayRound = Callable[[Workspace, str], "Waiting | Stopped | None"]


@dataclass(frozen=True)
class Plan:
    """What the next round may ask at most."""

    new_items: int
    """Items asked about for the first time, test set not counted."""
    looks: int = 0
    """Second looks, where it asks about nothing else; see `stages.last_looks`."""


ROUND_STEPS = (*ROUND_STAGES, "track", "version")
"""A round, in order: ask, wait, learn, judge, and make it known."""


@dataclass(frozen=True)
class Stopped:
    """The campaign has ended, for now: other settings may let it go on."""

    rule: str
    reason: str

    def __str__(self) -> str:
        return f"stopped ({self.rule}): {self.reason}"


@dataclass(frozen=True)
class AwaitingApproval(Waiting):
    """The round's batch is not pushed before a person has approved it."""

    batch: str = ""
    """What would be asked, in a line."""
    folder: str = ""

    def __str__(self) -> str:
        return f"{self.batch}; waits for approval: `labelloop approve {self.folder}`"


def play_round(workspace: Workspace, round_id: str, run: RunStage = run_stage) -> Waiting | Stopped | None:
    """Take a round as far as it goes now; None when it is finished, Stopped when its batch was rejected."""
    for step in ROUND_STEPS:
        if step == "push" and (held := ask_before_push(workspace, round_id)) is not None:
            return held
        waiting = run(workspace, step, round_id)
        if isinstance(waiting, Waiting):
            return waiting
    return None


def advance(
    workspace: Workspace,
    *,
    play: PlayRound = play_round,
    run: RunStage = run_stage,
    told: Callable[[str], None] = lambda line: None,
) -> Waiting | Stopped:
    """Do everything that can be done now, then return what the campaign waits for.

    Args:
        play: plays one round, such as a Prefect subflow.
        run: runs one step outside rounds.
        told: hears a line about every change worth telling.
    """
    if not Ledger.read(workspace.ledger).begun:
        check_names(workspace, load_settings(workspace.params))
    run(workspace, "prepare", None)
    last = Ledger.read(workspace.ledger).last_closed
    if last is not None:
        run(workspace, "version", last.id)
    while True:
        for line in pending_changes(workspace):
            told(line)
        entry = open_round(workspace)
        if isinstance(entry, Stopped):
            last = Ledger.read(workspace.ledger).last_closed
            if last is not None:
                run(workspace, "finish", last.id)
            return entry
        held = play(workspace, entry.id)
        if held is not None:
            return held
        settles = read_frozen(workspace.round(entry.id).settings)[0].get(SETTLES)
        if settles and not isinstance(next_plan(workspace, Ledger.read(workspace.ledger))[1], Stopped):
            # Whoever settles was told that nobody is asked.
            return Stopped("settled", f"{entry.id} asked nobody; `labelloop advance` goes on with a batch")


def until_people(
    workspace: Workspace, look: Callable[[], Waiting | Stopped], poll_seconds: float
) -> Waiting | Stopped:
    """Look again and again until the campaign stops, or until only people can go on.

    Args:
        look: such as `advance`.
        poll_seconds: how often to look while people work; 0 returns then.
    """
    while True:
        outcome = look()
        simulated = load_settings(workspace.params).annotation.tool == "simulated"
        people = not simulated or isinstance(outcome, AwaitingApproval)
        if isinstance(outcome, Stopped) or (people and not poll_seconds):
            return outcome
        if people:
            time.sleep(poll_seconds)


def ask_before_push(workspace: Workspace, round_id: str) -> AwaitingApproval | Stopped | None:
    """Why the round's batch may not be pushed now; None when it may."""
    batch = approval.open_batch(workspace)
    if batch is None or batch.round_id != round_id:
        return None
    if batch.decision is None:
        return AwaitingApproval(
            round=round_id, answered=0, asked=batch.votes, now=batch.since.isoformat(), batch=str(batch),
            folder=str(workspace.root),
        )  # fmt: skip
    if batch.decision.approved:
        return None
    return Stopped(
        "approval",
        f"the batch of {round_id} was {batch.decision}. `labelloop approve` may still approve it; "
        "`labelloop approve --reopen` opens the round anew with params.yaml as it is then",
    )


def open_round(workspace: Workspace) -> Entry | Stopped:
    """The open round, or the next one opened with params.yaml as it is now, or why there is none."""
    ledger = Ledger.read(workspace.ledger)
    if ledger.open is not None:
        return ledger.open
    settings, plan = next_plan(workspace, ledger)
    if isinstance(plan, Stopped):
        ledger.stopped = {"rule": plan.rule, "reason": plan.reason}
        ledger.write()
        return plan
    return open_next(workspace, ledger, settings, plan)


def open_next(
    workspace: Workspace, ledger: Ledger, settings: CampaignSettings, plan: Plan, *, settles: bool = False
) -> Entry:
    """Freeze what the next round follows, and name it in the ledger.

    Args:
        settings: params.yaml, with what a running campaign keeps.
        settles: whether it asks nobody.

    Raises:
        SettingsError, DataError: see `check_round`.
    """
    from labelloop import datasets
    from labelloop.stages.fused_stream import ENDED, ended_since
    from labelloop.stages.revoking import check_revoked

    entry = ledger.next_entry()
    before = workspace.folder(entry.previous)
    prepared = datasets.open_prepared(workspace.data)
    settings, pool_reason = with_pool(settings, workspace.data)
    check_round(workspace, settings, prepared)
    check_revoked(workspace, settings)
    settings = with_known_errors(settings, workspace.root, workspace.data)
    proven = proven_by_backtest(workspace, settings, prepared)
    control_before = 0.0
    if ledger.last_closed is not None:
        control_before = read_frozen(before.settings)[0]["control_planned"]
    frozen = freeze(settings, entry, new_items=plan.new_items, control_before=control_before,
                    settles=settles, looks=plan.looks)  # fmt: skip
    if pool_reason:
        frozen["round"][POOL_REASON] = pool_reason
    purse = _purse(workspace, settings, before, plan)
    if purse is not None:
        frozen["round"]["money"] = purse
    if proven is not None:
        frozen["round"]["backtest"] = proven
    until = reask_until(workspace, settings, entry.id)
    if until is not None:
        frozen["round"][UNTIL] = until
    ended = ended_since(workspace, before)
    if ended is not None:
        frozen["round"][ENDED] = ended
    approval.clear_away(workspace, entry.id)
    write_frozen(workspace.round(entry.id).settings, frozen)
    ledger.open, ledger.stopped = entry, None
    ledger.write()
    return entry


def _purse(workspace: Workspace, settings: CampaignSettings, before: RoundFolder, plan: Plan) -> float | None:
    """Money that the round's new items may cost, where items have costs of their own, or its second looks."""
    from labelloop import stopping
    from labelloop.evaluation import curve
    from labelloop.stages import composing, last_looks

    history = stopping.history_of(curve.read_curve(before.curve))
    if plan.looks:
        return last_looks.money_for_looks(settings, history)
    return composing.money_left(workspace, settings, history)


def next_plan(workspace: Workspace, ledger: Ledger) -> tuple[CampaignSettings, Plan | Stopped]:
    """What the next round would follow by params.yaml as it is now, and its plan; see `plan_round`."""
    settings = keep_held(load_settings(workspace.params), ledger)
    return settings, plan_round(workspace, settings, ledger.next_entry())


def plan_round(workspace: Workspace, settings: CampaignSettings, entry: Entry) -> Plan | Stopped:
    """What the round may ask, or why the campaign stops before it.

    Where there is nothing new to ask about, second looks may be left.

    Raises:
        SettingsError: the very first batch cannot be had from this pool.
    """
    from labelloop import datasets, stopping, tables
    from labelloop.evaluation import curve as curves
    from labelloop.stages import composing, last_looks
    from labelloop.stages.gold_arm import unasked_gold
    from labelloop.stages.quotas import within_quotas

    prepared = datasets.open_prepared(workspace.data)
    before = workspace.folder(entry.previous)
    taken = set(tables.ASKED.read(before.asked)["item"]) | set(tables.LABELS.read(before.labels)["item"])
    testing = int(prepared.splits.sum())
    first = entry.previous == "data/start"
    tested = len(taken & set(prepared.pool.ids_of(prepared.splits.nonzero()[0]))) if testing else 0
    gold = unasked_gold(workspace.root, settings, prepared, tables.ASKED.read(before.asked)) - taken
    left = len(prepared.pool) - testing - (len(taken) - tested) - len(gold)
    curve = curves.read_curve(before.curve)
    history = stopping.history_of(curve)
    signals = stopping.read_signals(before.stopping)

    def ended(rule: str, reason: str) -> Plan | Stopped:
        progress = stopping.Progress(settings.stopping, settings.budget, history, left, signals)
        if stopping.may_look_again(rule, progress):
            looks = last_looks.looks_left(workspace, settings, entry, history)
            if looks:
                return Plan(0, looks)
        return Stopped(rule, f"{reason} {last_looks.looked_again(curve)}".strip())

    decision = stopping.decide(settings.stopping, settings.budget, history, pool_left=left, signals=signals)
    if decision.stop:
        return ended(decision.rule, decision.reason)
    wanted = settings.acquisition.batch_size
    if first:
        wanted = first_batch_size(settings, given_classes(prepared, settings), len(prepared.classes))
        if wanted > left:
            raise SettingsError(
                f"the first batch asks about {wanted} items, but the pool has {left} besides the test set; "
                "lower acquisition.batch_size (or first_batch_size, or evaluation.test_size)"
            )
    wanted = within_quotas(settings, before, wanted, testing if first else 0)
    if settings.acquisition.compose.is_set:
        composed = composing.plan(workspace, settings, taken, wanted, history, gold)
        return ended(*composed) if isinstance(composed, tuple) else Plan(composed)
    affordable = stopping.affordable(settings, history, test_items=testing if first else 0)
    plan = min(wanted, left, affordable)
    if plan <= 0 < wanted:
        return ended(
            "budget", f"what is left of the budget pays for no further item (it affords {affordable})"
        )
    return Plan(plan)


def given_classes(prepared: Any, settings: CampaignSettings) -> set[str]:
    """Classes of which the data brings labels to train on."""
    if settings.dataset.known_labels == "hidden":
        return set()
    return {label for label, test in zip(prepared.known, prepared.splits, strict=True) if label and not test}


def first_batch_size(settings: CampaignSettings, given: set[str], n_classes: int) -> int:
    """Items to ask about in r000: none where known labels cover every class, unless params say otherwise."""
    acquisition = settings.acquisition
    if acquisition.first_batch_size is not None:
        return acquisition.first_batch_size
    return 0 if len(given) == n_classes else acquisition.batch_size
