"""A table of votes made into a table of labels, each with all that it rests on."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from labelloop import files, tables
from labelloop.errors import DataError
from labelloop.fusion import check_hears_models, make_fuser
from labelloop.fusion.base import Fusion, Votes
from labelloop.fusion.calibration import calibration_told, tempered
from labelloop.fusion.coding import code_votes, standing_votes
from labelloop.fusion.model_prior import ModelPrior, tuned_prior
from labelloop.fusion.ordinal import by_median
from labelloop.fusion.prior_judge import LEAST_KNOWN, Judgement, judged

Predict = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""`(items, class codes) -> probabilities`, shape (n_items, n_classes), each item's from a model trained
without it; rows of NaN where the model may not be asked."""


@dataclass(frozen=True)
class FusedVotes:
    """Labels, and how they came about."""

    table: pd.DataFrame
    """Columns of `tables.FUSED`, sorted by item."""
    about: dict[str, Any]
    """Method, reason, temperature, options and counts, JSON-like."""


def fuse_votes(
    votes: pd.DataFrame,
    classes: Sequence[str],
    method: str = "majority",
    options: Mapping[str, Any] | None = None,
    *,
    gold: Mapping[str, str] | None = None,
    predict: Predict | None = None,
    ordered: bool = False,
    apart: Collection[str] = (),
    known: Mapping[str, str] | None = None,
) -> FusedVotes:
    """Fuse votes into one row an item.

    Only what stands is fused: of several answers of one annotator to one item the latest, and none where
    it was deleted or skipped. Items that nobody has answered have no row.

    Args:
        votes: columns vote, item, annotator and value (a class name) of `tables.VOTES`; also key, action and
            answered_at, where something may have been changed or taken back.
        classes: every class of the campaign, in its order; the order of `posterior`.
        method: name of a fusion method.
        options: keyword arguments of the method.
        gold: true classes of some items; they keep them, and confidence is calibrated on them.
        predict: asks a model, which is heard as far as `model_prior.tuned_prior` allows, unless gold or
            what else is known shows that it makes labels worse.
        ordered: `classes` have an order, and the label is the posterior's median; see `ordinal.by_median`.
        apart: items that no model may have a say in; what it says of them only judges it.
        known: true classes of items that are not gold, to judge the model by: those of a random sample.

    Returns:
        A table that is independent of the order of rows in `votes`, except where one annotator gave two
        answers about one item at the very same time: then the later row counts.

    Raises:
        SettingsError: see `make_fuser`; or `predict` is given and the method cannot hear a model.
        DataError: a value is missing or not one of `classes`, of votes or gold.
    """
    fuser = make_fuser(method, options)
    if predict is not None:
        check_hears_models(method)
    about: dict[str, Any] = {"method": method, "options": dict(options or {}), "reason": "",
                             "temperature": None, "calibration": "", "items": 0, "annotators": 0, "votes": 0,
                             "gold_items": 0, "model": None}  # fmt: skip
    standing = votes if votes.empty else standing_votes(votes)
    if standing.empty:
        return FusedVotes(tables.FUSED.empty(), about)
    coded = code_votes(standing, classes)
    codes = _gold_codes(coded, gold) if gold else None
    fusion, prior = fuser(coded, gold=codes), None
    if predict is not None:
        kept_from = frozenset(apart)
        kept_out = np.array([item in kept_from for item in coded.items], dtype=bool)
        truth = _gold_codes(coded, dict(known or {}) | dict(gold or {}))
        said = predict(coded.items, fusion.label)
        fusion, prior = with_model(coded, fusion, said, method, options, codes, apart=kept_out, truth=truth,
                                   ordered=ordered)  # fmt: skip
    if ordered:
        fusion = by_median(fusion)
    parameters = parameters_digest(fusion, options)
    gold_items = 0 if codes is None else int((codes >= 0).sum())
    about |= {
        "method": fusion.method,
        "reason": fusion.reason,
        "temperature": fusion.temperature,
        "calibration": calibration_told(fusion, gold_items, options),
        "parameters": parameters,
        "items": len(coded.items),
        "annotators": len(coded.annotators),
        "votes": len(coded.item),
        "gold_items": gold_items,
        "model": prior and told_of_model(prior),
    }
    given = prior.rows if prior is not None else None
    table = label_table(coded, fusion, gold=codes, prior=given, parameters=parameters)
    vote_ids = by_item(coded.item, standing["vote"].to_numpy(), len(coded.items))
    return FusedVotes(table.assign(vote_ids=pd.Series(vote_ids, dtype=object)), about)


