"""`agreement`, `annotators` and `certify`: from files to tables, JSON and pages, with plain errors."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from labelloop import files

HOSTILE = '<script>alert(1)</script> & "co" \x1b[31m\u202e名前'
Command = Callable[..., Any]


@pytest.fixture
def votes(tmp_path: Path) -> Path:
    """Four able people, one of them called something hostile, and one who guesses fast; 120 items."""
    rng = np.random.default_rng(0)
    names = ["ann", "bo", HOSTILE, "dee", "guesser"]
    rows = []
    for number in range(120):
        truth = rng.integers(3)
        for who, name in enumerate(names):
            said = rng.integers(3) if who == 4 or rng.random() < 0.15 else truth
            rows.append(
                (f"i{number:03}", name, "xyz"[said], 1.0 if who == 4 else rng.uniform(5, 9), number % 2)
            )
    table = pd.DataFrame(rows, columns=["item", "annotator", "label", "lead_seconds", "site"])
    times = pd.Timestamp("2025-01-01", tz="UTC") + pd.to_timedelta(np.arange(len(table)), unit="min")
    table["answered_at"] = times.strftime("%Y-%m-%dT%H:%M:%SZ")
    table.to_csv(tmp_path / "votes.csv", index=False)
    return tmp_path / "votes.csv"


class Page(HTMLParser):
    """What a browser would load or run, and the text it would show."""

    def __init__(self, content: str) -> None:
        super().__init__()
        self.active: list[str] = []
        self.open: list[str] = []
        self.shown = ""
        self.feed(content)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        outside = {"src", "href", "srcset", "action", "data", "xlink:href"}
        self.active += [tag] * (tag in ("script", "link", "iframe", "img", "object", "embed", "base", "form"))
        self.active += [name for name, _ in attrs if name in outside or name.startswith("on")]
        if tag not in ("meta", "line", "rect", "circle", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        # SVG's empty elements close themselves.
        if tag not in ("line", "rect", "circle"):
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.shown += data


@pytest.mark.parametrize("command", ["agreement", "annotators"])
def test_the_page_runs_and_loads_nothing_and_is_whole(
    command: str, votes: Path, tmp_path: Path, labelloop: Command
) -> None:
    """A hostile name is text; no script, no image, no link, no address; every element is closed."""
    more = ["--slice", "site"] if command == "agreement" else []
    assert labelloop(command, votes, "--out", tmp_path / "out", *more).code == 0
    content = (tmp_path / "out" / f"{command}.html").read_text(encoding="utf-8")
    page = Page(content)
    assert page.active == []
    assert page.open == []
    assert "<script" not in content.lower()
    assert "\x1b" not in content
    assert "\u202e" not in content
    assert not re.findall(r"(?:https?:)?//(?!www\.w3\.org/2000/svg)\S+", content)
    assert "default-src 'none'" in content
    assert '<script>alert(1)</script> & "co"' in page.shown


@pytest.mark.parametrize("command", ["agreement", "annotators"])
def test_the_json_is_the_same_on_screen_and_in_the_file_and_again(
    command: str, votes: Path, tmp_path: Path, labelloop: Command
) -> None:
    said = labelloop(command, votes, "--json")
    labelloop(command, votes, "--out", tmp_path / "one")
    labelloop(command, votes, "--out", tmp_path / "two")
    one, two = (tmp_path / name / f"{command}.json" for name in ("one", "two"))
    assert json.loads(said.out) == json.loads(one.read_text())
    assert one.read_bytes() == two.read_bytes()
    assert (tmp_path / "one" / f"{command}.html").read_bytes() == (
        tmp_path / "two" / f"{command}.html"
    ).read_bytes()


def test_the_guesser_is_named_and_nothing_takes_over_the_terminal(votes: Path, labelloop: Command) -> None:
    said = labelloop("annotators", votes)
    assert said.code == 0
    assert re.search(r"guesser.*spam, too fast", said.out)
    assert len(re.findall(r"spam|copying|drift", said.out)) == 2  # the column's name, and the guesser's flag
    assert "\x1b[31m" not in said.out
    assert "\u202e" not in said.out


def test_pairs_are_shown_the_least_agreeing_first(votes: Path, tmp_path: Path, labelloop: Command) -> None:
    """Mean kappa alone hides who does not agree; a pair that shares next to nothing stands for nothing."""
    table = pd.read_csv(votes).replace({HOSTILE: "cy"})
    few = table[:1].assign(annotator="newcomer", label="never")
    more = pd.concat([table, *(table[table["annotator"] == "ann"].assign(annotator=f"ann{number}")
                               for number in range(4)), few])  # fmt: skip
    more.to_csv(votes, index=False)
    said = labelloop("agreement", votes, "--out", tmp_path / "out")
    pairs = re.findall(
        r"│ (\S+) +│ (\S+) +│ +120 │ +(\S+)% │ +(-?\d\.\d{3}) │ +(-?\d\.\d+ to -?\d\.\d+) │", said.out
    )
    assert len(pairs) == 10
    assert all("guesser" in pair for pair in pairs[:7])
    kappas = [float(pair[3]) for pair in pairs]
    assert kappas == sorted(kappas)
    assert "newcomer" not in said.out.split("divided")[0]
    assert "the 10 pairs that agree least of 45; --json shows all" in said.out
    shown = Page((tmp_path / "out" / "agreement.html").read_text(encoding="utf-8")).shown
    assert "pairs that share 5 items or more: 36 of 45 pairs" in shown


def test_the_table_of_annotators_says_who_leans_who_copies_and_who_fell(
    tmp_path: Path, labelloop: Command
) -> None:
    rng = np.random.default_rng(3)
    rows = []
    for number in range(300):
        truth, source = rng.integers(3), rng.integers(3)
        for who in "abcdefgh":
            said = truth if rng.random() < 0.85 else rng.integers(3)
            if who == "a" and number > 150:
                said = rng.integers(3)
            if who == "b" and rng.random() < 0.3:
                said = 2
            if who in "cde" and rng.random() < 0.9:
                said = source
            rows.append(
                (f"i{number:03}", who, "xyz"[said], f"2025-01-01T{number // 60:02}:{number % 60:02}:00Z")
            )
    table = pd.DataFrame(rows, columns=["item", "annotator", "label", "answered_at"])
    table.to_csv(tmp_path / "v.csv", index=False)
    said = labelloop("annotators", tmp_path / "v.csv")
    assert re.search(r"│ b +│.*z \+\d\d", said.out)
    assert re.search(r"^a: right against the others from \d\d.*% to \d\d.*% after \d+ of", said.out, re.M)
    assert "a group whose answers depend on each other: c, d, e" in said.out
    for unknown in ("gold", "seconds", "too fast", "same again"):
        assert unknown not in said.out
    assert "--out DIR writes a page" in said.out


def test_a_confusion_matrix_that_is_cut_says_so(tmp_path: Path, labelloop: Command) -> None:
    rng = np.random.default_rng(4)
    rows = [(f"i{item}", who, f"c{rng.integers(30) if who == 'w' else item % 30}")
            for item in range(900) for who in "uvw"]  # fmt: skip
    pd.DataFrame(rows, columns=["item", "annotator", "label"]).to_csv(tmp_path / "v.csv", index=False)
    labelloop("annotators", tmp_path / "v.csv", "--out", tmp_path / "out")
    people = json.loads((tmp_path / "out" / "annotators.json").read_text())["annotators"]
    cells = {one["annotator"]: (len(one["confusion"]), one["confusion_cells"]) for one in people}
    assert cells["w"][0] == 200
    assert cells["w"][1] > 500
    assert cells["u"][0] == cells["u"][1] < 200
    shown = Page((tmp_path / "out" / "annotators.html").read_text(encoding="utf-8")).shown
    assert f"the JSON has the 200 most frequent of {cells['w'][1]} pairs of true class and answer" in shown


def test_agreement_is_told_by_class_by_slice_and_over_time(votes: Path, labelloop: Command) -> None:
    summary = json.loads(labelloop("agreement", votes, "--slice", "site", "--json").out)
    assert [one["slice"] for one in summary["by_slice"]] == ["0", "1"]
    assert len(summary["over_time"]) == 8
    assert sum(one["items"] for one in summary["over_time"]) == 120
    assert {one["label"] for one in summary["by_class"]} == {"x", "y", "z"}
    assert len(summary["pairs"]) == 10
    assert summary["overall"]["alpha"]["low"] < summary["overall"]["alpha"]["value"]
    divided = summary["disagreements"][0]
    assert sum(divided["answers"].values()) == divided["votes"] == 5


def test_numbers_are_classes_unless_an_order_is_asked_for(tmp_path: Path, labelloop: Command) -> None:
    """1, 2 and 10 are three classes; their order and their distances count where one says so."""
    rows = [(item, who, "1" if item % 2 else ("2" if who else "10")) for item in range(20) for who in (0, 1)]
    pd.DataFrame(rows, columns=["item", "annotator", "label"]).to_csv(tmp_path / "v.csv", index=False)
    alpha = {}
    for level in ("nominal", "ordinal", "interval"):
        summary = json.loads(labelloop("agreement", tmp_path / "v.csv", "--level", level, "--json").out)
        alpha[level] = summary["overall"]["alpha"]["value"]
    assert len(set(alpha.values())) == 3
    assert alpha["ordinal"] > alpha["nominal"]


def test_an_order_of_names_is_taken(tmp_path: Path, labelloop: Command) -> None:
    rows = ["i1,a,low", "i1,b,high", "i2,a,low", "i2,b,mid", "i3,a,mid", "i3,b,high"]
    (tmp_path / "v.csv").write_text("\n".join(["item,annotator,label", *rows]))
    ordinal = ("agreement", tmp_path / "v.csv", "--level", "ordinal")
    refused = labelloop(*ordinal)
    assert refused.code == 2
    assert "label 'high' is not a number" in refused.error
    assert (
        labelloop("agreement", tmp_path / "v.csv", "--level", "ordinal", "--order", "low,mid,high").code == 0
    )
    spaced, alone = (
        labelloop("agreement", tmp_path / "v.csv", *more, "--json").out
        for more in (("--level", "ordinal", "--order", "low, mid, high"), ("--order", "low,mid,high"))
    )
    assert spaced == alone
    assert json.loads(alone)["overall"]["level"] == "ordinal"
    twice = labelloop(*ordinal, "--order", "low,low,mid,high")
    assert (twice.code, "'low,low,mid,high' must name each once" in twice.error) == (2, True)
    useless = labelloop("agreement", tmp_path / "v.csv", "--level", "nominal", "--order", "low,mid,high")
    assert (useless.code, "--level is nominal; leave out one" in useless.error) == (2, True)
    wrong = labelloop("agreement", tmp_path / "v.csv", "--level", "ordinal", "--order", "low,mid,hihg")
    assert wrong.code == 2
    assert "did you mean 'hihg'" in wrong.error


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("item,annotator,label\n1,a,x\n1,b,x\n2,a,x\n", "undefined: everybody chose the same class, 'x'"),
        ("item,annotator,label\n1,a,x\n2,a,y\n", "undefined: no item has two votes"),
        ("item,annotator,label\n1,a,x\n1,a,y\n2,a,y\n", "1 earlier answers of one annotator"),
    ],
    ids=["unanimous", "one vote an item", "one annotator"],
)
def test_what_is_undefined_is_said(content: str, says: str, tmp_path: Path, labelloop: Command) -> None:
    (tmp_path / "v.csv").write_text(content)
    said = labelloop("agreement", tmp_path / "v.csv", "--out", tmp_path / "out")
    assert said.code == 0
    assert says in said.out
    assert labelloop("annotators", tmp_path / "v.csv", "--out", tmp_path / "out").code == 0


@pytest.mark.parametrize("command", ["agreement", "annotators"])
@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("", "is empty"),
        ("item,annotator,label\n", "has a header but no votes"),
        ("item,Worker,label\n1,a,x\n", "--annotator-column 'Worker'"),
        ("item,annotator,label\n1,a,\n", "row 1: column 'label' is empty"),
        ("item,annotator,label,answered_at\n1,a,x,soon\n", "'soon' is not a time"),
        ("item,annotator,label,lead_seconds\n1,a,x,-1\n", "'-1' is not a number of seconds"),
    ],
)
def test_bad_votes_are_told_where(
    command: str, content: str, says: str, tmp_path: Path, labelloop: Command
) -> None:
    (tmp_path / "v.csv").write_text(content)
    said = labelloop(command, tmp_path / "v.csv")
    assert said.code == 2
    assert says in said.error


def test_values_that_are_no_numbers_are_refused_for_interval(tmp_path: Path, labelloop: Command) -> None:
    (tmp_path / "v.csv").write_text("item,annotator,label\n1,a,1\n1,b,nan\n")
    said = labelloop("agreement", tmp_path / "v.csv", "--level", "interval")
    assert said.code == 2
    assert "label 'nan' is not a number" in said.error


def test_gold_that_fits_nothing_is_refused(votes: Path, tmp_path: Path, labelloop: Command) -> None:
    (tmp_path / "gold.csv").write_text("item,label\nother,x\n")
    said = labelloop("annotators", votes, "--gold", tmp_path / "gold.csv")
    assert said.code == 2
    assert "none of its 1 items has votes" in said.error


@pytest.fixture
def stream(tmp_path: Path) -> Path:
    """A folder with labels.csv and gold.csv; the labels are right in 97 of 100."""
    rng = np.random.default_rng(1)
    items = [f"i{number:04}" for number in range(1500)]
    truth = rng.choice(list("xyz"), 1500)
    label = np.where(rng.random(1500) < 0.97, truth, "w")
    confidence = rng.uniform(0.5, 1, 1500).round(4)
    pd.DataFrame({"item": items, "label": label, "confidence": confidence}).to_csv(
        tmp_path / "labels.csv", index=False
    )
    known = pd.DataFrame({"item": items, "label": truth})
    known.to_csv(tmp_path / "truth.csv", index=False)
    known.sample(250, random_state=0).to_csv(tmp_path / "gold.csv", index=False)
    return tmp_path


def test_a_certificate_is_issued_audited_and_revoked(stream: Path, labelloop: Command) -> None:
    out = stream / "out"
    said = labelloop("certify", stream / "labels.csv", "--gold", stream / "gold.csv", "--out", out,
                     "--target", "0.08", "--test", "bonferroni", "--audit-share", "0.1")  # fmt: skip
    assert said.code == 0, said.error
    accepted = pd.read_csv(out / "accepted.csv")
    identity = json.loads((out / "certificate.json").read_text())["id"]
    assert identity in said.out
    assert set(accepted["certificate"]) == {identity}
    assert f"accepted: {len(accepted)} labels" in said.out
    assert "holds until" in labelloop("certify", out).out
    truth = pd.read_csv(stream / "truth.csv")
    drawn = truth[truth["item"].isin(accepted[accepted["audit"]]["item"])]
    drawn.to_csv(stream / "audited.csv", index=False)
    good = labelloop("certify", out, "--audit", stream / "audited.csv")
    assert good.code == 0, good.error
    assert f"audited: {len(drawn)}" in good.out
    drawn.assign(label="q").to_csv(stream / "audited.csv", index=False)
    bad = labelloop("certify", out, "--audit", stream / "audited.csv")
    assert bad.code == 2
    assert "does not hold: it was revoked" in bad.error
    assert len(pd.read_csv(out / "returned.csv")) == len(accepted)
    assert labelloop("certify", out).code == 2


def test_further_labels_are_accepted_from_the_certified_scorer_alone(
    stream: Path, labelloop: Command
) -> None:
    out, model, other = stream / "out", stream / "model.json", stream / "other.json"
    model.write_text("1")
    other.write_text("2")
    labels, more = pd.read_csv(stream / "labels.csv"), stream / "more.csv"
    labels.assign(item="further-" + labels["item"]).to_csv(more, index=False)
    labelloop("certify", stream / "labels.csv", "--gold", stream / "gold.csv", "--out", out,
              "--target", "0.12", "--scorer", model)  # fmt: skip
    before = len(pd.read_csv(out / "accepted.csv"))
    for words in ((), ("--more", more)):
        said = labelloop("certify", out, "--scorer", other, *words)
        assert said.code == 2
        assert f"its digest is {files.digest(other)[:12]}, and what was certified" in said.error
        assert f"has {files.digest(model)[:12]}" in said.error
    assert "--more goes with --scorer" in labelloop("certify", out, "--more", more).error
    assert len(pd.read_csv(out / "accepted.csv")) == before
    assert "holds until" in labelloop("certify", out, "--scorer", model).out
    said = labelloop("certify", out, "--scorer", model, "--more", more)
    assert said.code == 0, said.error
    after = pd.read_csv(out / "accepted.csv")
    assert f"{len(after) - before} further labels accepted" in said.out
    assert after["item"].str.startswith("further-").sum() == len(after) - before > 500


def test_with_json_a_certificate_is_one_document(stream: Path, labelloop: Command) -> None:
    """Whatever is asked of it at once, and also where the command ends with an error."""
    out, model, truth = stream / "out", stream / "model.json", pd.read_csv(stream / "truth.csv")
    model.write_text("1")
    labels, more = pd.read_csv(stream / "labels.csv"), stream / "more.csv"
    labels.assign(item="further-" + labels["item"]).to_csv(more, index=False)
    said = labelloop("certify", stream / "labels.csv", "--gold", stream / "gold.csv", "--out", out,
                     "--target", "0.12", "--scorer", model, "--audit-share", "0.1", "--json")  # fmt: skip
    identity = json.loads(said.out)["id"]
    assert json.loads(labelloop("certify", out, "--json").out)["certificate"] == identity
    accepted = pd.read_csv(out / "accepted.csv")
    drawn = truth[truth["item"].isin(accepted.loc[accepted["audit"], "item"])]
    drawn.to_csv(stream / "audited.csv", index=False)
    words = ("certify", out, "--audit", stream / "audited.csv", "--scorer", model, "--more", more, "--json")
    told = json.loads(labelloop(*words).out)
    assert (told["certificate"], told["ended"]) == (identity, "")
    assert told["audit"]["audited"] == len(drawn) and told["further"]["accepted"] > 500
    model.write_text("2")
    refused = labelloop(*words)
    assert refused.code == 2 and "the scorer differs" in json.loads(refused.out)["error"]
    drawn.assign(label="q").to_csv(stream / "audited.csv", index=False)
    breached = labelloop(*words)
    told = json.loads(breached.out)
    assert breached.code == 2 and told["ended"] and told["returned"] > 500
    assert told["audit"]["errors"] == len(drawn)


def test_a_certificate_can_be_ended_by_hand(stream: Path, labelloop: Command) -> None:
    out = stream / "out"
    labelloop(
        "certify", stream / "labels.csv", "--gold", stream / "gold.csv", "--out", out, "--target", "0.12"
    )
    said = labelloop("certify", out, "--revoke", "a new model")
    assert said.code == 0 and said.error == ""
    assert "does not hold" in said.out and "a new model" in said.out and "returned.csv" in said.out
    later = labelloop("certify", out, "--revoke", "another reason")
    assert later.code == 0 and "a new model" in later.out and "another reason" not in later.out
    asked = labelloop("certify", out)
    assert asked.code == 2 and "a new model" in asked.error


def test_too_little_gold_is_refused_with_a_number(stream: Path, labelloop: Command) -> None:
    pd.read_csv(stream / "gold.csv").head(20).to_csv(stream / "few.csv", index=False)
    said = labelloop("certify", stream / "labels.csv", "--gold", stream / "few.csv", "--out", stream / "out")
    assert said.code == 2
    assert re.search(r"not certified: 20 gold items.*About [\d,]+ more gold items", said.error)


def test_half_a_command_is_told_what_is_missing(stream: Path, labelloop: Command) -> None:
    said = labelloop("certify", stream / "labels.csv")
    assert said.code == 2
    assert "--gold FILE and --out NEW_FOLDER" in said.error
    assert "holds no certificate.json" in labelloop("certify", stream).error
