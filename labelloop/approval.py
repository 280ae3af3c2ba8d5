"""A person's word on a batch before anybody is asked: what is shown, and what was decided.

Kept in rounds/<id>/approved.json with the batch's digest, so that a word counts for the batch that was
shown and for no other.
"""

from __future__ import annotations

import getpass
import shutil
import socket
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from labelloop import files
from labelloop.campaign import CampaignSettings
from labelloop.errors import DamagedFileError, LabelloopError
from labelloop.ledger import Ledger, read_frozen
from labelloop.round_folder import RoundFolder
from labelloop.stopping import item_cost
from labelloop.workspace import Workspace

SHOWN = 10
"""Items that are named; the rest are in batch.parquet."""

LONGEST_TEXT = 500
"""Characters of a name or a reason that are kept."""


@dataclass(frozen=True)
class Decision:
    """What was decided about a batch."""

    approved: bool
    by: str
    at: str
    """ISO 8601, UTC."""
    digest: str
    """SHA-256 of the batch.parquet that was shown."""
    reason: str = ""

    def __str__(self) -> str:
        what = "approved" if self.approved else "rejected"
        return f"{what} by {self.by} on {self.at[:16].replace('T', ' ')} UTC" + (
            f": {self.reason}" if self.reason else ""
        )


@dataclass(frozen=True)
class Batch:
    """A batch that needs a word, as it is shown."""

    round_id: str
    digest: str
    items: int
    arms: Mapping[str, int]
    """Items of each arm."""
    votes: int
    cost: float
    """Money that all answers cost, each item by its own price: by the dearest annotators, so at most, or by
    those who are asked."""
    named: bool
    """Whether each question is for one person. What that person skips, somebody dearer may answer."""
    currency: str
    tool: str
    first: tuple[str, ...]
    """Items that rank first."""
    since: datetime
    """When it was selected, by this machine's clock."""
    decision: Decision | None

    def __str__(self) -> str:
        arms = ", ".join(f"{count} {arm}" for arm, count in self.arms.items())
        return (
            f"{self.round_id}: {self.items} items ({arms}), {self.votes} answers in the tool {self.tool}, "
            f"{self._money}"
        )

    @property
    def _money(self) -> str:
        return f"{'' if self.named else 'at most '}{self.cost:.2f} {self.currency}"

    def as_markdown(self) -> str:
        """For the form in the Prefect UI."""
        lines = [f"## {self.round_id}: shall people be asked?", "", "| arm | items |", "|---|---:|"]
        lines += [f"| {arm} | {count} |" for arm, count in self.arms.items()]
        lines += [
            "",
            f"**{self.votes} answers**, {self._money}, in the tool {self.tool}.",
            "",
            "First: " + ", ".join(f"`{item}`" for item in self.first),
        ]
        return "\n".join(lines)


def open_batch(workspace: Workspace) -> Batch | None:
    """The open round's batch, where the round wants a word and was not pushed yet; else None.

    A round that has begun to be pushed is past the question, and one that asks nothing needs no word.
    """
    entry = Ledger.read(workspace.ledger).open
    if entry is None:
        return None
    folder = workspace.round(entry.id)
    if not folder.settings.exists() or not folder.batch.exists() or folder.pushed.exists():
        return None
    settings = read_frozen(folder.settings)[1]
    if not settings.annotation.approval:
        return None
    import pyarrow.parquet as pq

    table = pq.read_table(folder.batch, columns=["item", "arm", "overlap"]).to_pydict()
    arms = {arm: table["arm"].count(arm) for arm in dict.fromkeys(table["arm"])}
    votes, digest = sum(table["overlap"]), files.digest(folder.batch)
    asked = []
    if folder.routing.exists():  # rounds that an earlier version opened have none
        asked = pq.read_table(folder.routing, columns=["item", "annotator"]).to_pylist()
    votes = len(asked) + (0 if settings.annotation.routing.on else votes)
    if not votes:
        return None
    return Batch(
        round_id=entry.id,
        digest=digest,
        items=len(table["item"]),
        arms=arms,
        votes=votes,
        cost=_cost(workspace, settings, table, asked),
        named=settings.annotation.routing.on,
        currency=settings.annotation.currency,
        tool=settings.annotation.tool,
        first=tuple(str(item) for item in table["item"][:SHOWN]),
        since=datetime.fromtimestamp(folder.batch.stat().st_mtime, UTC),
        decision=read_decision(folder, digest),
    )


def _cost(
    workspace: Workspace,
    settings: CampaignSettings,
    batch: Mapping[str, Sequence[Any]],
    asked: Sequence[Mapping[str, str]],
) -> float:
    """Money for all answers: at most what the dearest would take, or what those take who are asked.

    Args:
        batch: columns item and overlap.
        asked: item and annotator of each question that is for one person.
    """
    from labelloop.stages.composing import cost_multiples

    annotation = settings.annotation
    times = cost_multiples(workspace, settings, {*batch["item"], *(one["item"] for one in asked)})
    cost = sum(annotation.price_of(one["annotator"]) * times.get(one["item"], 1.0) for one in asked)
    if annotation.routing.on:
        return cost
    return cost + sum(
        item_cost(annotation, overlap) * times.get(item, 1.0)
        for item, overlap in zip(batch["item"], batch["overlap"], strict=True)
    )


