"""reports/campaign.html: everything on one page, which loads and runs nothing."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
import yaml

from labelloop import files
from labelloop.reporting.campaign_page import campaign_page
from labelloop.workspace import Workspace

CURVE = """\
round,labels,test_items,votes,cost,hours,accuracy,accuracy_low,accuracy_high
r000,20,300,1560,80.1,2.5,0.71,0.65,0.76
r001,60,300,1680,89.25,3.5,0.8,0.75,0.84
"""
HOSTILE = '<script>alert("1")</script>'
PNG = b"\x89PNG\r\n\x1a\n not one that anybody looks at"


@pytest.fixture
def campaign(tmp_path: Path) -> Workspace:
    """The newest round of a campaign, with what the page reads; a class is called as nobody should."""
    params = {"campaign": {"name": "animals"}, "budget": {"labels": 1000},
              "labels": {"classes": ["cat", HOSTILE], "question": f"{HOSTILE}?"}}  # fmt: skip
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(params))
    workspace = Workspace.at(tmp_path)
    folder = workspace.round("r001")
    files.write_text(folder.curve, CURVE)
    files.write_json(folder.savings, {"sentence": "Too little data yet."})
    files.write_json(folder.metrics, {"reviewed": 0, "overturned": 0, "accepted": 0})
    files.write_json(folder.fusion, {"votes": 1680, "annotators": 5, "items": 360, "method": "majority",
                                     "reason": HOSTILE, "model": None})  # fmt: skip
    files.write_json(folder.certificate, {"state": "off"})
    rows = f'class,precision,recall,f1,support\ncat,0.9,0.8,0.85,150\n"{HOSTILE.replace(chr(34), "")}",,,,0\n'
    files.write_text(folder.per_class, rows)
    files.write_text(folder.report, "# a report")
    files.write_bytes(workspace.reports / "learning_curve.png", PNG)
    return workspace


class Tags(HTMLParser):
    """Every tag, and every address that a browser would load or lead to."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.names: set[str] = set()
        self.loads: list[str] = []
        self.leads: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.add(tag)
        self.loads += [value or "" for name, value in attrs if name in ("src", "srcset", "data")]
        self.leads += [value or "" for name, value in attrs if name == "href"]
        if tag not in ("meta", "img"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def page_of(campaign: Workspace, stopped: str = "") -> str:
    return campaign_page(campaign, "r001", campaign.settings, stopped)


def test_the_page_is_whole_and_loads_and_runs_nothing(campaign: Workspace) -> None:
    """Its only picture is within it; what people called a class or a question is text."""
    tags = Tags(page_of(campaign))
    assert tags.open == [] and "script" not in tags.names
    assert len(tags.loads) == 1 and tags.loads[0].startswith("data:image/png;base64,")
    assert "default-src 'none'" in page_of(campaign)


def test_links_lead_to_files_that_are_there(campaign: Workspace) -> None:
    """Of the newest round, what exists; of every round in the table its report."""
    leads = Tags(page_of(campaign)).leads
    assert "../rounds/r000/report.md" in leads
    newest = [lead for lead in leads if "/r001/" in lead]
    assert newest and all((campaign.reports / lead).exists() for lead in newest)


def test_it_says_what_was_learned_and_what_each_round_bought(campaign: Workspace) -> None:
    """The cards are the newest round's, and the table has a row a round."""
    words = re.sub(r"<[^>]+>", " ", page_of(campaign))
    for said in ("80.0%", "of 1,000 in the budget", "75.0% to 84.0% on 300 test items", "71.0%", "80.10",
                 "From 71.0% with 20 labels to 80.0% with 60", "Too little data yet."):  # fmt: skip
        assert said in words, said
    assert "random gives" not in words and "ended" not in words


def test_an_ended_campaign_says_why_and_what_random_gave(campaign: Workspace) -> None:
    """Twins are shown beside the round with as many labels."""
    files.write_text(campaign.twin, "labels,accuracy,low,high\n20,0.612,0.5,0.7\n60,0.731,0.7,0.75\n")
    page = page_of(campaign, stopped="2 rounds are finished.")
    assert "The campaign has ended: 2 rounds are finished." in page
    assert "random gives" in page and "61.2%" in page and "73.1%" in page
    assert "random gives" not in page_of(campaign)  # It goes on: those twins are of an earlier end.


def test_the_same_files_give_the_same_page(campaign: Workspace) -> None:
    assert page_of(campaign) == page_of(campaign)
