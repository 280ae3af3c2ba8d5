"""The columns of every table, checked wherever one crosses a boundary.

A table is a pandas DataFrame in memory and Parquet on disk. The bytes on disk depend on the content
alone: no timestamps, no index, no library's metadata.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from labelloop import files
from labelloop.errors import DamagedFileError, DataError

if TYPE_CHECKING:
    import pandas as pd

ARMS = ("strategy", "control", "gold", "relabel", "audit", "test")
REASK = "reask"
"""Of a task: it asks somebody again what they have answered. No arm of a batch."""
ACTIONS = ("submitted", "updated", "deleted", "skipped")
REASKED = "reasked"
"""Action of an answer to such a task: it is kept and paid, and no label rests on it."""


@dataclass(frozen=True)
class Column:
    """One column of a contract: its type, and what must hold for every value."""

    type: pa.DataType
    nullable: bool = False
    unique: bool = False
    among: tuple[str, ...] = ()
    holds: Callable[[Any], Any] | None = None
    """Vectorised predicate over the column's non-null values."""
    says: str = ""
    """What `holds` demands, in words."""


@dataclass(frozen=True)
class Contract:
    """A table's name and columns, in their order on disk."""

    name: str
    columns: dict[str, Column]
    extra: bool = False
    """Whether further columns are welcome."""

    @property
    def schema(self) -> pa.Schema:
        return pa.schema([pa.field(name, column.type) for name, column in self.columns.items()])

    def empty(self) -> pd.DataFrame:
        """A table with the right columns and no row."""
        return self.schema.empty_table().to_pandas()

    def check(self, table: pd.DataFrame, source: str) -> pd.DataFrame:
        """Return `table` with exactly the contract's columns and types, or say what is wrong where.

        Args:
            table: any column order; further columns are dropped unless the contract welcomes them.
            source: the file's name, for messages.

        Raises:
            DataError: names source, column, row (0-based) and value.
        """
        missing = [name for name in self.columns if name not in table.columns]
        if missing:
            raise DataError(f"{source}: column {missing[0]!r} is missing from the {self.name} table; "
                            f"it has {list(table.columns)}")  # fmt: skip
        for name, column in self.columns.items():
            self._check_column(table[name], name, column, source)
        names = list(self.columns)
        if self.extra:
            names += [name for name in table.columns if name not in self.columns]
        return table[names]

    def _check_column(self, values: pd.Series, name: str, column: Column, source: str) -> None:
        missing = values.isna()
        if not column.nullable and missing.any():
            self._refuse(values, missing, name, source, "must not be empty")
        present = values[~missing]
        if column.unique and present.duplicated().any():
            repeated = values.notna() & values.duplicated(keep="first")
            self._refuse(values, repeated, name, source, "appears more than once")
        if pa.types.is_string(column.type):
            wrong = values.notna() & ~values.map(lambda value: isinstance(value, str)).astype(bool)
            if wrong.any():
                self._refuse(values, wrong, name, source, "must be text")
        if column.among and not present.isin(column.among).all():
            wrong = values.notna() & ~values.isin(column.among)
            self._refuse(values, wrong, name, source, f"must be one of {', '.join(column.among)}")
        if column.holds is not None and len(present):
            good = column.holds(present)
            if not good.all():
                wrong = values.notna() & ~good.reindex(values.index, fill_value=True)
                self._refuse(values, wrong, name, source, column.says)

    def _refuse(self, values: pd.Series, wrong: pd.Series, name: str, source: str, says: str) -> None:
        row = int(wrong.to_numpy().argmax())
        more = int(wrong.sum()) - 1
        also = f" (and {more} more rows)" if more else ""
        value = values.iloc[row]
        value = value.item() if hasattr(value, "item") else value  # 1.5, not np.float64(1.5)
        raise DataError(f"{source}, row {row}, column {name!r}: {value!r} {says}{also}")

    def write(self, table: pd.DataFrame, path: Path) -> None:
        """Check `table` and write it atomically as Parquet; equal tables give equal bytes."""
        checked = self.check(table, str(path))
        arrays = pa.Table.from_pandas(checked, preserve_index=False).replace_schema_metadata(None)
        fields = [
            self.schema.field(n) if n in self.columns else arrays.schema.field(n) for n in checked.columns
        ]
        write_arrow(arrays.cast(pa.schema(fields)), path)

    def read(self, path: Path) -> pd.DataFrame:
        """Read and check a Parquet file that labelloop wrote.

        Raises:
            DamagedFileError: it is not Parquet any more.
        """
        try:
            table = pq.read_table(path, page_checksum_verification=True).to_pandas()
        except (pa.ArrowInvalid, OSError) as error:
            if isinstance(error, FileNotFoundError):
                raise
            raise DamagedFileError(f"{path} is damaged: {error}") from None
        return self.check(table, str(path))


