"""Which labels count without a further person. Part of evaluate: it has the model and the test set.

Here the model's; those by votes in `accept_fused`, whose files are the same.

A certificate is the round's own: a new model ends the one before. Accepted labels are not part of the
snapshot and nothing is trained on them; `labelloop export` puts them beside people's labels. A random part of
them is asked about in the next round (arm `audit`). When the audits show that the target does not hold,
nothing is accepted any more, until somebody has looked into it and says from which round on audits count.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd

from labelloop import files, tables
from labelloop.campaign import Acceptance
from labelloop.certification.certificate import FORMAT, Certificate
from labelloop.certification.drawing import drawn_for_audit
from labelloop.certification.model_labels import Issued, certify_model, test_digest
from labelloop.datasets.base import Prepared
from labelloop.stages.accept_fused import accept_fused
from labelloop.stages.acceptance import LEAST_DELTA, changes, closed_at, drift_alarm
from labelloop.stages.gold_arm import read_gold_csv
from labelloop.stages.model_audit import answered
from labelloop.stages.model_audit import judged as judged_audits
from labelloop.stages.revoking import revocation, revoked_words
from labelloop.stages.runner import Receipts, Round

SHARD = 16_384
"""Items of the pool that the model sees at a time."""


@dataclass(frozen=True)
class Judged:
    """The model and what it says of the test set."""

    learner: Any
    items: np.ndarray
    probabilities: np.ndarray
    """Shape (n_test, n_classes)."""
    true: np.ndarray
    """Shape (n_test,), class codes."""


def accept(current: Round, prepared: Prepared, labels: pd.DataFrame, judged: Judged) -> dict[str, Any]:
    """Write accepted.parquet and certificate.json; see the module.

    Returns:
        Metrics: accepted, audited, audit_errors.
    """
    settings = current.settings.accept
    before = files.read_json(current.previous.certificate)
    open_ones = [*before["open_audits"], *_asked_audits(current)]
    new, still_open = answered(open_ones, labels)
    audits = [*before["audits"], *new]
    told: dict[str, Any] = {
        "state": "off", "looks": before["looks"], "spent": before["spent"], "audits": audits,
        "open_audits": still_open,
    }  # fmt: skip
    stands = revocation(current, before)
    if stands is not None:
        told["revoked"] = stands
    accepted = tables.ACCEPTED.empty()
    if settings.target_error is not None:
        seen, breach = judged_audits(audits, settings.target_error, settings)
        told["audit"] = asdict(seen)
        stopped = _stopped(current, breach, stands)
        if stopped:
            told |= {"state": "suspended", "reason": stopped}
        elif (reason := _not_now(settings, prepared, before)) != "":
            told |= {"state": "refused", "reason": reason}
        else:
            delta = (settings.delta - before["spent"]) / (settings.looks - before["looks"])
            issued, table = _issue(current, prepared, labels, judged, delta)
            told["looks"] += issued.looked
            told["spent"] += delta if issued.looked else 0.0
            if issued.certificate is None:
                told |= {"state": "refused", "reason": issued.reason}
            else:
                accepted = table
                told |= {"state": "issued", "certificate": asdict(issued.certificate) | {"format": FORMAT},
                         "drawn": int(accepted["audit"].sum())}  # fmt: skip
    old, fused_before = tables.ACCEPTED.read(current.previous.accepted), before.get("fused", {})
    by_votes = old["certificate"] == fused_before.get("certificate", {}).get("id")
    told["change"] = changes(old[~by_votes], accepted)
    fused, voted = accept_fused(current, prepared, labels, fused_before, old[by_votes])
    if fused is not None:
        told["fused"] = fused
    every = pd.concat([part for part in (accepted, voted) if len(part)] or [accepted])
    tables.ACCEPTED.write(every.sort_values("item", ignore_index=True), current.folder.accepted)
    files.write_json(current.folder.certificate, told)
    return {
        "accepted": len(accepted),
        "audited": len(audits),
        "audit_errors": sum(one["accepted"] != one["found"] for one in audits),
    }


def _not_now(settings: Acceptance, prepared: Prepared, before: dict[str, Any]) -> str:
    """Why no certificate is tried, or ''."""
    if before["looks"] >= settings.looks or settings.delta - before["spent"] < LEAST_DELTA:
        return (f"{before['looks']} certificates were tried (accept.looks is {settings.looks}), which has "
                f"used {before['spent']:.3g} of accept.delta {settings.delta:g}; each further one would be a "
                "further chance to be wrong")  # fmt: skip
    if prepared.test is not None and not settings.trust_test_set:
        return ("the test set came with the data, so nothing says that it is a random draw from the pool's "
                "source; if it is, set accept.trust_test_set")  # fmt: skip
    return ""


def _issue(
    current: Round, prepared: Prepared, labels: pd.DataFrame, judged: Judged, delta: float
) -> tuple[Issued, pd.DataFrame]:
    """Score the pool, test thresholds, and list what may be accepted: items that nobody was asked about."""
    settings = current.settings.accept
    assert settings.target_error is not None
    codes, confidence = _score_pool(prepared, judged.learner)
    kept = ~prepared.splits.copy()
    asked = tables.ASKED.read(current.folder.asked)["item"]
    gold = read_gold_csv(current.folder.gold)
    kept[prepared.pool.rows_of(sorted({*labels["item"], *asked, *gold}))] = False
    issued = certify_model(
        confidence,
        kept,
        judged.probabilities.max(axis=1).astype(np.float64),
        judged.probabilities.argmax(axis=1) == judged.true,
        test_in_pool=prepared.test is None,
        target=settings.target_error,
        delta=delta,
        now=closed_at(current),
        days=settings.days,
        audit_share=settings.audit_share,
        audit_delta=settings.audit_delta,
        classes=list(prepared.classes),
        scorer=Receipts(current.workspace).digest(current.folder.model),
        test_digest=test_digest(judged.items, judged.true),
    )
    if issued.certificate is None:
        return issued, tables.ACCEPTED.empty()
    return issued, _table(issued.certificate, prepared, kept, codes, confidence)


def _table(
    certificate: Certificate, prepared: Prepared, kept: np.ndarray, codes: np.ndarray, confidence: np.ndarray
) -> pd.DataFrame:
    rows = np.flatnonzero(kept & (confidence >= certificate.threshold))
    items = prepared.pool.ids_of(rows)
    names = np.array(prepared.classes, dtype=object)
    table = pd.DataFrame(
        {
            "item": items,
            "label": names[codes[rows]],
            "confidence": confidence[rows],
            "certificate": certificate.id,
            "audit": drawn_for_audit(certificate, items),
        }
    )
    return table.sort_values("item", ignore_index=True)


def _score_pool(prepared: Prepared, learner: Any) -> tuple[np.ndarray, np.ndarray]:
    """The model's class and its probability for every item of the pool; shape (n_pool,) each."""
    n = len(prepared.pool)
    codes, confidence = np.zeros(n, dtype=np.int64), np.zeros(n)
    for start in range(0, n, SHARD):
        shard = slice(start, min(start + SHARD, n))
        probabilities = learner.predict_proba(prepared.pool.inputs(shard))
        codes[shard], confidence[shard] = probabilities.argmax(axis=1), probabilities.max(axis=1)
    return codes, confidence


def _asked_audits(current: Round) -> list[dict[str, Any]]:
    """Accepted labels that this round asked about, in the order of the batch."""
    batch = tables.BATCH.read(current.folder.batch)
    asked = batch.loc[batch["arm"] == "audit", "item"].tolist()
    if not asked:
        return []
    accepted = tables.ACCEPTED.read(current.previous.accepted).set_index("item")
    return [
        {"item": item, "round": current.id, "certificate": accepted.at[item, "certificate"],
         "accepted": accepted.at[item, "label"]}
        for item in asked
    ]  # fmt: skip


def _stopped(current: Round, breach: str, stands: dict[str, str] | None) -> str:
    """Why nothing may be accepted, whatever could be proven: an audit, a person or a drift alarm says so; or
    ''."""
    if not breach:
        return drift_alarm(current) if stands is None else revoked_words(stands, current.id)
    return (f"{breach}; it has returned to the queue. Look into it (audits in certificate.json), then set "
            f"accept.audits_from to the next round's id, and not to {current.id}")  # fmt: skip