def read_decision(folder: RoundFolder, digest: str) -> Decision | None:
    """What was decided about the batch with this digest.

    Raises:
        DamagedFileError: approved.json is not what labelloop wrote.
    """
    if not folder.approved.exists():
        return None
    try:
        decision = Decision(**files.read_json(folder.approved))
    except TypeError as error:
        raise DamagedFileError(f"{folder.approved} is damaged: {error}; delete it and decide again") from None
    if not isinstance(decision.approved, bool):
        raise DamagedFileError(
            f"{folder.approved} is damaged: 'approved' is {decision.approved!r}; delete it and decide again"
        )
    return decision if decision.digest == digest else None


def decide(
    workspace: Workspace, round_id: str, *, approved: bool, digest: str, by: str = "", reason: str = ""
) -> Decision:
    """Write down what a person decided about a batch that they have seen.

    Args:
        digest: of the batch that was shown.
        by: who; default: the user of this process.

    Raises:
        LabelloopError: that batch does not wait for a word, or it is rejected without a reason.
    """
    batch = open_batch(workspace)
    if batch is None or batch.round_id != round_id:
        raise LabelloopError(f"{round_id} does not wait for approval; nothing was changed")
    if batch.digest != digest:
        raise LabelloopError(f"the batch of {round_id} is another one than was shown; look at it again")
    if not approved and not reason.strip():
        raise LabelloopError(f"{round_id} was not rejected: say why, so that others can act on it")
    decision = Decision(
        approved=approved,
        by=(by or f"{getpass.getuser()}@{socket.gethostname()}")[:LONGEST_TEXT],
        at=datetime.now(UTC).isoformat(timespec="seconds"),
        digest=digest,
        reason=reason.strip()[:LONGEST_TEXT],
    )
    files.write_json(workspace.round(round_id).approved, asdict(decision))
    return decision


def has_asked(folder: RoundFolder) -> bool:
    """Whether people may have heard of the round: a push of at least one question was begun."""
    return any(line.get("tasks") for line in files.read_lines(folder.pushed))


def why_not_reopen(workspace: Workspace) -> str:
    """Why the open round may not be taken back, in a sentence; empty where it may.

    Nothing is lost with a round that nobody was asked about, however far it went. But once a certificate was
    tried its outcome is known, and the try counts. A batch that waits for a word, or got it, is not taken
    away from whoever decides about it.
    """
    entry = Ledger.read(workspace.ledger).open
    if entry is None:
        return "no round is open; the next look opens one with params.yaml as it is then"
    folder = workspace.round(entry.id)
    if has_asked(folder):
        return f"round {entry.id} was pushed: people may have been asked, so it keeps what it was opened with"
    if folder.certificate.exists():
        return f"round {entry.id} was judged already; `labelloop advance` closes it"
    batch = open_batch(workspace)
    if batch is None or (batch.decision and not batch.decision.approved):
        return ""
    if batch.decision:
        return f"the batch of {entry.id} was {batch.decision}; it is to be pushed"
    return f"the batch of {entry.id} waits for a word; `labelloop approve --reject REASON` rejects it first"


def reopen(workspace: Workspace) -> Path:
    """Take back an open round that nobody was asked about: the next look opens it anew, with params as they
    are then.

    Only the holder of the campaign may call it.

    Returns:
        Where the files of the round are kept.

    Raises:
        LabelloopError: there is no such round; says why not.
    """
    why_not = why_not_reopen(workspace)
    if why_not:
        raise LabelloopError(f"nothing was opened anew: {why_not}")
    ledger = Ledger.read(workspace.ledger)
    assert ledger.open is not None
    round_id, batch = ledger.open.id, open_batch(workspace)
    at = batch.decision.at if batch and batch.decision else datetime.now(UTC).isoformat(timespec="seconds")
    kept = workspace.state / "rejected" / f"{round_id}-{at.replace(':', '')}"
    # Copied first: whatever a crash leaves, the round can be read, and no round is half there.
    shutil.copytree(workspace.round(round_id).path, kept, dirs_exist_ok=True)
    ledger.open = None
    ledger.write()
    clear_away(workspace, round_id)
    return kept


def clear_away(workspace: Workspace, round_id: str) -> None:
    """Remove what is left of a round that the ledger does not name, so that no new one of its name uses it.

    A round that may have asked people is left as it is: only its files know what was asked.
    """
    folder = workspace.round(round_id)
    if has_asked(folder):
        return
    for path in (folder.path, workspace.state / "receipts" / round_id):
        if path.exists():
            shutil.rmtree(path)


def require(workspace: Workspace, round_id: str) -> None:
    """Refuse to push a batch that wants a word and has none.

    Raises:
        LabelloopError: says how to approve it.
    """
    batch: Any = open_batch(workspace)
    if batch is None or batch.round_id != round_id or (batch.decision and batch.decision.approved):
        return
    state = f"was {batch.decision}" if batch.decision else "waits for approval (annotation.approval)"
    raise LabelloopError(f"the batch of {round_id} {state}; `labelloop approve {workspace.root}` shows it")