def write_arrow(table: pa.Table, path: Path) -> None:
    """Write an Arrow table atomically, without any metadata that varies from run to run."""
    with files.atomic_path(path) as temporary:
        # Votes have no other record of what they were while their round is open: pages carry checksums.
        pq.write_table(
            table.replace_schema_metadata(None), temporary, compression="zstd", store_schema=False,
            write_page_checksum=True,
        )  # fmt: skip


def _positive(values: Any) -> Any:
    return values >= 0


def _chance(values: Any) -> Any:
    return (values > 0) & (values <= 1)


def _share(values: Any) -> Any:
    return (values >= 0) & (values <= 1)


def _not_blank(values: Any) -> Any:
    return values.astype(str).str.strip() != ""


_ID = Column(pa.string(), holds=_not_blank, says="must not be blank")
_TIME = pa.timestamp("us", tz="UTC")

POOL = Contract(
    "pool",
    {
        "item": Column(pa.string(), unique=True, holds=_not_blank, says="must not be blank"),
        "split": Column(pa.string(), among=("pool", "test")),
    },
    extra=True,
)
"""Items that may be asked about (`pool`), and the random sample of them that is the test set (`test`)."""

KNOWN = Contract("known labels", {"item": _ID, "label": Column(pa.string(), nullable=True)})
"""Labels that came with the data; only simulated annotators, backtests and given test sets read them."""

BATCH = Contract(
    "batch",
    {
        "item": Column(pa.string(), unique=True),
        "arm": Column(pa.string(), among=ARMS),
        "rank": Column(pa.int32(), holds=_positive, says="must be 0 or more"),
        "score": Column(pa.float64(), nullable=True),
        "probability": Column(
            pa.float64(), nullable=True, holds=_chance, says="must be above 0 and at most 1"
        ),
        "draw_probability": Column(
            pa.float64(), nullable=True, holds=_chance, says="must be above 0 and at most 1"
        ),
        "overlap": Column(pa.int32(), holds=_positive, says="must be 0 or more"),
    },
)
"""`probability`: chance of the item to be in its arm, given what was known; 1 where chance had no part, null
where it had one and is not known. `draw_probability`: chance of the item to be the next one drawn, given the
control items and those of its arm with a lower rank, where every item left had such a chance; else null.
`overlap`: different people asked about it by this round; in the arm `relabel` beyond those of earlier
rounds."""

ASKED = Contract(
    "asked",
    {
        "item": Column(pa.string(), unique=True),
        "arm": Column(pa.string(), among=ARMS),
        "round": Column(pa.string()),
        "overlap": Column(pa.int32(), holds=_positive, says="must be 0 or more"),
    },
)
"""Every item that anybody was asked about so far: the round and arm that asked first, and how many different
people all rounds together have asked, or heard from where those are more."""

TASKS = Contract(
    "tasks",
    {
        "key": Column(pa.string(), unique=True),
        "item": Column(pa.string()),
        "arm": Column(pa.string(), among=(*ARMS, REASK)),
        "copy": Column(pa.int32(), holds=_positive, says="must be 0 or more"),
        "tool_id": Column(pa.string()),
    },
)

ROUTING = Contract(
    "routing",
    {
        "item": Column(pa.string()),
        "annotator": Column(pa.string(), holds=_not_blank, says="must not be blank"),
        "why": Column(pa.string(), among=("skill", "explore", "expert", REASK)),
        "chance": Column(pa.float64(), nullable=True, holds=_chance, says="must be above 0 and at most 1"),
        "worth": Column(pa.float64(), nullable=True, holds=_share, says="must be in [0, 1]"),
    },
)
"""Who is asked about what, in the order of the items' copies; empty where anybody is. `chance`: with which
somebody was drawn at random, null where skill decided. `worth`: the chance of a right answer, as far as it is
proven."""