def with_model(
    coded: Votes,
    alone: Fusion,
    predicted: np.ndarray,
    method: str,
    options: Mapping[str, Any] | None,
    gold: np.ndarray | None,
    *,
    apart: np.ndarray | None = None,
    truth: np.ndarray | None = None,
    ordered: bool = False,
) -> tuple[Fusion, ModelPrior]:
    """The fusion with a model's word as item prior, as far as `model_prior.tuned_prior` allows.

    It is dropped where items whose truth is known, or the votes of those it was kept out of, show that it
    makes labels worse; see `prior_judge`.

    Args:
        alone: what `method` makes of the votes without the model.
        predicted: shape (n_items, n_classes); rows of NaN where the model may not be asked.
        gold: shape (n_items,), int64, -1 where unknown.
        apart: shape (n_items,), bool: items that no model may have a say in.
        truth: shape (n_items,), int64, -1 where unknown: what the model is judged by; None: gold.
        ordered: it is judged by medians, which the labels will be; see `ordinal`.
    """
    prior = tuned_prior(coded, predicted, apart)
    rows = prior.rows
    if rows is None:
        return alone, prior
    heard = _heard(coded, rows, prior.start, method, options, gold)
    if "majority/" in heard.method:
        told = f"the model is not heard: with it, {heard.reason}"
        return alone, dataclasses.replace(prior, rows=None, start=None, reason=told)
    truth = gold if truth is None else truth
    judgement = _judged(coded, predicted, prior, method, options, truth, ordered)
    prior = dataclasses.replace(prior, judgement=judgement)
    if judgement.against:
        told = f"the model is not heard: with it {judgement.against} ({judgement.told})"
        return alone, dataclasses.replace(prior, rows=None, start=None, reason=told)
    if judgement.told:
        prior = dataclasses.replace(prior, reason=f"{prior.reason}; {judgement.told}")
    return _where_heard(alone, heard, ~np.isnan(rows).any(axis=1)), prior


def with_the_same_word(
    coded: Votes, alone: Fusion, prior: ModelPrior, method: str, options: Mapping[str, Any] | None
) -> Fusion:
    """The fusion without gold where `with_model` has decided, with gold, whether the model is heard."""
    if prior.rows is None:
        return alone
    heard = _heard(coded, prior.rows, prior.start, method, options)
    return _where_heard(alone, heard, ~np.isnan(prior.rows).any(axis=1))


def _heard(
    coded: Votes,
    rows: np.ndarray,
    start: np.ndarray | None,
    method: str,
    options: Mapping[str, Any] | None,
    gold: np.ndarray | None = None,
) -> Fusion:
    given = dict(options or {}) | {"item_prior": rows, "warm_start": start}
    return make_fuser(method, given)(coded, gold=gold)


def _judged(
    coded: Votes,
    predicted: np.ndarray,
    prior: ModelPrior,
    method: str,
    options: Mapping[str, Any] | None,
    truth: np.ndarray | None,
    ordered: bool,
) -> Judgement:
    """Judge the model by fusing with and without it, both times as if nothing were known of any item."""
    classes = len(coded.classes)
    known: np.ndarray = np.zeros(0, dtype=np.int64)
    if truth is not None:
        voted = np.bincount(coded.item, minlength=len(coded.items)) > 0
        known = np.flatnonzero((truth >= 0) & voted & ~np.isnan(predicted).any(axis=1))
    if truth is None or len(known) < LEAST_KNOWN:
        nothing = np.zeros((0, classes))
        found = judged(nothing, nothing, np.zeros(0, dtype=np.int64), prior.apart_gains)
        return dataclasses.replace(found, known=len(known))
    rows = tempered(predicted, prior.temperature)
    rows[np.isnan(predicted).any(axis=1)] = np.nan
    heard = _heard(coded, rows, rows, method, options)
    alone = make_fuser(method, options)(coded)
    return judged(
        heard.posterior[known], alone.posterior[known], truth[known], prior.apart_gains, ordered=ordered
    )


