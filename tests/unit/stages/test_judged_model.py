"""A campaign's model as a witness: judged by gold and by the control arm, and told in the round's report."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from second_look_campaigns import SETTINGS, finished, written

from labelloop import files, tables
from labelloop.reviewing.review import take_verdicts
from labelloop.stages.review_queue import drawn_verdicts
from labelloop.stages.runner import Round
from labelloop.workspace import Workspace

PRIOR = {
    "acquisition": {"first_batch_size": 300, "control_share": 0.2},
    "fusion": {"model_prior": "out_of_fold"},
    "gold": {"known": 60, "share": 0.25},
    "stopping": {"max_rounds": 1},
}


def with_model(folder: Path) -> Workspace:
    return written(folder, SETTINGS, PRIOR, items=500, apart=3.0)


def test_gold_and_control_items_judge_the_model_and_stay_without_it(tmp_path: Path) -> None:
    workspace = finished(with_model(tmp_path / "c"))
    (folder,) = workspace.rounds()
    told = files.read_json(folder.fusion)["model"]
    fused = tables.FUSED.read(folder.fused).set_index("item")
    asked = tables.ASKED.read(folder.asked).set_index("item").loc[fused.index]
    apart = asked["arm"].isin(["control", "gold"]).to_numpy()
    assert told["heard"]
    assert fused.loc[apart, "prior"].isna().all() and fused.loc[~apart, "prior"].notna().any()
    judged = told["judged"]
    assert judged["known"] == int(fused["gold"].sum()) >= 20
    assert judged["apart"] == int(apart.sum())
    assert f"on {judged['known']} items whose truth is known" in folder.report.read_text()


def test_a_model_that_is_wrong_about_gold_is_dropped_and_the_labels_are_as_without_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it says of items that it was kept from is turned round; of the others it is right, by itself."""
    from labelloop.stages import fuse as module

    real = module.out_of_fold

    def turned(learner, prepared, folds, unheard, untaught=()):  # type: ignore[no-untyped-def]
        ask = real(learner, prepared, folds, unheard, untaught)

        def predict(items: np.ndarray, codes: np.ndarray) -> np.ndarray:
            said = ask(items, codes)
            kept_from = np.array([item in untaught for item in items])
            said[kept_from] = np.roll(said[kept_from], 1, axis=1)
            return said

        return predict

    monkeypatch.setattr(module, "out_of_fold", turned)
    (folder,) = finished(with_model(tmp_path / "c")).rounds()
    told = files.read_json(folder.fusion)["model"]
    assert not told["heard"] and "more labels are wrong" in told["judged"]["against"]
    assert "the model is not heard: with it more labels are wrong" in folder.report.read_text()
    assert tables.FUSED.read(folder.fused)["prior"].isna().all()


@pytest.mark.parametrize("proves", [False, True], ids=["judge", "prove labels"])
def test_verdicts_about_what_was_drawn_judge_the_model_unless_they_are_to_prove_labels(
    tmp_path: Path, proves: bool
) -> None:
    accept = {"fused": {"target_error": 0.2 if proves else None}}
    changes = PRIOR | {"gold": {}, "review": {"list_random": 30}, "accept": accept}
    workspace = finished(written(tmp_path / "c", SETTINGS, changes, items=500, apart=3.0))
    (first,) = workspace.rounds()
    listed = pd.read_csv(first.review, dtype=str, keep_default_na=False)
    drawn = listed[listed["reason"] == "random"]
    truth = pd.read_csv(workspace.root / "rows.csv")["label"]
    filled = drawn.assign(answer=[truth[int(item.rsplit("-", 1)[1])] for item in drawn["item"]])
    filled.to_csv(tmp_path / "filled.csv", index=False)
    taken = take_verdicts(workspace, tmp_path / "filled.csv", "eva", datetime(2026, 1, 5, tzinfo=UTC))
    assert taken["taken"] == 30
    params = workspace.params.read_text().replace("max_rounds: 1", "max_rounds: 2")
    workspace.params.write_text(params)
    current = Round(workspace, finished(workspace).rounds()[-1].id)
    said = dict(zip(filled["item"], filled["answer"], strict=True))
    assert drawn_verdicts(current) == ({} if proves else said)
    judged = files.read_json(current.folder.fusion)["model"]["judged"]
    assert judged["known"] == (0 if proves else 30)
    assert (judged["loss_with"] is None) == proves
