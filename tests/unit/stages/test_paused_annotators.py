"""Campaigns that pause people: asked no further, what they send is kept and told."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from gold_campaigns import rounds, write

from labelloop import datasets, files, tables
from labelloop.adapters.tools.base import Answer, Poll
from labelloop.stages import admission, fuse
from labelloop.stages.runner import run_stage
from labelloop.status import as_text, read_status
from labelloop.workspace import Workspace

RULES = {"pause": {"gold_below": 0.7, "least_gold": 5}}


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory, labelloop: Callable[..., Any]) -> Path:
    """A campaign in which `weak`, right in 20 of 100, is found out after the first round."""
    folder = tmp_path_factory.mktemp("strict")
    labelloop("init", folder)
    write(folder, quality=RULES, gold={"known": 40, "share": 0.5, "overlap": 4}, stopping={"max_rounds": 2})
    said = labelloop("run", "--plain", folder)
    assert said.code == 0, said.error
    return folder


def test_who_is_paused_gets_no_further_question_and_the_round_fills_up(strict: Path) -> None:
    first, second = rounds(strict)
    assert [one["annotator"] for one in files.read_json(first.folder.quality)["paused"]] == ["weak"]
    assert files.read_json(first.folder.quality)["paused"][0]["since"] == "r001"
    votes = [tables.VOTES.read(current.folder.votes) for current in (first, second)]
    assert "weak" in set(votes[0]["annotator"])
    assert "weak" not in set(votes[1]["annotator"])


def test_a_pause_is_told_in_status_report_and_metrics(strict: Path) -> None:
    last = rounds(strict)[-1]
    status = as_text(read_status(Workspace.at(strict)))
    for text in (status, last.folder.report.read_text(encoding="utf-8")):
        assert "Paused: weak since r001 (right on" in text
        assert "Annotators agree with alpha" in text
    assert files.read_json(last.folder.metrics)["annotators_paused"] == 1
    page = last.folder.annotators_page.read_text(encoding="utf-8")
    assert "<h2>Paused</h2>" in page and "weak" in page and "Krippendorff" in page


def test_earlier_votes_stay_unless_settings_drop_them(strict: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    last = rounds(strict)[-1]
    votes = tables.VOTES.read(last.folder.collected)
    weak = set(votes.loc[votes["annotator"] == "weak", "vote"])
    used = {vote for ids in tables.FUSED.read(last.folder.fused)["vote_ids"] for vote in ids}
    assert weak & used
    seen: list[Any] = []
    original = fuse.fuse_as_set
    monkeypatch.setattr(fuse, "fuse_as_set", lambda *a, **k: seen.append(a[0]) or original(*a, **k))
    dropping = last.settings.quality.model_copy(update={"drop_votes": True})
    monkeypatch.setitem(
        last.__dict__, "_frozen", (last.about, last.settings.model_copy(update={"quality": dropping}))
    )
    kept = {path: path.read_bytes() for path in last.folder.path.glob("*") if path.is_file()}
    try:
        fuse.fuse(last)
    finally:
        for path, content in kept.items():
            path.write_bytes(content)
    assert "weak" not in set(seen[0]["annotator"])
    assert set(seen[0]["annotator"]) == {"ann", "bo", "cy"}


def test_answers_of_the_paused_are_kept_with_the_reason_and_not_counted(strict: Path) -> None:
    """As a server would bring them that cannot be told whom to ask."""
    last = rounds(strict)[-1]
    item = tables.BATCH.read(last.folder.batch)["item"].iloc[0]
    classes = datasets.open_prepared(strict / "data").classes
    now = datetime(2030, 1, 1, tzinfo=UTC)
    answers = [
        Answer(f"a{who}", f"golden/{last.id}/{item}/0", who, classes[0], "submitted", now)
        for who in ("weak", "ann")
    ]
    votes, refused = admission.admit(last, Poll(answers, now), classes)
    assert [vote["annotator"] for vote in votes] == ["ann"]
    (line,) = refused
    assert line["reason"].startswith("paused since r001: right on")
    assert line["content"]["annotator"] == "weak" and line["content"]["value"] == classes[0]


def test_the_same_votes_give_the_same_bytes(strict: Path) -> None:
    workspace, last = Workspace.at(strict), rounds(strict)[-1]
    made = (last.folder.quality, last.folder.annotators, last.folder.annotators_page, last.folder.fused)
    before = [path.read_bytes() for path in made]
    run_stage(workspace, "fuse", last.id, force=True)
    assert [path.read_bytes() for path in made] == before
