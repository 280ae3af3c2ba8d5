"""DropQuery: ask where a prediction does not survive the loss of some features, spread over the pool."""

from __future__ import annotations

import dataclasses

import numpy as np

from labelloop.acquisition.base import Context, Picks, needs
from labelloop.acquisition.canonical import canonical_order
from labelloop.acquisition.k_means import pick_k_means
from labelloop.acquisition.keys import derived_seed
from labelloop.acquisition.linear_head import fit_linear_head
from labelloop.acquisition.margin import margin
from labelloop.acquisition.top import pick_highest

_STEP = 2048


@needs("probabilities", "embeddings")
def pick_dropquery(context: Context, batch_size: int, *, rounds: int = 3, dropout: float = 0.75) -> Picks:
    """Cluster the rows whose prediction changes under dropout; pick the middle of each cluster.

    Candidates are rows for which more than half of `rounds` predictions differ from the plain one. Where they
    are fewer than the batch, the rows that change least often of all follow by margin. With members of a
    committee in the context their votes are the perturbed predictions. Without, a linear head is fitted to
    the model's own log-probabilities and dropout falls on the embeddings.

    Args:
        rounds: perturbed predictions, without members.
        dropout: chance of each number of an embedding to be set to 0.

    Returns:
        Picks of `pick_k_means` among the candidates: without scores.

    Time: one pass and a matrix product a round. Memory: as `pick_k_means` on the candidates.

    Source: Gupte, Aklilu, Nirschl and Yeung-Levy (2024), Revisiting active learning in the era of vision
    foundation models.
    """
    assert context.probabilities is not None
    changed = _changes_by_members(context) if context.members is not None else None
    if changed is None:
        changed = _changes_by_dropout(context, rounds, dropout)
    doubtful = context.candidates[changed > 0.5]
    if len(doubtful) < batch_size:
        scores = changed + margin(context.probabilities, context.candidates) / 2
        doubtful = np.sort(pick_highest(scores.astype(np.float32), context, batch_size).rows)
    nothing = np.empty(0, dtype=np.int64)
    return pick_k_means(dataclasses.replace(context, candidates=doubtful, labeled=nothing), batch_size)


def _changes_by_members(context: Context) -> np.ndarray:
    """Share of the members that say another class than the model: shape (n_candidates,), float32."""
    assert context.probabilities is not None
    assert context.members is not None
    candidates, members = context.candidates, np.asarray(context.members)
    probabilities = np.asarray(context.probabilities)
    changed = np.empty(len(candidates), dtype=np.float32)
    for start in range(0, len(candidates), _STEP):
        rows = candidates[start : start + _STEP]
        plain = probabilities[rows].argmax(axis=1)
        votes = members[:, rows].argmax(axis=2)
        changed[start : start + _STEP] = (votes != plain).mean(axis=0)
    return changed


def _changes_by_dropout(context: Context, rounds: int, dropout: float) -> np.ndarray:
    """Share of the perturbed predictions that differ from the head's plain one; in the candidates' order."""
    assert context.probabilities is not None
    assert context.embeddings is not None
    embeddings, probabilities = context.embeddings, np.asarray(context.probabilities)
    rows = canonical_order(context, context.candidates, "dropquery")
    head = fit_linear_head(embeddings, probabilities, rows)
    random = np.random.default_rng(derived_seed(context.seed, "dropquery"))
    width = embeddings.shape[1]
    place = np.searchsorted(context.candidates, rows)
    changed = np.empty(len(rows), dtype=np.float32)
    for start in range(0, len(rows), _STEP):
        points = head.centred(embeddings[rows[start : start + _STEP]])
        plain = head.logits(points).argmax(axis=1)
        different = np.zeros(len(points), dtype=np.float32)
        for _ in range(rounds):
            kept = random.random((len(points), width), dtype=np.float32) >= dropout
            different += head.logits(points * kept).argmax(axis=1) != plain
        changed[place[start : start + _STEP]] = different / rounds
    return changed
