"""Of a certificate in force it is said how many of its labels were audited, and what would audit some."""

from __future__ import annotations

from typing import Any

import pytest

from labelloop.reporting.label_words import acceptance_words, fused_words

CERTIFICATE = {"id": "c-new", "threshold": 0.9, "target": 0.05, "delta": 0.05, "errors": 1, "gold": 90,
               "gold_total": 100, "expires_at": "2026-02-01T00:00:00+00:00"}  # fmt: skip
NO_CHANGE = {"before": 0, "kept": 0, "relabelled": 0, "returned": 0, "new": 5}


def audits(certificate: str, right: int, wrong: int) -> list[dict[str, str]]:
    found = ["a"] * right + ["b"] * wrong
    return [{"certificate": certificate, "accepted": "a", "found": label} for label in found]


def said(of: str, **more: Any) -> str:
    told: dict[str, Any] = {"state": "issued", "certificate": CERTIFICATE, "change": NO_CHANGE, "drawn": 6,
                            "audits": [], "open_audits": [], "through": "r001", "accepted": 300}  # fmt: skip
    told |= more
    return acceptance_words(told, 300) if of == "model" else fused_words({"fused": told})


@pytest.mark.parametrize(
    ("of", "todo"),
    [
        ("model", "6 are drawn for it, and a further round asks people about them"),
        ("votes", "`labelloop review --random N`"),
    ],
)
def test_where_none_was_audited_it_is_said_what_would_do_it(of: str, todo: str) -> None:
    """Audits of certificates that have ended say nothing about the labels of this one."""
    for before in ([], audits("c-old", 8, 2)):
        words = said(of, audits=before)
        assert "None of its labels has been audited so far" in words and todo in words
        assert ("Audits of all certificates: 2 of 10 wrong." in words) == bool(before)


@pytest.mark.parametrize("of", ["model", "votes"])
def test_audits_of_the_certificate_are_told_by_themselves(of: str) -> None:
    words = said(of, audits=audits("c-old", 8, 2) + audits("c-new", 6, 1))
    assert "1 of 7 audited labels under it were wrong." in words
    assert "Audits of all certificates: 3 of 17 wrong." in words
    assert "Audits of all" not in said(of, audits=audits("c-new", 6, 1))


@pytest.mark.parametrize("of", ["model", "votes"])
def test_without_a_certificate_in_force_there_is_nothing_to_audit(of: str) -> None:
    words = said(of, state="suspended", reason="drift", audits=audits("c-old", 8, 2))
    assert "audited so far" not in words and "2 of 10 wrong" in words
