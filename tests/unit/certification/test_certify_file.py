"""Certificates in files: sealed, named by every accepted label, refused, audited, revoked."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from labelloop.certification import certify_file as certification
from labelloop.certification.certificate import read_certificate, revocation, revoke, why_not
from labelloop.certification.certify_file import (
    NotProvenError,
    audit_file,
    certify_file,
    read_stream,
    standing,
)
from labelloop.errors import DamagedFileError, DataError

NOW = datetime(2025, 1, 1, tzinfo=UTC)
N = 2000
SETTINGS: dict[str, Any] = {"target": 0.08, "delta": 0.1, "now": NOW}


class Stream:
    """A file of labels, a file of gold, and the truth."""

    def __init__(self, folder: Path) -> None:
        rng = np.random.default_rng(0)
        self.folder, self.labels, self.gold = folder, folder / "labels.csv", folder / "gold.csv"
        confidence = rng.uniform(0.5, 1, N)
        self.truth = {f"i{n:04}": f"c{rng.integers(3)}" for n in range(N)}
        right = rng.random(N) < 1 - 0.4 * (1 - confidence)
        said = [truth if good else "c0" if truth != "c0" else "c1"
                for truth, good in zip(self.truth.values(), right, strict=True)]  # fmt: skip
        self.table = pd.DataFrame({"item": list(self.truth), "label": said, "confidence": confidence})
        self.table.to_csv(self.labels, index=False)
        self.write_gold(rng.choice(list(self.truth), 400, replace=False))

    def write_gold(self, items: Any, path: Path | None = None) -> Path:
        path = path or self.gold
        pd.DataFrame({"item": items, "label": [self.truth[item] for item in items]}).to_csv(path, index=False)
        return path

    def certify(self, name: str = "out", **changed: Any) -> dict[str, Any]:
        return certify_file(self.labels, self.gold, self.folder / name, **(SETTINGS | changed))


@pytest.fixture
def stream(tmp_path: Path) -> Stream:
    return Stream(tmp_path)


def test_accepted_labels_name_their_certificate_and_are_as_good_as_it_says(stream: Stream) -> None:
    facts = stream.certify()
    accepted = pd.read_csv(stream.folder / "out" / "accepted.csv")
    assert set(accepted["certificate"]) == {facts["id"]}
    assert (accepted["confidence"] >= facts["threshold"]).all()
    assert not set(accepted["item"]) & set(pd.read_csv(stream.gold)["item"])
    assert (accepted["label"] != accepted["item"].map(stream.truth)).mean() <= 0.08
    above = stream.table[stream.table["confidence"] >= facts["threshold"]]
    assert facts["coverage"] == pytest.approx(len(above) / N)
    assert facts["errors"] <= 0.08 * facts["gold"]
    assert facts["bound"] <= 0.08
    assert facts["accepted"] == len(accepted)
    assert facts["expires_at"] == "2025-01-31T00:00:00+00:00"


def test_the_same_inputs_give_the_same_bytes_and_the_order_of_rows_does_not_matter(stream: Stream) -> None:
    stream.certify("one")
    stream.table.sample(frac=1, random_state=1).to_csv(stream.labels, index=False)
    pd.read_csv(stream.gold).sample(frac=1, random_state=2).to_csv(stream.gold, index=False)
    stream.certify("two")
    for name in ("certificate.json", "accepted.csv"):
        assert (stream.folder / "one" / name).read_bytes() == (stream.folder / "two" / name).read_bytes()


@pytest.mark.parametrize("name", ["threshold", "expires_at", "scorer", "errors", "id", "digest"])
def test_a_changed_certificate_is_noticed(stream: Stream, name: str) -> None:
    stream.certify()
    path = stream.folder / "out" / "certificate.json"
    content = json.loads(path.read_text())
    content[name] = content[name] - 1 if isinstance(content[name], float | int) else content[name][:-1] + "x"
    path.write_text(json.dumps(content))
    with pytest.raises(DamagedFileError, match="not what was issued"):
        read_certificate(path.parent)


def test_probabilities_are_labels_too(stream: Stream, tmp_path: Path) -> None:
    rows = {"item": stream.table["item"]}
    for label in ("c0", "c1", "c2"):
        mine = stream.table["label"] == label
        rows[f"probability.{label}"] = np.where(
            mine, stream.table["confidence"], (1 - stream.table["confidence"]) / 2
        )
    pd.DataFrame(rows).to_parquet(tmp_path / "model.parquet")
    read = read_stream(tmp_path / "model.parquet").table
    pd.testing.assert_frame_equal(read, read_stream(stream.labels).table, check_dtype=False)


def test_too_little_gold_is_refused_with_how_much_more(stream: Stream) -> None:
    stream.write_gold(list(stream.truth)[:25])
    wanted = r"25 gold items, \d+ of them wrong.*About [\d,]+ more gold items"
    with pytest.raises(NotProvenError, match=wanted):
        stream.certify()
    assert not (stream.folder / "out").exists()


def test_labels_that_are_too_bad_are_told_that_gold_is_no_remedy(stream: Stream) -> None:
    stream.table.assign(label="c9").to_csv(stream.labels, index=False)
    with pytest.raises(NotProvenError, match="More gold items are no remedy"):
        stream.certify()


def test_gold_that_the_labels_were_made_with_is_refused(stream: Stream) -> None:
    known = pd.read_csv(stream.gold)["item"].head(5)
    stream.table.assign(gold=stream.table["item"].isin(known)).to_csv(stream.labels, index=False)
    with pytest.raises(DataError, match=r"5 of its items.*were known as gold when the labels were made"):
        stream.certify()


def test_gold_that_is_no_random_draw_is_refused(stream: Stream) -> None:
    stream.write_gold(stream.table.nlargest(400, "confidence")["item"].tolist())
    with pytest.raises(DataError, match="no random draw of the labels"):
        stream.certify()


def test_contradicting_gold_counts_as_wrong_and_gold_without_a_label_is_told(stream: Stream) -> None:
    gold = pd.read_csv(stream.gold)
    extra = pd.DataFrame({"item": [gold["item"][0], "nowhere"], "label": ["other", "c0"]})
    pd.concat([gold, extra]).to_csv(stream.gold, index=False)
    facts = stream.certify()
    assert (facts["gold_contradicting"], facts["gold_without_label"], facts["gold_total"]) == (1, 1, 400)


def test_a_folder_keeps_its_certificate(stream: Stream) -> None:
    stream.certify()
    before = (stream.folder / "out" / "certificate.json").read_bytes()
    with pytest.raises(DataError, match="holds a certificate already"):
        stream.certify(now=NOW + timedelta(days=1))
    assert (stream.folder / "out" / "certificate.json").read_bytes() == before


def test_a_crash_before_the_certificate_leaves_none_and_the_next_run_makes_it(
    stream: Stream, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Labels without their certificate are under none; the same command puts both right."""

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(certification, "write_certificate", killed)
        with pytest.raises(KeyboardInterrupt):
            stream.certify()
    with pytest.raises(DataError, match="holds no certificate"):
        standing(stream.folder / "out", NOW)
    facts = stream.certify(now=NOW + timedelta(hours=1))
    accepted = pd.read_csv(stream.folder / "out" / "accepted.csv")
    assert set(accepted["certificate"]) == {facts["id"]}
    assert standing(stream.folder / "out", NOW)["ended"] == ""


