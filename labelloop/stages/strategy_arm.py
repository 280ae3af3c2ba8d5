"""The strategy's arm of a batch: what the model, or coverage, picks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from labelloop import acquisition, files, models
from labelloop.acquisition.base import Context, HeldOut, Strategy
from labelloop.acquisition.composition import Composition, compose
from labelloop.datasets.base import Prepared
from labelloop.models.out_of_fold import held_out
from labelloop.stages.backtest_followed import Proven
from labelloop.stages.composing import composition_of
from labelloop.stages.pool_embeddings import EmbeddedByModel, IdsInPlace, pool_embeddings, read_in_place
from labelloop.stages.reducing import Reduced, RunCandidates, reduce_candidates
from labelloop.stages.runner import Round
from labelloop.stages.train import untrained


def strategy_arm(
    current: Round,
    candidates: np.ndarray,
    covered: np.ndarray,
    wanted: int,
    prepared: Prepared,
    labels: pd.DataFrame,
    money: float | None = None,
    run_shards: RunCandidates | None = None,
    told: Mapping[str, Any] | None = None,
) -> tuple[pd.DataFrame, dict[str, Any]]:
    """The strategy's part of the batch, and what selection.json says of it.

    Args:
        money: what it may cost; only with `acquisition.compose.cost_column`.
        run_shards: looks through the shards of a large pool, where `acquisition.candidates` is set.
        told: options of the strategy that follow from the campaign's votes.
    """
    scores = files.read_json(current.folder.scores / "scores.json")
    about = {"strategy": scores["strategy"], "picked": wanted, "reason": scores["note"]}
    if not wanted:
        return arm("strategy", np.array([], dtype=np.int64), 0.0, 1.0), about
    proven = Proven.of(current.about, trained=scores["trained"])
    options = proven.options(scores["strategy"], {**scores["options"], **(told or {})})
    strategy = acquisition.make_strategy(scores["strategy"], options)
    codes = label_codes(prepared, covered, labels)
    composition = None
    if current.settings.acquisition.compose.is_set:
        composition = composition_of(
            prepared,
            proven.settings(current.settings),
            covered,
            money=money,
            mixed=scores.get("mixed", False),
        )
    picking = [strategy] if composition is None else [strategy, *(part for part, _ in composition.mix)]
    context = Context(
        candidates=candidates,
        labeled=covered,
        probabilities=scores_array(current, "probabilities"),
        embeddings=pool_embeddings(current.folder.scores, prepared.pool),
        seed=current.about["seed"],
        ids=IdsInPlace(prepared.pool) if read_in_place(picking) else prepared.pool.ids,
        members=scores_array(current, "members"),
        labels=codes,
        classes=prepared.classes,
        held_out=_held_out(current, prepared, covered, codes) if scores["trained"] else None,
        reserved=np.flatnonzero(prepared.splits),
    )
    allowed = None if composition is None else composition.allowed
    context, reduced = _reduced(current, prepared, strategy, scores, context, allowed, run_shards)
    if scores.get("embedded_later"):
        context = replace(context, embeddings=_by_model(current, prepared, context))
    if composition is not None:
        picks = compose(strategy, context, wanted, composition, cut=True)
        about |= {"strategy": _mixed(composition) or about["strategy"], "picked": len(picks.rows)}
    else:
        picks = acquisition.select_rows(strategy, context, wanted)
    if reduced is not None:
        picks = reduced.told(picks)
    names = [scores["strategy"]]
    if composition is not None and composition.mix:
        names = [part.name for part, _ in composition.mix]
    # A note tells of a strategy that stands in for the settings' own.
    told_of = proven.told(names, named=not scores["note"])
    about["reason"] = " ".join(said for said in (scores["note"], picks.reason, *told_of) if said)
    let_in = None if composition is None else composition.allowed
    about["drawn_among"] = len(candidates) if let_in is None else int(let_in[candidates].sum())
    draws = np.full(len(picks.rows), np.nan) if picks.draws is None else picks.draws
    return arm("strategy", picks.rows, picks.scores, picks.probabilities, draws), about


def _reduced(
    current: Round,
    prepared: Prepared,
    strategy: Strategy,
    scores: Mapping[str, Any],
    context: Context,
    allowed: np.ndarray | None,
    run_shards: RunCandidates | None,
) -> tuple[Context, Reduced | None]:
    """The context with the candidates that the strategy looks at, and how they were found; None: all of them.

    Args:
        allowed: shape (n,), bool: rows that the filter lets in; None lets in all.
    """
    asked = current.settings.acquisition
    # What reads nothing, such as random, has nothing to look at.
    if asked.candidates is None or not scores["arrays"]:
        return context, None
    if allowed is not None:
        context = replace(context, candidates=context.candidates[allowed[context.candidates]])
    later = scores.get("embedded_later", False)
    by_doubt = scores["trained"] and _goes_by_doubt(current, prepared, strategy, context, later=later)
    reduced = reduce_candidates(
        current.workspace,
        current.folder.scores / "probabilities.npy" if by_doubt else None,
        context,
        asked.candidates,
        shard_size=asked.shard_size,
        no_doubt=f"{strategy.name} does not go by the model's doubt here" if scores["trained"] else "",
        run_shards=run_shards,
    )
    return context if reduced is None else replace(context, candidates=reduced.rows), reduced


def _goes_by_doubt(
    current: Round, prepared: Prepared, strategy: Strategy, context: Context, *, later: bool
) -> bool:
    if callable(strategy.doubt) and later:
        # Who decides by the context decides by its labeled rows; nothing else is embedded for that.
        few = replace(context, candidates=context.candidates[:1])
        context = replace(context, embeddings=_by_model(current, prepared, few))
    return strategy.goes_by_doubt(context)


def _by_model(current: Round, prepared: Prepared, context: Context) -> EmbeddedByModel:
    """Embeddings by the model that the pool was scored with, at once of all that the strategy will read."""
    rows = np.union1d(context.candidates, context.labeled).astype(np.int64)
    embed = models.load_learner(current.previous.model).embed
    return EmbeddedByModel(embed, prepared.pool.inputs, rows, len(prepared.pool))


def _held_out(current: Round, prepared: Prepared, rows: np.ndarray, codes: np.ndarray) -> HeldOut:
    folds = current.settings.fusion.folds
    return held_out(lambda: untrained(current, prepared), prepared, folds, rows, codes)


def _mixed(composition: Composition) -> str:
    """The mix in words; empty where one strategy picks."""
    return " + ".join(f"{share:.0%} {part.name}" for part, share in composition.mix)


def label_codes(prepared: Prepared, rows: np.ndarray, labels: pd.DataFrame) -> np.ndarray:
    """Class codes of rows of the pool; -1 without a label, and for test items, whose labels stay unseen."""
    codes = {name: code for code, name in enumerate(prepared.classes)}
    training = labels[labels["split"] == "train"]
    known = np.full(len(prepared.pool), -1, dtype=np.int64)
    if len(training):
        known[prepared.pool.rows_of(training["item"].tolist())] = training["label"].map(codes)
    return known[rows]


def arm(name: str, rows: np.ndarray, score: Any, probability: Any, draws: Any = np.nan) -> pd.DataFrame:
    """Rows of the pool as a part of the batch; scores and chances one for all or one a row."""
    return pd.DataFrame(
        {"row": rows, "arm": name, "score": score, "probability": probability, "draw_probability": draws}
    )


def scores_array(current: Round, name: str) -> np.ndarray | None:
    """An array of `scores/`, memory-mapped; None where the strategy does not read it."""
    path = current.folder.scores / f"{name}.npy"
    return np.load(path, mmap_mode="r", allow_pickle=False) if path.exists() else None
