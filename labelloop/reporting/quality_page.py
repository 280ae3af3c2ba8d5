"""annotators.html of a round: who answers how well, who is paused, and how far people agree."""

from __future__ import annotations

from typing import Any

from labelloop.reporting.agreement import agreement_body, agreement_subtitle
from labelloop.reporting.annotators import annotators_body, annotators_subtitle
from labelloop.reporting.web_page import name, page, paragraph, section, table, text

MOST_DETAILS = 20
"""People whose answers by true class are drawn: the page is made anew every round."""


def quality_page(quality: dict[str, Any], paused: list[dict[str, str]], title: str) -> str:
    """The page.

    Args:
        quality: of `campaign_quality`.
        paused: of `pausing.Standing`.
        title: what the round is called.
    """
    people, agreement = quality["people"], quality["agreement"]
    if people is None:
        return page(title, "Nobody has answered anything yet.", "")
    body = [
        section("Paused", _paused(paused)),
        annotators_body(people, MOST_DETAILS),
        "<h1>Agreement</h1>",
        paragraph(agreement_subtitle(agreement, "All votes that stand"), "note"),
        agreement_body(agreement),
    ]
    return page(title, annotators_subtitle(people, "All votes that stand"), "\n".join(body))


def _paused(paused: list[dict[str, str]]) -> str:
    rows = [[name(one["annotator"]), text(one["since"]), text(one["reason"])] for one in paused]
    return table(["annotator", "since", "why"], rows)