@pytest.mark.parametrize(
    ("content", "says"),
    [("item,label,confidence\ni1,a,1.2\n", "row 1, column 'confidence': '1.2' is no probability"),
     ("item,label,confidence\ni1,a,nan\n", "'nan' is no probability"),
     ("item,label,confidence\ni1,a,.5\ni1,b,.5\n", "row 2: item 'i1' appears more than once"),
     ("item,label,confidence\ni1,,.5\n", "row 1: column 'label' is empty"),
     ("item,label\ni1,a\n", "neither the columns label and confidence"),
     ("label,confidence\na,1\n", "no column 'item'"),
     ("item,label,confidence\n", "has a header but no labels"), ("", "is empty")],
)  # fmt: skip
def test_labels_that_are_none_are_refused(tmp_path: Path, content: str, says: str) -> None:
    (tmp_path / "labels.csv").write_text(content)
    with pytest.raises(DataError, match=says):
        read_stream(tmp_path / "labels.csv")


def audited(stream: Stream, wrong: bool = False) -> Path:
    accepted = pd.read_csv(stream.folder / "out" / "accepted.csv")
    drawn = accepted[accepted["audit"]]["item"].tolist()
    path = stream.write_gold(drawn, stream.folder / "audited.csv")
    if wrong:
        pd.read_csv(path).assign(label="c9").to_csv(path, index=False)
    return path


def test_about_the_asked_share_is_drawn_for_the_audit(stream: Stream) -> None:
    facts = stream.certify(audit_share=0.1)
    expected = 0.1 * facts["accepted"]
    assert abs(facts["audited_by_draw"] - expected) < 4 * np.sqrt(expected)
    assert stream.certify("none", audit_share=0.0)["audited_by_draw"] == 0


def test_a_certificate_that_holds_survives_its_audit(stream: Stream) -> None:
    stream.certify(audit_share=0.1)
    found = audit_file(stream.folder / "out", audited(stream), NOW)
    assert found["state"] == ""
    assert found["breach_at"] is None
    assert found["returned"] == 0
    assert json.loads((stream.folder / "out" / "audit.json").read_text()) == found


