"""A saved certificate speaks of later labels of the same scorer, with the same classes, and of no others."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from labelloop.certification.certify_file import audit_file, certify_file
from labelloop.certification.further_labels import accept_further
from labelloop.errors import DataError

NOW = datetime(2026, 1, 1, tzinfo=UTC)
CLASSES = ("cat", "dog", "eel")


def probabilities(
    folder: Path, name: str, seed: int, sure: float = 6.0, classes: tuple[str, ...] = CLASSES
) -> Path:
    rng = np.random.default_rng(seed)
    rows = rng.dirichlet([sure, 0.3, 0.3], size=1000)
    table = pd.DataFrame({f"probability.{label}": rows[:, n] for n, label in enumerate(classes)})
    path = folder / name
    table.assign(item=[f"{name}-{n}" for n in range(1000)]).to_csv(path, index=False)
    return path


@pytest.fixture
def certified(tmp_path: Path) -> Path:
    """A certificate's folder; every label is 'cat', and nearly every one is right."""
    labels = probabilities(tmp_path, "labels.csv", 0)
    gold = pd.DataFrame({"item": [f"labels.csv-{n}" for n in range(0, 1000, 4)], "label": "cat"})
    gold.to_csv(tmp_path / "gold.csv", index=False)
    (tmp_path / "model").write_text("weights")
    out = tmp_path / "certified"
    certify_file(labels, tmp_path / "gold.csv", out, target=0.05, delta=0.1, now=NOW,
                 scorer=tmp_path / "model", audit_share=0.2)  # fmt: skip
    return out


def test_what_is_sure_enough_is_accepted_once_and_audited_like_the_rest(
    certified: Path, tmp_path: Path
) -> None:
    more = probabilities(tmp_path, "more.csv", 1)
    before = pd.read_csv(certified / "accepted.csv")
    told = accept_further(certified, more, tmp_path / "model", NOW)
    again = accept_further(certified, more, tmp_path / "model", NOW)
    after = pd.read_csv(certified / "accepted.csv")
    pd.testing.assert_frame_equal(after.iloc[: len(before)], before)
    assert told["accepted"] == len(after) - len(before) > 500
    assert (again["accepted"], again["known"]) == (0, told["accepted"])
    assert after["certificate"].nunique() == 1 and after["item"].is_unique
    drawn = after[after["audit"] & after["item"].str.startswith("more.csv")]
    assert 0.1 < len(drawn) / told["accepted"] < 0.3
    drawn.assign(label="eel")[["item", "label"]].to_csv(tmp_path / "audited.csv", index=False)
    assert "revoked" in audit_file(certified, tmp_path / "audited.csv", NOW)["state"]
    assert len(pd.read_csv(certified / "returned.csv")) == len(after)
    with pytest.raises(DataError, match="it was revoked"):
        accept_further(certified, more, tmp_path / "model", NOW)


def test_gold_is_accepted_neither_at_first_nor_later(certified: Path, tmp_path: Path) -> None:
    """The whole pool, scored again."""
    before = (certified / "accepted.csv").read_bytes()
    told = accept_further(certified, tmp_path / "labels.csv", tmp_path / "model", NOW)
    assert (told["accepted"], told["gold"]) == (0, 250)
    assert told["known"] + told["gold"] + told["below"] == 1000
    assert (certified / "accepted.csv").read_bytes() == before
    (certified / "gold_items.csv").unlink()
    with pytest.raises(DataError, match=r"gold_items\.csv is not there"):
        accept_further(certified, tmp_path / "labels.csv", tmp_path / "model", NOW)


def test_other_classes_are_refused_by_name(certified: Path, tmp_path: Path) -> None:
    more = probabilities(tmp_path, "more.csv", 1, classes=("cat", "dog", "emu"))
    with pytest.raises(DataError, match=r"the classes differ .*\(new: emu; gone: eel\)"):
        accept_further(certified, more, tmp_path / "model", NOW)


def test_labels_without_columns_of_classes_may_lack_one_but_not_bring_one(
    certified: Path, tmp_path: Path
) -> None:
    more = pd.read_csv(probabilities(tmp_path, "more.csv", 1))
    labels = pd.DataFrame({"item": more["item"], "confidence": more["probability.cat"], "label": "cat"})
    labels.to_csv(tmp_path / "labels.csv", index=False)
    assert accept_further(certified, tmp_path / "labels.csv", tmp_path / "model", NOW)["accepted"] > 500
    labels.assign(label="emu").to_csv(tmp_path / "labels.csv", index=False)
    with pytest.raises(DataError, match=r"\(new: emu\)"):
        accept_further(certified, tmp_path / "labels.csv", tmp_path / "model", NOW)


def test_another_scorer_another_source_and_an_old_certificate_are_refused(
    certified: Path, tmp_path: Path
) -> None:
    before = (certified / "accepted.csv").read_bytes()
    more = probabilities(tmp_path, "more.csv", 1)
    with pytest.raises(DataError, match=r"expired at"):
        accept_further(certified, more, tmp_path / "model", NOW + timedelta(days=31))
    with pytest.raises(DataError, match="come from another source"):
        accept_further(certified, probabilities(tmp_path, "else.csv", 2, sure=2.0), tmp_path / "model", NOW)
    (tmp_path / "model").write_text("other weights")
    with pytest.raises(DataError, match="the scorer differs: its digest is"):
        accept_further(certified, more, tmp_path / "model", NOW)
    (tmp_path / "model").unlink()
    with pytest.raises(DataError, match="is not there; name the file or folder"):
        accept_further(certified, more, tmp_path / "model", NOW)
    assert (certified / "accepted.csv").read_bytes() == before


def test_labels_of_the_same_source_are_seldom_taken_for_others(certified: Path, tmp_path: Path) -> None:
    for seed in range(3, 20):
        accept_further(certified, probabilities(tmp_path, f"{seed}.csv", seed), tmp_path / "model", NOW)
