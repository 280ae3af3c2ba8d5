"""Selection: call a strategy with inputs that hold, and take only an answer that does.

Strategies may then be short and trust what they get; a user's own function that errs is told what it did.
"""

from __future__ import annotations

import dataclasses
from contextlib import nullcontext

import numpy as np

from labelloop.acquisition.base import Context, Picks, Strategy
from labelloop.acquisition.checked_values import check_values
from labelloop.acquisition.embeddings import Embeddings
from labelloop.errors import DataError, SettingsError
from labelloop.one_thread import one_thread


def select_rows(strategy: Strategy, context: Context, batch_size: int) -> Picks:
    """Pick `batch_size` of the candidates.

    The arrays are handed over read-only. No row at all is picked for a batch of 0. Products of embeddings run
    on one thread, because their last bits depend on the number of them.

    Raises:
        SettingsError: the batch does not fit the candidates, or the strategy needs what is not there.
        DataError: an input or the strategy's answer breaks its contract; says where and how.
    """
    _check_inputs(strategy, context)
    _check_size(len(pickable(strategy, context)), batch_size)
    if batch_size == 0:
        nothing = np.empty(0, dtype=np.float64)
        return Picks(np.empty(0, dtype=np.int64), nothing, nothing)
    # Scores of single rows may run on all cores: each is made by one of them whatever their number.
    with one_thread() if "embeddings" in strategy.needs else nullcontext():
        picks = strategy.pick(_read_only(context), batch_size)
    return _checked(strategy.name, picks, pickable(strategy, context), batch_size)


def pickable(strategy: Strategy, context: Context) -> np.ndarray:
    """The candidates and, for a strategy that reads beliefs, the labeled rows that have one."""
    if "beliefs" not in strategy.needs:
        return context.candidates
    return np.sort(np.concatenate([context.candidates, context.believed]))


def _check_size(room: int, batch_size: int) -> None:
    if batch_size < 0:
        raise SettingsError(f"the batch size is {batch_size}; it must be 0 or more")
    if batch_size > room:
        raise SettingsError(
            f"a batch of {batch_size} was asked for, but only {room} items are left to "
            "pick from; lower acquisition.batch_size or add items to the pool"
        )


def _check_inputs(strategy: Strategy, context: Context) -> None:
    arrays: dict[str, Embeddings] = {}
    for name in ("probabilities", "embeddings"):
        array = getattr(context, name)
        if array is None and name in strategy.required(model=context.probabilities is not None):
            raise SettingsError(
                f"strategy '{strategy.name}' needs {name}, and there are none (no model yet?); use another "
                "one here, such as random, or k_means as acquisition.cold_start"
            )
        if array is not None:
            arrays[name] = array
            if array.ndim != 2 or array.dtype.kind != "f" or array.shape[1] == 0:
                raise DataError(
                    f"{name} must be a table of floats, one row an item, but have shape {array.shape} and "
                    f"type {array.dtype}"
                )
    if "costs" in strategy.required(model=context.probabilities is not None) and context.costs is None:
        raise SettingsError(
            f"strategy '{strategy.name}' needs costs, and no row has one; set "
            "acquisition.compose.cost_column, or on arrays give a Composition with costs"
        )
    lengths = {name: len(array) for name, array in arrays.items()}
    _check_members(strategy, context, lengths)
    _check_labels(strategy, context)
    _check_beliefs(context)
    if context.ids is not None:
        lengths["ids"] = len(context.ids)
    if len(set(lengths.values())) > 1:
        said = ", ".join(f"{length} rows of {name}" for name, length in lengths.items())
        raise DataError(f"the pool's arrays differ in length: {said}; score the pool again")
    _check_rows(context, next(iter(lengths.values()), None))
    _check_numbers(strategy, context)


