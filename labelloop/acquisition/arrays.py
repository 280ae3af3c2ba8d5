"""Selection from plain arrays: every strategy without a campaign."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import numpy as np
import numpy.typing as npt

from labelloop.acquisition.base import Context, HeldOut, Picks, Strategy
from labelloop.acquisition.checked_values import check_values
from labelloop.acquisition.composition import Composition, compose
from labelloop.acquisition.registry import STRATEGIES, make_strategy
from labelloop.acquisition.selection import pickable, select_rows
from labelloop.errors import DataError, SettingsError


def select(
    strategy: str,
    *,
    batch_size: int,
    embeddings: npt.ArrayLike | None = None,
    probabilities: npt.ArrayLike | None = None,
    labeled: npt.ArrayLike = (),
    seed: int = 0,
    ids: npt.ArrayLike | None = None,
    members: npt.ArrayLike | None = None,
    labels: npt.ArrayLike | None = None,
    beliefs: npt.ArrayLike | None = None,
    held_out: npt.ArrayLike | None = None,
    composition: Composition | None = None,
    **options: Any,
) -> np.ndarray:
    """Choose the rows to label next.

    Embeddings, probabilities and members cover all rows, labeled or not; one of them must be there. Without
    probabilities there is no model yet: `auto` then needs no labels either.
    Memory-mapped arrays are read a block at a time.

    >>> X = [[0.0, 0.0], [1.0, 0.0], [9.0, 0.0], [0.0, 5.0]]
    >>> select("k_center", batch_size=2, embeddings=X, labeled=[0]).tolist()
    [2, 3]

    Args:
        strategy: a name of `STRATEGIES`, or a function of your own as 'package.module:function'.
        batch_size: rows to choose.
        embeddings: shape (n, d), floats.
        probabilities: shape (n, n_classes), floats; rows sum to 1.
        labeled: rows that are labeled already, in any order, or a mask of shape (n,), bool. None of them is
            returned, but for `beliefs`; strategies that look for coverage start from them.
        seed: the same seed gives the same rows.
        ids: shape (n,), str, unique: with them the order of the rows decides nothing at all.
        members: shape (n_members, n, n_classes), floats: what each member of a committee says.
        labels: class codes of `labeled`, in its order, or of all n rows (those not labeled do not count).
        beliefs: shape (n, n_classes), floats: chances of the classes by the votes about each labeled row;
            NaN for one that is not asked about again. `relabel` reads them, and picks labeled rows as well.
        held_out: shape (n, n_classes), floats: what models say of labeled rows that they were not trained on,
            such as those of a cross-validation; NaN where unknown, rows not labeled do not count. For
            `error_based`: of a model that knows its labels by heart `probabilities` show no errors.
        composition: what may be picked, and how the batch is put together; see `Composition`.
        options: of the strategy.

    Returns:
        Shape (batch_size,), int64: row numbers in the order of choice; fewer where a composition's money
        ends first.

    Raises:
        SettingsError: the strategy, an option or the batch size is wrong, or an array that it needs is
        missing.
        DataError: an array does not hold what it should; says which, and where.
    """
    return select_picks(
        strategy,
        batch_size=batch_size,
        embeddings=embeddings,
        probabilities=probabilities,
        labeled=labeled,
        seed=seed,
        ids=ids,
        members=members,
        labels=labels,
        beliefs=beliefs,
        held_out=held_out,
        composition=composition,
        **options,
    ).rows


def select_picks(
    strategy: str,
    *,
    batch_size: int,
    embeddings: npt.ArrayLike | None = None,
    probabilities: npt.ArrayLike | None = None,
    labeled: npt.ArrayLike = (),
    seed: int = 0,
    ids: npt.ArrayLike | None = None,
    members: npt.ArrayLike | None = None,
    labels: npt.ArrayLike | None = None,
    beliefs: npt.ArrayLike | None = None,
    held_out: npt.ArrayLike | None = None,
    composition: Composition | None = None,
    **options: Any,
) -> Picks:
    """As `select`, with the scores and the selection probabilities of the rows."""
    wanted = make_strategy(strategy, options)
    given = {
        name: _as_array(name, array)
        for name, array in (
            ("embeddings", embeddings),
            ("probabilities", probabilities),
            ("members", members),
            ("beliefs", beliefs),
        )
        if array is not None
    }
    parts = [wanted] if composition is None or not composition.mix else [part for part, _ in composition.mix]
    for part in parts:
        require_arrays(part, {*given, *(["labels"] if labels is not None else [])}, any_rows(labeled))
        if composition is not None and "beliefs" in part.needs:
            raise SettingsError(
                f"'{part.name}' picks labeled rows as well, and a composition is about new ones; leave it "
                "out, and give what rows cost as the option costs"
            )
    _check_tables(given)
    rows = min(_lengths(given).values())
    names = None if ids is None else _checked_ids(ids, rows)
    known = _rows_of(labeled, rows)
    candidates = np.delete(np.arange(rows), known)
    if not isinstance(batch_size, int | np.integer) or batch_size < 1:
        raise SettingsError(f"the batch size is {batch_size!r}; it must be a whole number of 1 or more")
    context = Context(
        candidates,
        known,
        given.get("probabilities"),
        given.get("embeddings"),
        seed,
        names,
        given.get("members"),
        _labels_of(labels, labeled, known, rows),
        beliefs=given["beliefs"][known] if "beliefs" in given else None,
        held_out=None if held_out is None else _held_out(_as_array("held_out", held_out), given, known, rows),
    )
    left = len(pickable(wanted, context))
    if batch_size > left:
        raise SettingsError(
            f"a batch of {batch_size} was asked for, but of {rows} rows {len(known)} are labeled and only "
            f"{left} are left; ask for {left} or fewer"
        )
    if composition is not None:
        return compose(wanted, context, int(batch_size), composition)
    return select_rows(wanted, context, int(batch_size))


def any_rows(labeled: npt.ArrayLike) -> bool:
    """Whether row numbers or a mask name any row."""
    known = np.asarray(labeled)
    return bool(known.any() if known.dtype.kind == "b" else known.size)


def require_arrays(
    strategy: Strategy, given: Collection[str], any_labeled: bool, spelled: str = "{}"
) -> None:
    """Refuse to begin without what the strategy reads.

    Args:
        given: names of the arrays that are there.
        any_labeled: whether rows are labeled already; without any there are no labels to give.
        spelled: how the message writes an array's name.

    Raises:
        SettingsError: names all that is missing, and strategies that do without.
    """
    # Costs come with a composition; `select_rows` sees whether they did.
    model, unneeded = "probabilities" in given, {"costs"} if any_labeled else {"costs", "labels", "beliefs"}
    missing = sorted(strategy.required(model=model) - set(given) - unneeded)
    if missing:
        able = [
            name
            for name in STRATEGIES
            if given and make_strategy(name).required(model=model) - unneeded <= set(given)
        ]
        instead = f", or use one that does without: {', '.join(able)}" if able else ""
        meant = {"labels": " (class codes of the rows that are labeled)"}
        named = " and ".join(spelled.format(name) + meant.get(name, "") for name in missing)
        raise SettingsError(f"strategy '{strategy.name}' needs {named}; give them{instead}")
    if not set(given) - {"labels"}:
        one, other = spelled.format("embeddings"), spelled.format("probabilities")
        raise SettingsError(
            f"neither {one} nor {other} were given, so the number of rows is unknown; give one"
        )


def _as_array(name: str, array: npt.ArrayLike) -> np.ndarray:
    if hasattr(array, "toarray"):
        raise DataError(
            f"{name} are a sparse matrix ({type(array).__name__}); give an array: its .toarray() if that "
            "fits memory, or fewer columns, such as of sklearn.decomposition.TruncatedSVD"
        )
    return np.asanyarray(array)


def _check_tables(given: dict[str, np.ndarray]) -> None:
    for name, array in given.items():
        shape = "(members, items, classes)" if name == "members" else "(items, columns)"
        if array.ndim != (3 if name == "members" else 2) or array.dtype.kind != "f" or array.shape[-1] == 0:
            raise DataError(
                f"{name} have shape {array.shape} and type {array.dtype}; they must be a table of floats, "
                f"{shape}, one row an item"
            )
    lengths = _lengths(given)
    if len(set(lengths.values())) > 1:
        said = " and ".join(f"{length} rows of {name}" for name, length in lengths.items())
        raise DataError(f"there are {said}; all must cover all rows, labeled ones too, in the same order")


def _lengths(given: dict[str, np.ndarray]) -> dict[str, int]:
    return {name: array.shape[1 if name == "members" else 0] for name, array in given.items()}


def _labels_of(
    labels: npt.ArrayLike | None, labeled: npt.ArrayLike, known: np.ndarray, rows: int
) -> np.ndarray | None:
    """Class codes in the order of `known`, which is sorted and without repeats."""
    if labels is None:
        return None
    codes, given = np.asarray(labels), np.asarray(labeled)
    if codes.ndim != 1 or (codes.size and codes.dtype.kind not in "iu"):
        raise DataError(
            f"labels have shape {codes.shape} and type {codes.dtype}; give class codes (whole numbers), one "
            "a labeled row"
        )
    if len(codes) == rows and (given.dtype.kind == "b" or len(given) != rows):
        return codes[known].astype(np.int64)
    if given.dtype.kind == "b":
        given = np.flatnonzero(given)
    if len(codes) != given.size:
        raise DataError(f"there are {len(codes)} labels for {given.size} labeled rows; give one for each")
    rows_given, first, place = np.unique(given, return_index=True, return_inverse=True)
    other = np.flatnonzero(codes != codes[first][place])
    if len(other):
        which = place[other[0]]
        raise DataError(
            f"row {rows_given[which]} is labeled more than once, as {codes[first[which]]} and as "
            f"{codes[other[0]]}; give one label a row"
        )
    return codes[first].astype(np.int64)


def _held_out(array: np.ndarray, given: dict[str, np.ndarray], known: np.ndarray, rows: int) -> HeldOut:
    expected = given["probabilities"].shape if "probabilities" in given else (rows, *array.shape[1:2])
    if array.ndim != 2 or array.shape != expected or array.dtype.kind != "f":
        raise DataError(
            f"held_out has shape {array.shape} and type {array.dtype}; it must be a table of floats like the "
            f"probabilities, shape {expected}, NaN in rows of which nothing is known"
        )
    check_values("held_out", array, known[~np.isnan(array[known]).all(axis=1)])
    return lambda some: np.asarray(array[some])


def _rows_of(labeled: npt.ArrayLike, rows: int) -> np.ndarray:
    known = np.asarray(labeled)
    if known.dtype.kind == "b":
        if known.shape != (rows,):
            raise DataError(
                f"labeled is a mask of shape {known.shape}, but there are {rows} rows; give one for each"
            )
        return np.flatnonzero(known)
    if known.size == 0:
        return np.empty(0, dtype=np.int64)
    if known.ndim != 1 or known.dtype.kind not in "iu":
        raise DataError(
            f"labeled has shape {known.shape} and type {known.dtype}; give a list of row numbers, or a mask"
        )
    known = np.unique(known).astype(np.int64)
    if known[0] < 0 or known[-1] >= rows:
        wrong = known[0] if known[0] < 0 else known[-1]
        raise DataError(f"labeled holds row {wrong}, but rows go from 0 to {rows - 1}")
    return known


def _checked_ids(ids: npt.ArrayLike, rows: int) -> np.ndarray:
    names = np.asarray(ids).astype(object)
    if names.shape != (rows,):
        raise DataError(f"ids have shape {names.shape}, but there are {rows} rows; give one id a row")
    if len(set(names.tolist())) < rows:
        raise DataError("ids are not unique: two rows with one id cannot be told apart")
    return names
