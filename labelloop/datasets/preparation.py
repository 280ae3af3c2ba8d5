"""From the user's data to the campaign's data folder: read, check, fold, sample the test set, write."""

from __future__ import annotations

import importlib
import os
from pathlib import Path
from typing import Any, cast

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from labelloop import files
from labelloop.campaign import Dataset, Labels
from labelloop.datasets import checks, content
from labelloop.datasets.array_file import open_array, place_rows
from labelloop.datasets.source import Part, Reader, Strings
from labelloop.datasets.split import sample_test_set
from labelloop.errors import DataError
from labelloop.table_contract import write_arrow

_SHOWN_NAMES = 20


def reader_of(dataset: Dataset) -> Reader:
    """The module that reads this kind of dataset; imported only now."""
    both = dataset.kind == "images" and dataset.text_columns
    name = "text_and_pictures" if both else dataset.kind
    return cast(Reader, importlib.import_module(f"labelloop.datasets.{name}"))


def prepare_data(
    dataset: Dataset, labels: Labels, *, test_size: int, seed: int, root: Path, out: Path
) -> dict[str, Any]:
    """See `labelloop.datasets.prepare`."""
    source = reader_of(dataset).read(dataset, root, out)
    pool, test = source.pool, source.test
    checks.check_ids(pool)
    classes = checks.class_list(labels, pool, test)
    checks.check_labels(pool, classes, named=bool(labels.classes), is_test=False)
    overlaps = copies_of_test = 0
    if test is not None:
        checks.check_ids(test)
        checks.check_test_labels(test)
        checks.check_labels(test, classes, named=bool(labels.classes), is_test=True)
        pool, overlaps = checks.without_overlap(pool, test, dataset)
        checks.check_ids_apart(pool, test)
    pool, n_folded, n_conflicting = checks.folded(pool, dataset)
    sampled: np.ndarray = np.zeros(len(pool), dtype=bool)
    if test is None:
        sampled = sample_test_set(len(pool), test_size, seed)
        keep = sampled | (content.matches(pool.content, pool.content[sampled]) < 0)
        copies_of_test = int((~keep).sum())
        pool, sampled = pool.keep(keep), sampled[keep]
        if sampled.all():
            raise DataError(
                f"{pool.name}: every item is in the sampled test set or is a copy of one that is; set "
                "dataset.duplicates to fold, or bring more items"
            )
    arrays = {"pool": _write_part(pool, sampled, "pool", out)}
    if test is not None:
        arrays["test"] = _write_part(test, np.ones(len(test), dtype=bool), "test", out)
    for part in (pool, test):
        if part is not None and part.array is not None and not part.array.in_place:
            part.array.path.unlink(missing_ok=True)
    shape = arrays["pool"]["shape"][1:] if arrays["pool"] else []
    summary = {
        "kind": dataset.kind,
        "input_kind": source.input_kind,
        "classes": list(classes),
        "shape": shape,
        "n_pool": int((~sampled).sum()),
        "n_test": int(sampled.sum()) if test is None else len(test),
        "test_set": "sampled" if test is None else "given",
        "text_columns": list(source.text_columns),
        "payload_columns": list(source.payload_columns),
        "withheld_columns": list(source.withheld),
        "picture": dict(source.picture) if source.picture else None,
        "root": Path(os.path.relpath(root.resolve(), out.resolve())).as_posix(),
        "arrays": arrays,
        **({"feature_names": list(source.feature_names)} if source.feature_names else {}),
        "folded_duplicates": n_folded,
        "folded_with_another_label": n_conflicting,
        "dropped_overlaps": overlaps,
        "dropped_copies_of_test": copies_of_test,
        "left_out_by_split": dict(source.left_out),
        "skipped_images": {"count": len(source.skipped), "first": list(source.skipped[:_SHOWN_NAMES])},
        "known_counts": {
            "pool": _class_counts(pool.labels, classes),
            "test": _class_counts(test.labels, classes) if test is not None else None,
        },
    }
    summary["notes"] = [*source.notes, *_notes(summary, dataset)]
    files.write_json(out / "dataset.json", summary)
    return summary


def _write_part(part: Part, in_test: np.ndarray, name: str, out: Path) -> dict[str, Any] | None:
    known = {"pool": "known", "test": "test_known"}[name]
    split = pc.if_else(pa.array(in_test), "test", "pool")
    write_arrow(_table({"item": part.ids, "split": split, **part.columns}), out / f"{name}.parquet")
    write_arrow(_table({"item": part.ids, "label": part.labels}), out / f"{known}.parquet")
    if part.array is None:
        return None
    array = open_array(part.array.path, part.name)
    described: dict[str, Any] = {"shape": [len(part), *array.shape[1:]], "dtype": str(array.dtype)}
    if part.array.in_place:
        rows_file = None
        if len(part) < len(array):
            rows_file = f"{name}_rows.npy"
            np.save(out / rows_file, part.rows)
        return {**described, "path": part.array.stored_as, "in_place": True, "rows": rows_file,
                "length": len(array)}  # fmt: skip
    place_rows(part.array.path, part.rows, out / f"{name}.npy")
    return {**described, "path": f"{name}.npy", "in_place": False, "rows": None, "length": len(part)}


def _table(columns: dict[str, Strings]) -> pa.Table:
    # One chunk a column, so that equal content gives equal bytes however it was read or filtered.
    return pa.table(columns).combine_chunks()


def _class_counts(labels: Strings, classes: tuple[str, ...]) -> dict[str, int]:
    counted = {pair["values"]: pair["counts"] for pair in pc.value_counts(labels).to_pylist()}
    return {name: int(counted.get(name, 0)) for name in classes}


def _notes(summary: dict[str, Any], dataset: Dataset) -> list[str]:
    notes = []
    other = summary["folded_with_another_label"]
    if summary["folded_duplicates"]:
        notes.append(
            f"{summary['folded_duplicates']} items are copies of earlier ones and were folded into them"
            + (f"; {other} of those have another label than the item that was kept" if other else "")
        )
    if summary["dropped_overlaps"]:
        notes.append(f"{summary['dropped_overlaps']} items were left out of the pool: the test set has them")
    if summary["dropped_copies_of_test"]:
        notes.append(
            f"{summary['dropped_copies_of_test']} copies of sampled test items were left out of the pool"
        )
    for value, count in summary["left_out_by_split"].items():
        notes.append(f"{count} rows with {value!r} in column {dataset.split_column!r} are in neither set")
    if summary["skipped_images"]["count"]:
        first = ", ".join(summary["skipped_images"]["first"])
        notes.append(
            f"{summary['skipped_images']['count']} images could not be read and were skipped: {first}"
        )
    if summary["test_set"] == "given" and summary["n_test"] < 100:
        notes.append(f"the test set has only {summary['n_test']} items; its accuracy will be a rough one")
    return notes
