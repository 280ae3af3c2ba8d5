"""The columns of every table, checked wherever one crosses a boundary; see `table_contract`."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from labelloop.table_contract import Column, Contract

ARMS = ("strategy", "control", "gold", "relabel", "audit", "test")
REASK = "reask"
"""Of a task: it asks somebody again what they have answered. No arm of a batch."""
ACTIONS = ("submitted", "updated", "deleted", "skipped")
REASKED = "reasked"
"""Action of an answer to such a task: it is kept and paid, and no label rests on it."""


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
