"""`auto`: the method that the votes can bear, and why."""

from __future__ import annotations

import dataclasses

import numpy as np

from labelloop.fusion.base import Fusion, Votes
from labelloop.fusion.calibration import (
    LEAST_GOLD,
    cautious,
    check_calibration,
    conclude,
    fitted_temperature,
)
from labelloop.fusion.dependence import PairAgreement, pair_agreement, unexplained
from labelloop.fusion.evidence import Evidence, evidence_of, without_copies
from labelloop.fusion.expectation_maximisation import MOST_RATES, rates_of
from labelloop.fusion.fitting import check_stopping, checked_gold
from labelloop.fusion.majority import majority
from labelloop.fusion.pooled_dawid_skene import pooled_dawid_skene

LEAST_VOTES_PER_ITEM = 2
"""With fewer, nothing tells an able annotator from another."""
LEAST_VOTES_PER_ANNOTATOR = 3
LEAST_ITEMS = 50
LEAST_COMPONENT = 0.8
"""Share of the items in one connected part; skills in separate parts cannot be compared."""
MOST_OVERTURNED = 0.1
"""Share of items with three or more votes, all the same, that a method may label otherwise."""
MOST_UNEXPLAINED = 0.05
"""By how much more agreement between annotators may be left unexplained than by counting votes: on eight real
crowds it is at most .03, for labels that follow three or four colluders among twelve people .06 to .17."""
LEAST_GOLD_TO_JUDGE = 20


def auto(
    votes: Votes,
    *,
    gold: np.ndarray | None = None,
    item_prior: np.ndarray | None = None,
    warm_start: np.ndarray | None = None,
    max_iter: int = 100,
    tol: float = 1e-5,
    temperature: float | None = None,
) -> Fusion:
    """Fuse by `pooled_dawid_skene`, blended with votes, or by `majority` where that cannot be trusted.

    Before the fit: annotators whose answers depend on each other count as one; unless an item prior says
    more, majority decides where items have fewer than two votes, annotators fewer than three, where there are
    fewer than 50 items, where nobody ever agrees with anybody, or where the graph of items and annotators
    falls apart. After it: the one decides that clearly has more gold right; where gold does not tell,
    majority, where the crowd's usual answer to a class is another class, a class has vanished, unanimous
    items are overturned, or agreement between annotators is explained worse than by counting.

    Args:
        votes: coded votes.
        gold: shape (n_items,), int64, -1 where unknown; known items keep their class, and the confidence of
            the others is calibrated on them.
        item_prior: shape (n_items, n_classes); see `dawid_skene`. Not used where majority decides.
        warm_start: shape (n_items, n_classes); see `dawid_skene`.
        max_iter: iterations at most.
        tol: stop when the log posterior rises by less than this, in nats an item.
        temperature: what log posteriors are divided by; None fits it on gold, or makes the confidence
            `calibration.cautious` where there is too little of it.

    Returns:
        Its `method` names the one chosen, such as `auto/1+majority/1`, and its `reason` says why.
    """
    check_stopping(max_iter, tol)
    check_calibration(False, temperature)
    gold = checked_gold(gold, (len(votes.items), len(votes.classes)))
    evidence = evidence_of(votes)
    counted = without_copies(votes, evidence.copiers)
    told = _told(evidence, votes)
    against = _against_estimating(counted, evidence, item_prior is not None)
    if not against:
        # The shares of votes know nothing of an item prior: a blend would take half of it away again.
        options = {
            "item_prior": item_prior, "max_iter": max_iter, "tol": tol, "blend_votes": item_prior is None,
        }  # fmt: skip
        blind = pooled_dawid_skene(counted, warm_start=warm_start, temperature=1.0, **options)  # type: ignore[arg-type]
        against = _against_result(counted, blind, gold)
        cleared = _lead_on_gold(counted, blind, majority(counted), gold) > 0
        if not (against or cleared) and item_prior is None:
            # With a prior labels follow more than the votes, whose agreement they need not explain best.
            pairs = pair_agreement(counted) if evidence.copiers else evidence.pairs
            against = _against_following_a_few(counted, blind, pairs)
    if against:
        by_votes = conclude(
            counted, lambda *_: majority(counted).posterior, "auto/1+majority/1", gold=gold, warm_start=None,
            blend_votes=False, temperature=temperature,
        )  # fmt: skip
        return dataclasses.replace(by_votes, reason=f"majority, since {against}; {told}")
    fusion = blind
    known = _known(counted, gold)
    uncalibrated = temperature is None and len(known) < LEAST_GOLD
    if temperature is None:
        temperature = 1.0 if uncalibrated else fitted_temperature(blind.posterior[known], gold[known])  # type: ignore[index]
    if gold is not None or temperature != 1:
        fusion = pooled_dawid_skene(
            counted, gold=gold, warm_start=blind.posterior, temperature=temperature, **options  # type: ignore[arg-type]
        )  # fmt: skip
    if uncalibrated:
        heard = None if item_prior is None else ~np.isnan(item_prior).any(axis=1)
        fusion = cautious(fusion, counted, heard)
    return dataclasses.replace(
        fusion,
        method=f"auto/1+{fusion.method}",
        reason=f"skills and confusions of the annotators can be estimated: {told}",
    )