VOTES = Contract(
    "votes",
    {
        "vote": Column(pa.string(), unique=True),
        "key": Column(pa.string()),
        "item": Column(pa.string()),
        "annotator": Column(pa.string(), holds=_not_blank, says="must not be blank"),
        "value": Column(pa.string(), nullable=True),
        "action": Column(pa.string(), among=(*ACTIONS, REASKED)),
        "answered_at": Column(_TIME),
        "lead_seconds": Column(pa.float64(), nullable=True, holds=_positive, says="must be 0 or more"),
        "cost": Column(pa.float64(), holds=_positive, says="must be 0 or more"),
        "round": Column(pa.string()),
        "tool": Column(pa.string()),
        "tool_ref": Column(pa.string(), nullable=True),
        "prelabel": Column(pa.string(), nullable=True),
    },
)
"""Append-only: a changed answer is a further row. `round` is the round that asked about the item first, also
of answers to a later round's second look, or the round that asked again of those that are `reasked`; `vote`
is the id;
`prelabel` is the prediction that was preselected when the person answered, null where none was shown."""

_RESTS_ON = {
    "raw": Column(pa.list_(pa.float64()), nullable=True),
    "prior": Column(pa.list_(pa.float64()), nullable=True),
    "entropy": Column(pa.float64(), holds=_positive, says="must be 0 or more"),
    "votes": Column(pa.int32(), holds=_positive, says="must be 0 or more"),
    "agreeing": Column(pa.int32(), holds=_positive, says="must be 0 or more"),
    "dissenters": Column(pa.list_(pa.string())),
    "tie": Column(pa.bool_()),
    "gold": Column(pa.bool_()),
    "method": Column(pa.string()),
    "parameters": Column(pa.string()),
    "vote_ids": Column(pa.list_(pa.string())),
}
"""What a label rests on. `posterior`, `raw` (before calibration) and `prior` (what a model said before the
votes) are in the order of the class list; `entropy` of the posterior is in nats. `agreeing`: votes for the
label that was chosen; `dissenters`: who voted otherwise. `parameters`: digest of the method's version,
options and temperature; fusion.json has them in words."""

FUSED = Contract(
    "fused",
    {
        "item": Column(pa.string(), unique=True),
        "label": Column(pa.string()),
        "confidence": Column(pa.float64(), holds=_share, says="must be in [0, 1]"),
        "posterior": Column(pa.list_(pa.float64())),
        **_RESTS_ON,
    },
)
"""One row an item with votes; what a label rests on is described at `_RESTS_ON`."""

LABELS = Contract(
    "labels",
    {
        "item": Column(pa.string(), unique=True),
        "label": Column(pa.string()),
        "confidence": Column(pa.float64(), holds=_share, says="must be in [0, 1]"),
        "posterior": Column(pa.list_(pa.float64())),
        "status": Column(pa.string(), among=("fused", "given", "reviewed", "in review")),
        "arm": Column(pa.string(), nullable=True, among=ARMS),
        "split": Column(pa.string(), among=("train", "test", "gold", "held")),
        "round": Column(pa.string(), nullable=True),
        **_RESTS_ON,
    },
)
"""The snapshot. `round` is the round that asked; null for labels that came with the data (`given`).
`status`: `in review` is a label that waits at a review gate, by votes or by a verdict; `split`: `held` is one
that waits and is not trained on meanwhile (review.hold_from_training)."""

ACCEPTED = Contract(
    "accepted",
    {
        "item": Column(pa.string(), unique=True),
        "label": Column(pa.string()),
        "confidence": Column(pa.float64(), holds=_share, says="must be in [0, 1]"),
        "certificate": Column(pa.string()),
        "audit": Column(pa.bool_()),
    },
)
"""Labels that count without a further person, by the order of their ids: of the model, about items that
nobody was asked about, and by votes. `audit`: drawn to be asked about all the same. Those of the model are no
snapshot's labels: nothing is trained, fused or judged on them."""
