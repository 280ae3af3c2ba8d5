"""Fuse a file of votes that came from anywhere: `labelloop fuse VOTES --out LABELS`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from labelloop import files
from labelloop.errors import DataError, SettingsError
from labelloop.fusion import check_hears_models, make_fuser, takes
from labelloop.fusion.base import Fusion, Votes
from labelloop.fusion.calibration import calibration_told
from labelloop.fusion.class_names import alike, refuse_free_text, refuse_too_large
from labelloop.fusion.coding import code_votes, latest_rows
from labelloop.fusion.column_names import TRUTH, find_column, nearest_column
from labelloop.fusion.gold_labels import (
    check_spelling,
    compare_with_gold,
    gold_codes,
    in_order,
    none_of_the_votes,
    with_gold_classes,
)
from labelloop.fusion.labels_file import check_suffix, flat_labels, write_table
from labelloop.fusion.model_prior import ModelPrior
from labelloop.fusion.ordinal import by_median, expected_steps
from labelloop.fusion.probabilities_file import read_probabilities, read_start, start_of
from labelloop.fusion.text_table import read_text_table
from labelloop.fusion.votes_table import (
    by_item,
    label_table,
    parameters_digest,
    told_of_model,
    with_model,
    with_the_same_word,
)
from labelloop.hints import not_a_class


def read_votes(
    path: str | Path,
    item_column: str = "item",
    annotator_column: str = "annotator",
    label_column: str = "label",
    classes: Sequence[str] | None = None,
    vote_column: str = "vote",
) -> pd.DataFrame:
    """Read votes from CSV, TSV (both also .gz), Parquet or JSON lines.

    Args:
        item_column: its name; where the file has no such column, and this is the usual name, the one column
            of those in `column_names.ALSO_CALLED`. So with the other two.

    Returns:
        Columns item, annotator and label, all text, in the file's order; vote, the votes' ids, where the
        file has a further column `vote_column`; and answered_at (UTC) where it has one of that name.

    Raises:
        DataError: no such file, no such column, an empty value, a label that is not among `classes`, or a
            time that cannot be read; says where and what to do. Rows count from 1, without the header.
    """
    path = Path(path)
    table = read_text_table(path)
    wanted = {"item": item_column, "annotator": annotator_column, "label": label_column}
    names = {role: _column(table, name, role, path) for role, name in wanted.items()}
    if len(set(names.values())) < len(names):
        raise DataError(f"item, annotator and label must be three columns, not {list(names.values())}")
    votes = table[list(names.values())].set_axis(list(names), axis="columns")
    if votes.empty:
        raise DataError(f"{path} has a header but no votes")
    for role, name in names.items():
        _refuse_blank(votes[role], name, path)
    if classes is not None:
        strange = ~votes["label"].isin(classes)
        if strange.any():
            row = int(strange.to_numpy().argmax())
            said = not_a_class(votes["label"].iloc[row], classes)
            raise DataError(f"{path}, row {row + 1}, column {names['label']!r}: {said}")
    if vote_column in table.columns and vote_column not in names.values():
        votes["vote"] = table[vote_column]
    if "answered_at" in table.columns:
        votes["answered_at"] = _times(table["answered_at"], path)
    return votes


def read_gold(path: str | Path, item_column: str = "item", label_column: str = "label") -> pd.DataFrame:
    """Read true labels: columns item and label, as text; rows without a label are left out.

    The file may name its columns as the votes do (`item_column`, `label_column`), or item and label (or
    truth), or as `column_names.ALSO_CALLED` says.

    Raises:
        DataError: see `read_votes`.
    """
    path = Path(path)
    table = read_text_table(path)
    columns = []
    for role, names in {"item": (item_column, "item"), "label": (label_column, "label", *TRUTH)}.items():
        found = find_column(table, role, names)
        if found is None:
            near = nearest_column(table, role, role)
            hint = f"did you mean {near!r}? Rename it {role!r}" if near else "rename one"
            raise DataError(f"{path} has no column {role!r}; it has {', '.join(table.columns[:20])}; "
                            f"gold needs the columns item and label (or truth): {hint}")  # fmt: skip
        columns.append(found)
    gold = table[columns].set_axis(["item", "label"], axis="columns")
    _refuse_blank(gold["item"], columns[0], path)
    return gold[gold["label"] != ""].reset_index(drop=True)


def fuse_file(
    votes_path: str | Path,
    out_path: str | Path,
    *,
    method: str = "auto",
    options: Mapping[str, Any] | None = None,
    gold_path: str | Path | None = None,
    probabilities_path: str | Path | None = None,
    warm_start_path: str | Path | None = None,
    item_column: str = "item",
    annotator_column: str = "annotator",
    label_column: str = "label",
    vote_column: str = "vote",
    classes: Sequence[str] | None = None,
    ordered: bool = False,
) -> dict[str, Any]:
    """Fuse a file of votes into a file of labels and say what was found.

    LABELS (.csv, .csv.gz or .parquet) has one row an item, sorted: item, label, confidence, votes, agreeing,
    dissenters (who voted otherwise), tie, entropy (of the posterior, in nats), margin (between the two
    likeliest classes), gold (whether the label is gold), status, method, parameters (digest of the method's
    version, options and temperature), vote_ids (where the votes have a column `vote_column`), raw_confidence
    (before calibration, where there was one), one column `posterior.<class>` a class, and the same with `raw`
    and `prior` where something was calibrated or a model was heard. In CSV, lists are JSON.

    Known items get their gold label, also one that nobody voted for, and every method but majority calibrates
    the confidence of the others. What gold says about the accuracy is measured on
    labels fused without it; whether a model is heard is decided once, and is the same for both.

    Args:
        probabilities_path: a model's probabilities; see `probabilities_file` and `votes_table.with_model`.
        warm_start_path: labels that this function wrote of fewer votes; the fit starts from their posteriors.
        classes: the classes and their order, which decides ties. Default: the labels in the votes, as
            numbers where all are numbers, otherwise by name, and after them those of gold.
        ordered: `classes` have an order: the label is the posterior's median, and the column expected_steps
            says how many steps it is off, to be expected. See `ordinal`.

    Returns:
        method, reason and temperature (where the method tells them), calibration (whether confidence means
        what it says, in words), model (where probabilities were given), items, annotators, votes,
        votes_per_item (mean), repeats_dropped, items_started (that the labels to start from have, where
        there are any), ties, classes, classes_alike (in words, where some differ in
        capitals or blanks alone and `classes` names none), out, and gold: None, or a mapping of items
        (with gold), compared, correct, accuracy with its 95% Wilson interval (accuracy_low, accuracy_high),
        ties (among those compared), contradicting (items that the file gives several labels, left out),
        without_votes, and unknown_classes (labels that no vote had; counted as wrong).

    Raises:
        DataError: the votes, the gold, the probabilities or the name of the output are not as they must be;
            labels are free text, or more than can be held; no item of the gold has votes.
        SettingsError: the method or an option is not known, or probabilities are given and the method
            cannot hear a model, or there is something to start from and the method is not fitted.
    """
    out_path = Path(out_path)
    check_suffix(out_path)
    fuser = make_fuser(method, options)
    _check_method(method, probabilities_path, warm_start_path)
    gold = None if gold_path is None else read_gold(gold_path, item_column, label_column)
    table = read_votes(votes_path, item_column, annotator_column, label_column, classes, vote_column)
    known = in_order(table["label"].unique()) if classes is None else list(classes)
    if classes is None:
        refuse_free_text(table["label"], votes_path, label_column)
        check_spelling(known, [] if gold is None else list(gold["label"]))
    standing = table.iloc[latest_rows(table)]
    votes = code_votes(standing, known)
    refuse_too_large(len(votes.items), len(known))

    wider, predicted = votes, None
    if gold is not None:
        wider = code_votes(standing, with_gold_classes(known, gold, votes, open_ended=classes is None))
    if probabilities_path is not None:
        # A model may know classes that only gold has.
        votes, known = wider, list(wider.classes)
        predicted = read_probabilities(probabilities_path, votes.items, votes.classes, item_column)

    start = None
    if warm_start_path is not None:
        start = read_start(warm_start_path, wider.items, wider.classes, item_column)

    def fused(
        votes: Votes, codes: np.ndarray | None, prior: ModelPrior | None = None
    ) -> tuple[Fusion, ModelPrior | None]:
        started = {} if start is None else {"warm_start": start_of(start, len(votes.classes))}
        fusion = fuser(votes, gold=codes, **started)
        if prior is not None:
            fusion = with_the_same_word(votes, fusion, prior, method, options)
        elif predicted is not None:
            fusion, prior = with_model(votes, fusion, predicted, method, options, codes, ordered=ordered)
        return by_median(fusion) if ordered else fusion, prior

    codes = None if gold is None else gold_codes(wider, gold)
    gold_items = 0 if codes is None else int((codes >= 0).sum())
    if gold is not None and not gold_items:
        raise DataError(none_of_the_votes(gold_path, gold, votes.items))
    fusion, prior = fused(wider, codes)
    blind = fusion
    if codes is not None:
        blind, _ = fused(votes, None, prior)
        votes = wider
    parameters = parameters_digest(fusion, _noted(options, warm_start_path))
    labels = label_table(
        votes, fusion, gold=None if fusion.gold is None else np.where(fusion.gold, 0, -1),
        prior=None if prior is None else prior.rows, parameters=parameters,
    )  # fmt: skip
    if "vote" in standing:
        ids = by_item(votes.item, standing["vote"].to_numpy(), len(votes.items))
        labels["vote_ids"] = pd.Series(ids, dtype=object)
    if ordered:
        labels["expected_steps"] = expected_steps(fusion)
    write_table(flat_labels(labels, votes.classes), out_path)
    before = pd.DataFrame({"item": votes.items, "tie": blind.tie,
                           "label": np.asarray(known, dtype=object)[blind.label]})  # fmt: skip
    model = {} if prior is None else {"model": told_of_model(prior)["reason"]}
    return _fusion_told(fusion, gold_items, options) | model | {
        "items": len(votes.items),
        "annotators": len(votes.annotators),
        "votes": len(votes.label),
        "votes_per_item": len(votes.label) / len(votes.items),
        "repeats_dropped": len(table) - len(votes.label),
        **({} if start is None else {"items_started": int((~np.isnan(start).any(axis=1)).sum())}),
        "ties": int(fusion.tie.sum()),
        "classes": list(votes.classes),
        **({"classes_alike": alike(known)} if classes is None and alike(known) else {}),
        "out": str(out_path),
        "gold": None if gold is None else compare_with_gold(before, gold, known),
    }  # fmt: skip


def _check_method(method: str, probabilities_path: object, warm_start_path: object) -> None:
    """Refuse a model's word, and labels to start from, where the method makes nothing of them."""
    if probabilities_path is not None:
        check_hears_models(method, key="--method ", asked="--probabilities")
    if warm_start_path is not None and not takes(method, "warm_start"):
        raise SettingsError(f"--warm-start does not go with --method {method}, which is not fitted in steps")


