"""Certify a file of labels, and audit what was accepted: `labelloop certify`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd
from scipy import stats

from labelloop import files
from labelloop.certification.audit import Audit, audit
from labelloop.certification.certificate import (
    CERTIFICATE,
    Certificate,
    read_certificate,
    revocation,
    revoke,
    sealed,
    why_not,
    write_certificate,
)
from labelloop.certification.drawing import drawn_for_audit
from labelloop.certification.stream import Stream, read_stream
from labelloop.certification.threshold_tests import Tested, find_threshold, more_gold, needed_gold
from labelloop.errors import DataError
from labelloop.fusion.gold_labels import check_spelling
from labelloop.fusion.text_table import read_text_table
from labelloop.fusion.votes_file import read_gold

ACCEPTED, AUDITED, RETURNED = "accepted.csv", "audit.json", "returned.csv"
GOLD = "gold_items.csv"
"""The items whose truth was known: whatever comes later, they are not accepted."""
AGAIN = ". A further try with some of the same gold is a further chance to be wrong: halve --delta for it"
ALIKE = "write both alike"
STRANGE_GOLD = 1e-4
"""Chance, for gold that is drawn at random, to be refused as not drawn at random."""


class NotProvenError(DataError):
    """Gold does not prove the target; nothing is wrong with the files."""


def certify_file(
    labels_path: Path,
    gold_path: Path,
    out: Path,
    *,
    target: float,
    delta: float,
    now: datetime,
    test: str = "fixed_sequence",
    coverages: Sequence[float] | None = None,
    days: float = 30.0,
    audit_share: float = 0.02,
    audit_delta: float = 0.05,
    scorer: Path | None = None,
) -> dict[str, Any]:
    """Find a threshold, issue the certificate and write what may be accepted.

    `out` gets `certificate.json` and `accepted.csv`: item, label, confidence, certificate, audit (whether the
    label was drawn for the audit), without the gold items, whose truth is known anyway; and
    `gold_items.csv`, which names these.

    Args:
        scorer: file or folder whose digest is recorded; default: the labels themselves.

    Returns:
        The certificate's facts, and accepted, audited_by_draw, gold_without_label, gold_contradicting, out.

    Raises:
        NotProvenError: refused; says what was seen and how much more gold would help.
        DataError: the files do not fit, or gold is not what it must be.
    """
    if not 0 <= audit_share <= 1:
        raise DataError(f"audit share is {audit_share:g}; it must be from 0 to 1, such as 0.02")
    if (out / CERTIFICATE).exists():
        raise DataError(f"{out} holds a certificate already; certificates are kept, so name another folder")
    stream = read_stream(labels_path)
    gold = read_gold(gold_path)[["item", "label"]].drop_duplicates()
    check_spelling({*stream.classes, *stream.table["label"]}, gold["label"], said_by="labels", remedy=ALIKE)
    contradicting = gold["item"].duplicated(keep=False)
    # Items whose gold says two things are hard ones: without them the rest is flattered, so they are wrong.
    clear = gold.assign(label=gold["label"].where(~contradicting, "\0")).drop_duplicates()
    joined = clear.merge(stream.table, on="item", suffixes=("_gold", ""))
    _check_gold(joined, stream, gold_path)
    confidence = joined["confidence"].to_numpy()
    correct = (joined["label"] == joined["label_gold"]).to_numpy()
    found = find_threshold(
        stream.table["confidence"].to_numpy(), confidence, correct, target=target, delta=delta, test=test,
        coverages=coverages,
    )  # fmt: skip
    if found.chosen is None:
        said = refusal(found, len(joined), int((~correct).sum()), target=target, delta=delta)
        if more_gold(found, len(joined), target=target) is not None:
            said += AGAIN
        raise NotProvenError(said)
    certificate = sealed(
        now,
        days,
        target=target,
        delta=delta,
        test=test,
        **found.proof(),
        stream=len(stream.table),
        gold_total=len(joined),
        classes=list(stream.classes),
        scorer=stream.digest if scorer is None else scorer_digest(scorer),
        method=stream.method,
        gold_digest=files.digest_of(sorted(clear.itertuples(index=False, name=None))),
        audit_share=audit_share,
        audit_delta=audit_delta,
    )
    accepted = accept(stream, certificate, frozenset(gold["item"]))
    write_table(accepted, out / ACCEPTED)
    write_table(gold[["item"]].drop_duplicates(), out / GOLD)
    # Last, so that a certificate never stands without the labels that name it.
    write_certificate(certificate, out)
    return asdict(certificate) | {
        "accepted": len(accepted),
        "audited_by_draw": int(accepted["audit"].sum()),
        "gold_without_label": int((~clear["item"].isin(stream.table["item"])).sum()),
        "gold_contradicting": int(gold["item"][contradicting].nunique()),
        "out": str(out),
    }


def accept(stream: Stream, certificate: Certificate, known: frozenset[str]) -> pd.DataFrame:
    """The labels at or above the threshold without the known items; columns of `accepted.csv`."""
    table = stream.table
    chosen = table[(table["confidence"] >= certificate.threshold) & ~table["item"].isin(known)]
    drawn = drawn_for_audit(certificate, chosen["item"])
    return chosen.assign(certificate=certificate.id, audit=drawn).reset_index(drop=True)


def audit_file(folder: Path, audited_path: Path, now: datetime) -> dict[str, Any]:
    """Judge audited labels; revoke the certificate on a breach.

    Args:
        audited_path: the truth of accepted items drawn for the audit, in the order in which they were
            audited; earlier ones first, all of them each time.

    Returns:
        Fields of `Audit`, and certificate, state ('' while it holds), returned (labels that return to the
        queue, written to `returned.csv`). The same goes into `audit.json`.

    Raises:
        DataError: an item was not accepted or not drawn.
    """
    certificate = read_certificate(folder)
    accepted = read_text_table(folder / ACCEPTED).set_index("item")
    truth = read_gold(audited_path).drop_duplicates()
    _check_audited(truth, accepted, certificate, audited_path)
    # A breach revokes for good, so it must be none of spelling.
    check_spelling(accepted["label"], truth["label"], said_by="accepted labels", remedy=ALIKE)
    wrong = (accepted["label"].reindex(truth["item"]).to_numpy() != truth["label"].to_numpy()).astype(bool)
    result: Audit = audit(wrong, certificate.target, certificate.audit_delta)
    if result.breach_at is not None:
        revoke(
            folder,
            f"the audit found {result.errors} of {result.audited} accepted labels wrong; more than "
            f"{certificate.target:.2%} are wrong (evidence {result.greatest:.3g}, limit {result.limit:g})",
            now,
            **asdict(result),
        )
    state = standing(folder, now)
    summary = asdict(result) | {
        "certificate": certificate.id, "state": state["ended"], "returned": state["returned"],
    }  # fmt: skip
    files.write_json(folder / AUDITED, summary)
    return summary


def standing(folder: Path, now: datetime) -> dict[str, Any]:
    """Whether a certificate holds; where it was revoked, its labels are written to `returned.csv`.

    Labels that were accepted before a certificate expired stay accepted; no others may be.

    Returns:
        certificate, until, ended ('' while it holds), returned (labels).
    """
    certificate = read_certificate(folder)
    ended = why_not(folder, now)
    returned = return_labels(folder) if revocation(folder) is not None else 0
    return {
        "certificate": certificate.id, "until": certificate.expires_at, "ended": ended, "returned": returned,
    }  # fmt: skip


def return_labels(folder: Path) -> int:
    """Write the accepted labels of a revoked certificate to `returned.csv`, for the queue; say how many."""
    accepted = read_text_table(folder / ACCEPTED)
    write_table(accepted[["item", "label", "confidence", "certificate"]], folder / RETURNED)
    return len(accepted)


def scorer_digest(scorer: Path) -> str:
    """Digest of the file or folder that gave the confidences.

    Raises:
        DataError: it is not there.
    """
    if not scorer.exists():
        raise DataError(f"{scorer} is not there; name the file or folder that gave the confidences")
    return files.digest(scorer)


def _check_gold(joined: pd.DataFrame, stream: Stream, path: Path) -> None:
    if joined.empty:
        raise DataError(f"{path}: none of its items has a label; items of the labels look like "
                        f"{stream.table['item'].iloc[0]!r}")  # fmt: skip
    told = joined["item"].isin(stream.told)
    if told.any():
        raise DataError(f"{path}: {int(told.sum())} of its items, such as {joined['item'][told].iloc[0]!r}, "
                        "were known as gold when the labels were made, so they prove nothing; certify with "
                        "gold that was kept back")  # fmt: skip
    rest = stream.table["confidence"][~stream.table["item"].isin(joined["item"])]
    if len(rest) and len(joined) >= 20:
        chance = float(stats.ks_2samp(joined["confidence"], rest).pvalue)
        if chance < STRANGE_GOLD:
            raise DataError(f"{path} is no random draw of the labels: its items' confidences differ from the "
                            f"others' (Kolmogorov-Smirnov, chance {chance:.1e}); draw gold at random from "
                            "the same stream")  # fmt: skip


def refusal(
    found: Tested, n_gold: int, n_wrong: int, *, target: float, delta: float, gold: str = "gold items"
) -> str:
    """Why nothing is certified, and what would help; `gold`: what the items with a known truth are called."""
    seen = f"not certified: {n_gold} {gold}, {n_wrong} of them wrong"
    more = more_gold(found, n_gold, target=target)
    if more is None:
        wrong, coverage = min((step.errors / max(step.gold, 1), step.coverage) for step in found.steps)
        return (
            f"{seen}; even among the surest {coverage:.0%} of the labels {wrong:.1%} are wrong, and "
            f"{target:.1%} may be. More {gold} are no remedy; better labels or a greater target error are"
        )
    return (
        f"{seen}, do not prove an error of at most {target:.1%} with chance {100 * (1 - delta):.4g}% at any "
        f"declared threshold. About {more:,} more {gold}, drawn at random, would, if the labels are as good "
        f"as they look (at the least {needed_gold(target, found.level)} above the threshold, with no error)"
    )


def _check_audited(truth: pd.DataFrame, accepted: pd.DataFrame, certificate: Certificate, path: Path) -> None:
    twice = truth["item"].duplicated()
    if twice.any():
        raise DataError(f"{path}: item {truth['item'][twice].iloc[0]!r} has several labels; keep one")
    strange = ~truth["item"].isin(accepted.index)
    if strange.any():
        raise DataError(
            f"{path}: item {truth['item'][strange].iloc[0]!r} was not accepted under {certificate.id}"
        )
    drawn = accepted["audit"].str.lower().reindex(truth["item"]).to_numpy() == "true"
    if not drawn.all():
        raise DataError(f"{path}: item {truth['item'][~drawn].iloc[0]!r} was not drawn for the audit (column "
                        f"audit of {ACCEPTED}); an audit of chosen items proves nothing")  # fmt: skip


def write_table(table: pd.DataFrame, path: Path) -> None:
    """Write it as CSV: `accepted.csv` and its like."""
    files.write_bytes(path, table.to_csv(index=False, lineterminator="\n").encode())