def _check_numbers(strategy: Strategy, context: Context) -> None:
    """Refuse numbers that are none, or that cannot be, in the rows that the strategy may read."""
    # Who reads labels holds them against what the model says of those rows; others read candidates alone.
    judged = [context.candidates, *([context.labeled] if "labels" in strategy.needs else [])]
    for rows in judged:
        if context.probabilities is not None:
            check_values("probabilities", context.probabilities, rows)
        for member in () if context.members is None else context.members:
            check_values("members", member, rows)
    if context.embeddings is not None:
        for rows in (context.candidates, context.labeled):
            check_values("embeddings", context.embeddings, rows)


def _check_members(strategy: Strategy, context: Context, lengths: dict[str, int]) -> None:
    members = context.members
    if members is None:
        if "members" in strategy.needs:
            raise SettingsError(
                f"strategy '{strategy.name}' needs the probabilities of a committee's members, and there are "
                "none; set model.committee to 5 or more, give --members, or use another strategy"
            )
        return
    if members.ndim != 3 or members.dtype.kind != "f" or 0 in (members.shape[0], members.shape[2]):
        raise DataError(
            f"members must be floats of shape (members, items, classes), but have shape {members.shape} and "
            f"type {members.dtype}"
        )
    lengths["members"] = members.shape[1]
    if context.probabilities is not None and members.shape[2] != context.probabilities.shape[1]:
        raise DataError(
            f"members speak of {members.shape[2]} classes, but probabilities of "
            f"{context.probabilities.shape[1]}; both must have one column a class, in the same order"
        )


def _check_labels(strategy: Strategy, context: Context) -> None:
    labels = context.labels
    if labels is None:
        wanted = strategy.required(model=context.probabilities is not None)
        if "labels" in wanted and len(context.labeled):
            raise SettingsError(
                f"strategy '{strategy.name}' needs the labels of the rows that are labeled; give their class "
                "codes, one a labeled row"
            )
        return
    if labels.shape != context.labeled.shape or labels.dtype.kind not in "iu":
        raise DataError(
            f"labels have shape {labels.shape} and type {labels.dtype}, but {len(context.labeled)} rows are "
            "labeled; give one class code (a whole number) for each"
        )
    if len(labels) and labels.min() < -1:
        raise DataError(
            f"the label of row {context.labeled[labels.argmin()]} is {labels.min()}; class codes are 0 or "
            "more, and -1 is a row that has no label"
        )
    table = context.probabilities if context.members is None else context.members
    if table is not None and len(labels) and labels.max() >= table.shape[-1]:
        raise DataError(
            f"the label of row {context.labeled[labels.argmax()]} is {labels.max()}, but there are "
            f"{table.shape[-1]} classes, 0 to {table.shape[-1] - 1}"
        )


def _check_beliefs(context: Context) -> None:
    beliefs, table = context.beliefs, context.probabilities
    if beliefs is None:
        return
    if beliefs.ndim != 2 or beliefs.dtype.kind != "f" or len(beliefs) != len(context.labeled):
        raise DataError(
            f"beliefs have shape {beliefs.shape} and type {beliefs.dtype}, but {len(context.labeled)} rows "
            "are labeled; give chances of the classes (floats) for each"
        )
    if table is not None and beliefs.shape[1] != table.shape[1]:
        raise DataError(
            f"beliefs speak of {beliefs.shape[1]} classes, but probabilities of {table.shape[1]}; both must "
            "have one column a class, in the same order"
        )
    told = np.flatnonzero(~np.isnan(beliefs).all(axis=1))
    check_values("beliefs", beliefs, told)


def _check_rows(context: Context, n: int | None) -> None:
    for name in ("candidates", "labeled"):
        rows = getattr(context, name)
        if rows.ndim != 1 or rows.dtype.kind not in "iu":
            raise DataError(f"{name} must be row numbers, but have shape {rows.shape} and type {rows.dtype}")
        if len(rows) and not (rows[1:] > rows[:-1]).all():
            raise DataError(f"{name} must be distinct rows in ascending order")
        if len(rows) and (rows[0] < 0 or (n is not None and rows[-1] >= n)):
            wrong = rows[0] if rows[0] < 0 else rows[-1]
            raise DataError(f"{name} holds row {wrong}, but the pool has {n} rows")
    both = context.labeled[_among(context.labeled, context.candidates)]
    if len(both):
        raise DataError(f"row {both[0]} is a candidate and labeled already; {len(both)} rows are both")


