"""What a backtest replays: a labeled data set, a file of votes, or a campaign's own labels and votes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from labelloop import datasets, files, tables
from labelloop.backtesting import votes as recorded
from labelloop.backtesting.arena import known_codes
from labelloop.backtesting.judging import ACCURACY
from labelloop.backtesting.replay import Arena, LabelSource
from labelloop.campaign import CampaignSettings, load_settings
from labelloop.datasets.base import Prepared
from labelloop.errors import DataError, SettingsError
from labelloop.fusion.coding import standing_votes
from labelloop.fusion.votes_file import read_votes
from labelloop.fusion.votes_table import fuse_votes
from labelloop.ledger import Ledger
from labelloop.models.out_of_fold import out_of_fold
from labelloop.stages.composing import check_composition, check_mix
from labelloop.stages.crew_votes import CrewVotes
from labelloop.stages.fuse import fuse_as_set
from labelloop.stages.known_errors import with_known_errors
from labelloop.stages.named_options import check_named_options
from labelloop.stages.pool_use import with_pool
from labelloop.stopping import item_cost
from labelloop.workspace import Workspace

KNOWN, CREW, RECORDED = "known", "crew", "recorded"


@dataclass(frozen=True, eq=False)
class Material:
    """Everything that trials have in common; carried to worker processes."""

    folder: str
    """Of the prepared data."""
    settings: CampaignSettings
    truth: np.ndarray
    """Shape (len(pool),), int64: class codes, -1 where an item has none and is left out."""
    source: str
    """known, crew, or recorded (the votes of a campaign or of a file)."""
    votes: pd.DataFrame | None = None
    tested: np.ndarray | None = None
    """Rows of a test set that is fixed; None where it is given with the data, or drawn by seed."""
    notes: tuple[str, ...] = ()
    metric: str = ACCURACY
    """What trials are compared by."""

    @property
    def digest(self) -> str:
        """The same for the same material, in whichever process."""
        about = [self.folder, self.settings.model_dump(mode="json"), self.truth.tolist()]
        return files.digest_of(about)

    @property
    def currency(self) -> str:
        """What costs are counted in: answers, where params.yaml has no price for them."""
        return self.settings.annotation.currency if self._priced else "answers"

    @property
    def price_per_vote(self) -> float:
        return self.settings.annotation.cost_per_vote if self._priced else 1.0

    def item_price(self, overlap: int) -> float:
        """Money that `overlap` answers about an item of cost 1 cost at most."""
        if self.source == CREW and self._priced:
            return item_cost(self.settings.annotation, overlap)
        return overlap * self.price_per_vote

    @property
    def _priced(self) -> bool:
        return self.settings.annotation.cost_per_vote > 0


def from_params(params: Path, folder: Path, votes: str) -> Material:
    """Prepare the data that params.yaml names, and read the votes if `votes` is a file.

    Raises:
        DataError: the data has no labels, or the votes are about other items.
    """
    settings = load_settings(params)
    datasets.prepare(
        settings.dataset,
        settings.labels,
        test_size=settings.evaluation.test_size,
        seed=settings.campaign.seed,
        root=params.resolve().parent,
        out=folder,
    )
    prepared = datasets.open_prepared(folder)
    settings = with_known_errors(settings, params.resolve().parent, folder)
    settings, _ = with_pool(settings, folder)
    _check(prepared, settings)
    known = known_codes(prepared)
    if votes in (KNOWN, CREW):
        _refuse_unknown(prepared, known)
        return Material(str(folder), settings, known, votes)
    path = Path(votes)
    if votes == RECORDED or not path.exists():
        raise SettingsError(
            f"--votes {votes}: there is no such file. Say known (labels of the data, every answer right), "
            "crew (the simulated annotators of params.yaml), the path of a file of votes, or give "
            "--campaign FOLDER to replay a campaign's own votes"
        )
    given = recorded.from_file(read_votes(path, classes=prepared.classes), prepared)
    asked = np.isin(prepared.pool.ids.astype(str), given["item"].unique().astype(str))
    truth, notes = np.where(asked, known, -1), []
    if (truth[asked] < 0).any():
        fused = fuse_votes(given, prepared.classes, settings.fusion.method, settings.fusion.options,
                           ordered=settings.labels.ordered).table  # fmt: skip
        by_votes = recorded.codes_of(dict(zip(fused["item"], fused["label"], strict=True)), prepared)
        truth = np.where(asked & (known < 0), by_votes, truth)
        notes.append("Items without a known label are judged by all of their votes, fused.")
    return Material(str(folder), settings, truth, RECORDED, given, notes=(*notes, _votes_note(given)))


def from_campaign(folder: Path, votes: str) -> Material:
    """What a campaign has labeled so far, judged on its own test set.

    Raises:
        DataError: no round is closed yet.
    """
    workspace = Workspace.at(folder)
    last = Ledger.read(workspace.ledger).last_closed
    if last is None:
        raise DataError(f"the campaign in {folder} has closed no round yet, so it has nothing to replay")
    prepared = datasets.open_prepared(workspace.data)
    settings = with_known_errors(workspace.settings, workspace.root, workspace.data)
    settings, _ = with_pool(settings, workspace.data)
    _check(prepared, settings)
    labels = tables.LABELS.read(workspace.round(last.id).labels)
    truth = recorded.codes_of(dict(zip(labels["item"], labels["label"], strict=True)), prepared)
    tested = np.flatnonzero(prepared.splits & (truth >= 0)) if prepared.test is None else None
    note = (
        f"Only the {int((truth >= 0).sum())} items that this campaign has labeled were replayed. Most of "
        "them were picked by its own strategy, so random is judged on items that are not random: differences "
        "from it are not those of the whole pool."
    )
    if votes == KNOWN:
        return Material(str(workspace.data), settings, truth, KNOWN, tested=tested, notes=(note,))
    if votes != RECORDED:
        raise SettingsError(f"--votes {votes} does not go with --campaign; say recorded (what people "
                            "answered) or known (the fused labels, every answer right)")  # fmt: skip
    given = standing_votes(tables.VOTES.read(workspace.round(last.id).collected))
    given = given[["vote", "item", "annotator", "value", "cost"]]
    return Material(str(workspace.data), settings, truth, RECORDED, given, tested, (note, _votes_note(given)))


def notes_of(settings: CampaignSettings) -> list[str]:
    """What a reader must know of how the campaign was replayed, and of what was not replayed."""
    notes = []
    if settings.acquisition.compose.is_set:
        notes.append("Every trial's batches, those of random too, are composed as acquisition.compose says; "
                     "a mix picks only where the trial's name says so.")  # fmt: skip
    left = {
        "the control arm": settings.acquisition.control_share > 0,
        "second looks": settings.annotation.max_overlap is not None,
        "gold questions": settings.gold.on,
        "labels accepted from the model": settings.accept.target_error is not None,
        "labels by votes accepted under a certificate": settings.accept.fused.target_error is not None,
        "labels known before the campaign": settings.dataset.known_labels == "seed",
    }
    named = [name for name, is_set in left.items() if is_set]
    if named:
        notes.append(f"Not replayed: {', '.join(named)}.")
    return notes


def label_source(
    material: Material, arena: Arena, overlap: int, multiples: np.ndarray | None = None
) -> LabelSource:
    """Who answers in a trial.

    Args:
        multiples: what an answer about each row costs, see `composing.cost_multiples`.
    """
    price = material.price_per_vote
    if material.source == CREW:
        return CrewVotes(arena.settings, arena, overlap, multiples)
    if material.votes is None:
        return recorded.KnownLabels(material.truth, overlap=overlap, cost_per_vote=price, multiples=multiples)

    def fuse(votes: pd.DataFrame) -> pd.DataFrame:
        predictor = out_of_fold(arena.learner, arena.prepared, arena.settings.fusion.folds, set())
        return fuse_as_set(votes, arena.prepared, arena.settings, lambda: predictor).table

    return recorded.RecordedVotes(
        material.votes,
        arena.prepared,
        fuse,
        overlap=overlap,
        cost_per_vote=price,
        seed=arena.seed,
        multiples=multiples,
    )


def _check(prepared: Prepared, settings: CampaignSettings) -> None:
    """What a round would refuse of composition and options is refused before anything is replayed."""
    check_mix(settings)
    check_composition(prepared, settings)
    check_named_options(prepared, settings)


def _refuse_unknown(prepared: Prepared, known: np.ndarray) -> None:
    unknown = np.flatnonzero(known < 0)
    if len(unknown):
        raise DataError(
            f"{len(unknown)} of {len(known)} items have no label, such as {prepared.pool.ids[unknown[0]]!r}; "
            "a backtest replays labeled data only. `--votes FILE` replays votes about part of the pool, "
            "`--campaign FOLDER` what a campaign has labeled so far"
        )


def _votes_note(votes: pd.DataFrame) -> str:
    each = votes.groupby("item").size()
    return (
        f"{len(votes)} votes about {len(each)} items were replayed, {each.min()} to {each.max()} an item; an "
        "item with fewer votes than a trial asks for is asked as often as it can be."
    )