def told_of_model(prior: ModelPrior) -> dict[str, Any]:
    """What became of a model's word, JSON-like."""
    gain = None if np.isnan(prior.gain) else prior.gain
    return {"heard": prior.rows is not None, "temperature": prior.temperature, "gain": gain,
            "reason": prior.reason,
            "judged": None if prior.judgement is None else prior.judgement.figures}  # fmt: skip


def parameters_digest(fusion: Fusion, options: Mapping[str, Any] | None) -> str:
    """Digest of the method's version, its options and the temperature."""
    return files.digest_of([fusion.method, dict(options or {}), fusion.temperature])[:12]


def _where_heard(alone: Fusion, heard: Fusion, told: np.ndarray) -> Fusion:
    """Items that a model spoke of from `heard`; the others as they were without any model.

    Skills are estimated with the model's help too, so it would have a say in every label otherwise.
    """
    raw: np.ndarray | None = None
    if alone.raw is not None or heard.raw is not None:
        one, other = (fusion.posterior if fusion.raw is None else fusion.raw for fusion in (heard, alone))
        raw = np.where(told[:, None], one, other)
    return dataclasses.replace(
        heard,
        posterior=np.where(told[:, None], heard.posterior, alone.posterior),
        label=np.where(told, heard.label, alone.label),
        tie=np.where(told, heard.tie, alone.tie),
        raw=raw,
    )


def label_table(
    coded: Votes,
    fusion: Fusion,
    *,
    gold: np.ndarray | None = None,
    prior: np.ndarray | None = None,
    parameters: str = "",
) -> pd.DataFrame:
    """Columns of `tables.FUSED` but `vote_ids`, one row an item; see `fuse_votes`."""
    n_items = len(coded.items)
    rows = np.arange(n_items)
    agrees = coded.label == fusion.label[coded.item]
    n_votes = np.bincount(coded.item, minlength=n_items)
    told = np.zeros(n_items, dtype=bool) if prior is None else ~np.isnan(prior).any(axis=1)
    return pd.DataFrame(
        {
            "item": coded.items,
            "label": np.asarray(coded.classes, dtype=object)[fusion.label],
            "confidence": np.minimum(fusion.posterior[rows, fusion.label], 1.0),
            "posterior": list(fusion.posterior),
            "raw": [None] * n_items if fusion.raw is None else list(fusion.raw),
            "prior": [row if there else None for row, there in zip(
                rows if prior is None else prior, told, strict=True)],
            "entropy": _entropy(fusion.posterior),
            "votes": n_votes.astype(np.int32),
            "agreeing": np.bincount(coded.item[agrees], minlength=n_items).astype(np.int32),
            "dissenters": by_item(coded.item[~agrees], coded.annotators[coded.annotator[~agrees]], n_items),
            "tie": fusion.tie,
            "gold": np.zeros(n_items, dtype=bool) if gold is None else gold >= 0,
            "method": fusion.method,
            "parameters": parameters,
        }
    )  # fmt: skip


def by_item(item: np.ndarray, values: np.ndarray, n_items: int) -> list[np.ndarray]:
    """Values of every item, sorted."""
    order = pd.DataFrame({"item": item, "value": values}).sort_values(["item", "value"], kind="stable")
    counts = np.bincount(item, minlength=n_items)
    return np.split(order["value"].to_numpy(dtype=object), np.cumsum(counts)[:-1])


def _entropy(posterior: np.ndarray) -> np.ndarray:
    """In nats."""
    logs = np.log(np.maximum(posterior, np.finfo(float).tiny))
    entropy: np.ndarray = np.maximum(-(posterior * logs).sum(axis=1), 0.0)
    return entropy


def _gold_codes(coded: Votes, gold: Mapping[str, str]) -> np.ndarray:
    code = {name: number for number, name in enumerate(coded.classes)}
    unknown = sorted({label for label in gold.values() if label not in code})
    if unknown:
        raise DataError(f"gold has the label {unknown[0]!r}, which is not one of the {len(code)} classes: "
                        f"{', '.join(coded.classes[:20])}")  # fmt: skip
    return np.array([code[gold[item]] if item in gold else -1 for item in coded.items], dtype=np.int64)