def test_a_breach_revokes_and_the_labels_return(stream: Stream) -> None:
    facts = stream.certify(audit_share=0.1)
    found = audit_file(stream.folder / "out", audited(stream, wrong=True), NOW)
    assert found["breach_at"] <= 10
    assert "it was revoked" in found["state"]
    returned = pd.read_csv(stream.folder / "out" / "returned.csv")
    assert len(returned) == facts["accepted"] == found["returned"]
    ended = revocation(stream.folder / "out")
    assert ended is not None
    assert ended["certificate"] == facts["id"]
    # A good audit later does not bring it back.
    assert "it was revoked" in audit_file(stream.folder / "out", audited(stream), NOW)["state"]


def test_an_audit_of_chosen_items_is_refused(stream: Stream) -> None:
    stream.certify(audit_share=0.1)
    accepted = pd.read_csv(stream.folder / "out" / "accepted.csv")
    chosen = accepted[~accepted["audit"]]["item"].head(3).tolist()
    with pytest.raises(DataError, match="was not drawn for the audit"):
        audit_file(stream.folder / "out", stream.write_gold(chosen, stream.folder / "a.csv"), NOW)
    stranger = pd.read_csv(stream.gold)["item"].head(1).tolist()
    with pytest.raises(DataError, match="was not accepted under c-"):
        audit_file(stream.folder / "out", stream.write_gold(stranger, stream.folder / "a.csv"), NOW)


def test_a_certificate_ends_by_time_by_a_new_scorer_by_other_classes_and_by_order(stream: Stream) -> None:
    facts = stream.certify(days=2)
    folder = stream.folder / "out"
    assert why_not(folder, NOW, scorer=facts["scorer"], classes=["c2", "c1", "c0"]) == ""
    assert why_not(folder, NOW + timedelta(days=2)) == "it expired at 2025-01-03T00:00:00+00:00"
    assert standing(folder, NOW + timedelta(days=2))["returned"] == 0
    assert not (folder / "returned.csv").exists()
    assert "the scorer differs: its digest is 000000000000" in why_not(folder, NOW, scorer="0" * 64)
    assert "(gone: c2)" in why_not(folder, NOW, classes=["c0", "c1"])
    revoke(folder, "a new model", NOW)
    revoke(folder, "a second reason", NOW + timedelta(hours=1))
    assert why_not(folder, NOW) == "it was revoked at 2025-01-01T00:00:00+00:00: a new model"
    assert standing(folder, NOW)["returned"] == facts["accepted"]


def test_another_scorer_has_another_digest(stream: Stream) -> None:
    one = stream.certify("one")
    stream.table["confidence"] *= 0.999
    stream.table.to_csv(stream.labels, index=False)
    assert stream.certify("two")["scorer"] != one["scorer"]
    (stream.folder / "model.json").write_text("{}")
    assert stream.certify("three", scorer=stream.folder / "model.json")["scorer"].startswith(
        "44136fa355b3678a"
    )


def test_one_number_written_in_two_ways_is_no_error_of_the_labels(stream: Stream) -> None:
    """In gold it would refuse a certificate, in an audit revoke one for good."""
    stream.table = stream.table.assign(label=stream.table["label"].str[1:])
    stream.truth = {item: label[1:] for item, label in stream.truth.items()}
    stream.table.to_csv(stream.labels, index=False)
    gold = pd.read_csv(stream.gold)["item"]
    stream.write_gold(gold)
    facts = stream.certify()
    assert facts["errors"] < 0.08 * facts["gold"]
    folder = stream.folder / "out"
    drawn = pd.read_csv(folder / "accepted.csv").query("audit")["item"]
    audited = stream.write_gold(drawn, stream.folder / "audited.csv")
    for path in (stream.gold, audited):
        table = pd.read_csv(path, dtype=str)
        table.assign(label=table["label"] + ".0").to_csv(path, index=False)
    said = r"labels have the label '.' and gold the label '.\.0': one number"
    with pytest.raises(DataError, match=said):
        stream.certify("again")
    with pytest.raises(DataError, match=f"accepted {said}"):
        audit_file(folder, audited, NOW)
    assert standing(folder, NOW)["ended"] == ""


def test_a_scorer_that_is_not_there_and_an_end_that_cannot_be_are_refused(stream: Stream) -> None:
    with pytest.raises(DataError, match="nowhere is not there; name the file or folder"):
        stream.certify(scorer=stream.folder / "nowhere")
    with pytest.raises(DataError, match=r"a certificate of 1e\+09 days is none; .* 36500 at most"):
        stream.certify(days=1e9)
    assert not (stream.folder / "out").exists()