def _noted(options: Mapping[str, Any] | None, warm_start_path: str | Path | None) -> dict[str, Any]:
    """What labels rest on beside votes: options, and the digest of the labels that the fit started from."""
    started = {} if warm_start_path is None else {"warm_start": files.digest(Path(warm_start_path))}
    return dict(options or {}) | started


def _fusion_told(fusion: Fusion, gold_items: int, options: Mapping[str, Any] | None) -> dict[str, Any]:
    """Method, reason and temperature where there are any, and what confidence means."""
    return {
        "method": fusion.method,
        **({"reason": fusion.reason} if fusion.reason else {}),
        **({} if fusion.temperature is None else {"temperature": fusion.temperature}),
        "calibration": calibration_told(fusion, gold_items, options),
    }


def _column(table: pd.DataFrame, name: str, role: str, path: Path) -> str:
    """The column of the votes that has the role."""
    found = find_column(table, role, (name,))
    if found is not None:
        return found
    columns = [str(column) for column in table.columns]
    if len(columns) == 1 and any(mark in columns[0] for mark in ";\t|"):
        raise DataError(f"{path} has one column only, {columns[0]!r}; separate its columns by commas, or "
                        "call a file separated by tabs .tsv")  # fmt: skip
    near, flag = nearest_column(table, role, name), f"--{role}-column"
    hint = f"did you mean {near!r}? Say {flag} {near!r}" if near else f"name another with {flag}"
    others = (find_column(table, one, (one,)) for one in ("annotator", "label"))
    if role != "item" and len(columns) > 2 and not any(others):
        hint += "; a table with a column for each annotator must be turned into one row a vote first"
    raise DataError(f"{path} has no column {name!r}; it has {', '.join(columns[:20])}; {hint}")


def _refuse_blank(values: pd.Series, name: str, path: Path) -> None:
    blank = (values == "").to_numpy()
    if blank.any():
        more = f" (and {blank.sum() - 1} more rows)" if blank.sum() > 1 else ""
        raise DataError(f"{path}, row {blank.argmax() + 1}: column {name!r} is empty{more}; fill it in or "
                        "delete the row")  # fmt: skip


def _times(text: pd.Series, path: Path) -> pd.Series:
    times = pd.to_datetime(text, utc=True, errors="coerce", format="ISO8601")
    if times.isna().any():
        row = int(times.isna().to_numpy().argmax())
        raise DataError(f"{path}, row {row + 1}, column 'answered_at': {text.iloc[row]!r} is not a time "
                        "such as 2025-01-31T12:00:00Z; correct it, or rename the column")  # fmt: skip
    return times
