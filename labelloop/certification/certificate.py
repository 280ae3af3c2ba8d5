"""A certificate: what was proven, on what, until when; sealed, so that a changed one is noticed.

It lies in a folder of its own as `certificate.json`. What ends it is written beside it, as `revoked.json`; a
certificate is never edited.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from labelloop import files
from labelloop.errors import DamagedFileError, DataError

FORMAT = 1
CERTIFICATE, REVOKED = "certificate.json", "revoked.json"

MOST_DAYS = 36_500
"""A hundred years, so that the day it ends is one that can be written."""


@dataclass(frozen=True)
class Certificate:
    """Of the labels with this confidence or more at most `target` are wrong, with chance 1 - delta."""

    id: str
    """The digest's first 12 digits, after `c-`; accepted labels name it."""
    issued_at: str
    expires_at: str
    target: float
    """alpha: the greatest share of wrong labels."""
    delta: float
    """Chance, over draws of gold, that the share is greater all the same."""
    test: str
    level: float
    threshold: float
    gold: int
    """Gold items at or above the threshold: n."""
    errors: int
    """Of these, wrong ones."""
    p_value: float
    bound: float
    """Clopper-Pearson upper bound of the wrong share."""
    stream: int
    """Labels that the thresholds were taken from."""
    coverage: float
    """Expected share of the stream at or above the threshold."""
    gold_total: int
    """Gold items used, above and below the threshold."""
    protocol: list[dict[str, Any]]
    """Every threshold that was declared, and what came of it."""
    classes: list[str]
    scorer: str
    """Digest of what gave the confidences; another scorer needs another certificate."""
    method: str
    gold_digest: str
    audit_share: float
    audit_delta: float
    blind: int | None = None
    """How many of the reviews behind it were given without the label in view; None of gold."""
    digest: str = ""
    """SHA-256 of everything else but the id."""

    def ends(self) -> datetime:
        """When it expires."""
        return datetime.fromisoformat(self.expires_at)


def sealed(now: datetime, days: float, **facts: Any) -> Certificate:
    """A certificate with its digest and id.

    Args:
        now: with a time zone.
        days: how long it holds.
    """
    if not 0 < days <= MOST_DAYS:
        raise DataError(f"a certificate of {days:g} days is none; give more than 0, and {MOST_DAYS} at most")
    facts = {"blind": None} | facts
    facts |= {
        "issued_at": now.isoformat(timespec="seconds"),
        "expires_at": (now + timedelta(days=days)).isoformat(timespec="seconds"),
    }
    digest = files.digest_of(facts | {"format": FORMAT})
    return Certificate(id=f"c-{digest[:12]}", digest=digest, **facts)


def read_sealed(content: dict[str, Any], source: str) -> Certificate:
    """A certificate from what `dataclasses.asdict` made of it, with its format; see `read_certificate`."""
    facts = {name: value for name, value in content.items() if name not in ("id", "digest")}
    if files.digest_of(facts) != content.get("digest") or content.get("id") != f"c-{content['digest'][:12]}":
        raise DamagedFileError(f"{source} is not what was issued: its content does not have the digest that "
                               "it names. Nothing may be accepted under it; issue a new one")  # fmt: skip
    facts.pop("format")
    return Certificate(id=content["id"], digest=content["digest"], **facts)


def write_certificate(certificate: Certificate, folder: Path) -> None:
    """Write it as `certificate.json`; one that is there, of whatever state, is not replaced.

    Raises:
        DataError: the folder holds another certificate.
    """
    path = folder / CERTIFICATE
    if path.exists() and read_certificate(folder) != certificate:
        raise DataError(
            f"{folder} holds a certificate already; certificates are kept, so name another folder"
        )
    files.write_json(path, asdict(certificate) | {"format": FORMAT})


def read_certificate(folder: Path) -> Certificate:
    """Read it and check its seal.

    Raises:
        DataError: there is none.
        DamagedFileError: it is not what was issued.
    """
    path = folder / CERTIFICATE
    if not path.is_file():
        raise DataError(f"{folder} holds no {CERTIFICATE}; `labelloop certify LABELS --gold GOLD --out "
                        f"{folder}` makes one")  # fmt: skip
    return read_sealed(files.read_json(path), str(path))


def revoke(folder: Path, reason: str, now: datetime, **evidence: Any) -> dict[str, Any]:
    """End a certificate: a breach, a new model, another schema, a drift alarm. The first reason stays.

    Returns:
        What `revoked.json` says: certificate, at, reason, evidence.
    """
    certificate = read_certificate(folder)
    ended = revocation(folder)
    if ended is None:
        ended = {"certificate": certificate.id, "at": now.isoformat(timespec="seconds"), "reason": reason,
                 "evidence": evidence}  # fmt: skip
        files.write_json(folder / REVOKED, ended)
    return ended


def revocation(folder: Path) -> dict[str, Any] | None:
    """What ended the certificate, or None."""
    path = folder / REVOKED
    ended: dict[str, Any] | None = files.read_json(path) if path.exists() else None
    return ended


def why_not(
    folder: Path, now: datetime, *, scorer: str | None = None, classes: list[str] | None = None
) -> str:
    """Why no label may be accepted under a folder's certificate, or ''.

    Args:
        scorer: digest of the scorer in use; None does not compare.
        classes: the label schema in use; None does not compare.
    """
    certificate = read_certificate(folder)
    ended = revocation(folder)
    if ended is not None:
        return f"it was revoked at {ended['at']}: {ended['reason']}"
    if now >= certificate.ends():
        return f"it expired at {certificate.expires_at}"
    if scorer is not None and scorer != certificate.scorer:
        return (f"the scorer differs: its digest is {scorer[:12]}, and what was certified has "
                f"{certificate.scorer[:12]}")  # fmt: skip
    return "" if classes is None else other_classes(certificate.classes, classes)


def other_classes(certified: Sequence[str], now: Sequence[str]) -> str:
    """How the classes differ from those that were certified, or ''."""
    new, gone = sorted(set(now) - set(certified)), sorted(set(certified) - set(now))
    if not new and not gone:
        return ""
    what = [f"{word}: {', '.join(names[:20])}" for word, names in (("new", new), ("gone", gone)) if names]
    return f"the classes differ from those that were certified ({'; '.join(what)})"