def _told(evidence: Evidence, votes: Votes) -> str:
    connected = "connected" if evidence.components == 1 else f"in {evidence.components} parts"
    told = (
        f"median {evidence.votes_per_item:g} votes an item and {evidence.votes_per_annotator:g} by the "
        f"annotator of a vote, {len(votes.classes)} classes, items and annotators {connected}"
    )
    for group in evidence.copiers:
        names = ", ".join(str(votes.annotators[code]) for code in group[:10])
        more = f" and {len(group) - 10} more" if len(group) > 10 else ""
        told += f"; the answers of {names}{more} depend on each other and count once"
    return told


def _against_estimating(votes: Votes, evidence: Evidence, has_prior: bool) -> str:
    """What speaks against estimating skills at all, or ''."""
    if not len(votes.item):
        return "there are no votes"
    if len(votes.classes) < 2:
        return "there is one class"
    if rates_of(votes) > MOST_RATES:
        return "annotators and classes are too many for confusions to be held"
    if has_prior:
        return ""
    per_item = np.bincount(votes.item)
    if (per_item > 0).sum() < LEAST_ITEMS:
        return f"there are fewer than {LEAST_ITEMS} items"
    if np.median(per_item[per_item > 0]) < LEAST_VOTES_PER_ITEM:
        return "half of the items have fewer than two independent votes"
    if evidence.votes_per_annotator < LEAST_VOTES_PER_ANNOTATOR:
        return "the annotators gave too few votes to be told apart"
    if evidence.pairs.shared.sum() and not evidence.pairs.same.sum():
        return "no two votes about an item are the same"
    if evidence.largest_component < LEAST_COMPONENT:
        return f"at most {evidence.largest_component:.0%} of the items are connected by annotators"
    return ""


def _against_result(votes: Votes, fusion: Fusion, gold: np.ndarray | None) -> str:
    """What speaks against labels that were fused without gold, or ''."""
    n_classes = len(votes.classes)
    plain = majority(votes)
    lead = _lead_on_gold(votes, fusion, plain, gold)
    if lead:
        # Gold knows; what comes below only suspects.
        return f"majority has {-lead} more gold items right than estimated skills" if lead < 0 else ""
    usual = np.array([
        fusion.posterior[votes.item[votes.label == code]].sum(axis=0) for code in range(n_classes)
    ]).argmax(axis=0)  # fmt: skip
    before = np.bincount(plain.label, minlength=n_classes)
    after = np.bincount(fusion.label, minlength=n_classes)
    noticeable = np.maximum(5, 0.01 * len(votes.items))
    turned = (usual != np.arange(n_classes)) & (after >= noticeable)
    if turned.any():
        code = int(turned.argmax())
        return (f"items fused as {votes.classes[code]!r} were mostly called {votes.classes[usual[code]]!r}, "
                "so the confusions found are off the diagonal")  # fmt: skip
    vanished = (before >= noticeable) & (after == 0)
    if vanished.any():
        return f"estimating confusions makes the class {votes.classes[int(vanished.argmax())]!r} vanish"
    total = np.bincount(votes.item, minlength=len(votes.items))
    agreeing = np.bincount(votes.item[votes.label == plain.label[votes.item]], minlength=len(votes.items))
    unanimous = (total >= 3) & (agreeing == total)
    overturned = unanimous & (fusion.label != plain.label)
    if overturned.sum() > MOST_OVERTURNED * unanimous.sum() + 3:
        return f"estimating skills overturns {overturned.sum()} of {unanimous.sum()} unanimous items"
    return ""


def _lead_on_gold(votes: Votes, fusion: Fusion, plain: Fusion, gold: np.ndarray | None) -> int:
    """How many more gold items `fusion` has right than `plain`; 0 where gold is too little to tell."""
    known = _known(votes, gold)
    if gold is None or len(known) < LEAST_GOLD_TO_JUDGE:
        return 0
    right, plainly_right = ((one.label == gold)[known] for one in (fusion, plain))
    lead = int(right.sum()) - int(plainly_right.sum())
    # One standard deviation and a half of a fair coin over the items on which the two differ.
    return lead if abs(lead) > 1.5 * np.sqrt((right != plainly_right).sum()) else 0


def _against_following_a_few(votes: Votes, fusion: Fusion, pairs: PairAgreement) -> str:
    """Whether the labels leave people's agreement with each other unexplained, in words, or ''."""
    more = unexplained(votes, fusion.label, pairs) - max(unexplained(votes, majority(votes).label, pairs), 0)
    if more > MOST_UNEXPLAINED:
        return (f"estimated skills follow a few annotators who agree with each other, against the rest, who "
                f"do too (agreement left unexplained: {more:.2f} more than by counting votes)")  # fmt: skip
    return ""


def _known(votes: Votes, gold: np.ndarray | None) -> np.ndarray:
    if gold is None:
        return np.empty(0, dtype=np.int64)
    voted = np.bincount(votes.item, minlength=len(votes.items)) > 0
    known: np.ndarray = np.flatnonzero((gold >= 0) & voted)
    return known