def _read_only(context: Context) -> Context:
    def view(array: np.ndarray) -> np.ndarray:
        # No np.memmap, whose every slice is another one, which takes longer than what is done with it.
        shown = np.asarray(array).view()
        shown.flags.writeable = False
        return shown

    return dataclasses.replace(
        context,
        candidates=view(context.candidates),
        labeled=view(context.labeled),
        probabilities=None if context.probabilities is None else view(context.probabilities),
        embeddings=view(context.embeddings)
        if isinstance(context.embeddings, np.ndarray)
        else context.embeddings,
        ids=view(context.ids) if isinstance(context.ids, np.ndarray) else context.ids,
        members=None if context.members is None else view(context.members),
        costs=None if context.costs is None else view(context.costs),
        beliefs=None if context.beliefs is None else view(context.beliefs),
        labels=np.empty(0, dtype=np.int64)
        if context.labels is None and not len(context.labeled)
        else context.labels
        if context.labels is None
        else view(context.labels),
    )


def _checked(name: str, picks: object, pickable: np.ndarray, batch_size: int) -> Picks:
    if not isinstance(picks, Picks):
        raise DataError(
            f"strategy '{name}' returned {type(picks).__name__}; it must return Picks(rows, scores, "
            "probabilities) from labelloop.acquisition"
        )
    rows, scores, chances = (np.asarray(a) for a in (picks.rows, picks.scores, picks.probabilities))
    for said, array in (("rows", rows), ("scores", scores), ("probabilities", chances)):
        if array.shape != (batch_size,) or array.dtype.kind not in "iuf":
            raise DataError(
                f"strategy '{name}' returned {said} of shape {array.shape} and type {array.dtype} for a "
                f"batch of {batch_size}; they must be {batch_size} numbers"
            )
    if rows.dtype.kind == "f":
        raise DataError(
            f"strategy '{name}' returned rows of type {rows.dtype}; row numbers are whole (int64)"
        )
    strangers = rows[~_among(rows, pickable)]
    if len(strangers):
        raise DataError(
            f"strategy '{name}' picked row {strangers[0]}, which is no candidate (labeled, reserved or not "
            f"in the pool); pick among the values of context.candidates. There are {len(strangers)} such rows"
        )
    values, counts = np.unique(rows, return_counts=True)
    if (counts > 1).any():
        raise DataError(
            f"strategy '{name}' picked row {values[counts.argmax()]} {counts.max()} times; every row of a "
            "batch must be another one"
        )
    return Picks(
        rows.astype(np.int64),
        scores.astype(np.float64),
        _chances(name, chances),
        picks.reason,
        None if picks.draws is None else _draws(name, picks.draws, batch_size),
    )


def _among(some: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Which of some rows are among `rows`, which ascend: shape (len(some),), bool; no pass over `rows`."""
    if not len(rows):
        return np.zeros(len(some), dtype=bool)
    places = np.minimum(np.searchsorted(rows, some), len(rows) - 1)
    return np.asarray(rows[places] == some)


def _chances(name: str, chances: np.ndarray) -> np.ndarray:
    chances = chances.astype(np.float64)
    impossible = chances[~(((chances > 0) & (chances <= 1)) | np.isnan(chances))]
    if len(impossible):
        raise DataError(
            f"strategy '{name}' returned a selection probability of {impossible[0]}; they must be above 0 "
            "and at most 1 (1 where no chance is involved, NaN where it is not known)"
        )
    return chances


def _draws(name: str, draws: object, batch_size: int) -> np.ndarray:
    given = np.asarray(draws)
    if given.shape != (batch_size,) or given.dtype.kind not in "iuf":
        raise DataError(
            f"strategy '{name}' returned draws of shape {given.shape} and type {given.dtype} for a batch of "
            f"{batch_size}; they must be {batch_size} numbers, or None"
        )
    return _chances(name, given)
