"""Methods of other packages: a missing one is named, and what is handed over comes back as it was meant."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from crowds import accuracy, crowd

from labelloop.errors import DataError, SettingsError
from labelloop.fusion import PEERS, make_fuser
from labelloop.fusion.base import Votes
from labelloop.fusion.peers import crowdkit_fusion, crowdkit_table


@pytest.mark.parametrize("method", sorted(PEERS))
def test_a_missing_package_is_named_when_the_method_is_set(
    method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in [name for name in sys.modules if name.split(".")[0] == PEERS[method]]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, PEERS[method], None)
    package = {"crowdkit": "crowd-kit"}.get(PEERS[method], PEERS[method])
    with pytest.raises(SettingsError, match=rf"{method} needs the package {package} .*pip install {package}"):
        make_fuser(method)


def test_annotators_and_labels_are_numbered_as_they_occur() -> None:
    votes, _ = crowd(50, 8, 4, 3, seed=1)
    table, codes = crowdkit_table(votes)
    for column in ("worker", "label"):
        seen = table[column].drop_duplicates().to_numpy()
        np.testing.assert_array_equal(seen, np.arange(len(seen)))
    order = np.lexsort((votes.annotator, votes.item))
    np.testing.assert_array_equal(codes[table["label"]], votes.label[order])


class _Shares:
    """Stands for a model: each label's share of the votes, in an order of its own."""

    def fit_predict_proba(self, table):  # type: ignore[no-untyped-def]
        shares = table.groupby("task")["label"].value_counts(normalize=True).unstack(fill_value=0.0)
        return shares.iloc[::-1, ::-1]


def test_posteriors_return_to_their_items_and_classes() -> None:
    votes, _ = crowd(60, 8, 4, 3, seed=2)
    keep = votes.item != 5
    some = Votes(votes.items, votes.annotators, votes.classes, votes.item[keep], votes.annotator[keep],
                 votes.label[keep])  # fmt: skip
    fusion = crowdkit_fusion(some, _Shares(), "shares/1", gold=None, temperature=None)
    plain = make_fuser("majority", {"smoothing": 0})(some)
    np.testing.assert_allclose(fusion.posterior, plain.posterior, atol=1e-12)
    assert fusion.tie[5]


def test_a_model_that_gives_no_numbers_is_refused() -> None:
    class Broken(_Shares):
        def fit_predict_proba(self, table):  # type: ignore[no-untyped-def]
            return super().fit_predict_proba(table) * np.nan

    votes, _ = crowd(60, 8, 4, 3, seed=2)
    with pytest.raises(DataError, match="gave no probabilities for 60 of 60 items"):
        crowdkit_fusion(votes, Broken(), "broken/1", gold=None, temperature=None)


def _predicted(truth: np.ndarray, n_classes: int) -> np.ndarray:
    rng = np.random.default_rng(3)
    return 0.5 * np.eye(n_classes)[truth] + 0.5 * rng.dirichlet(np.ones(n_classes), len(truth))


def test_crowdlab_is_cleanlabs_own() -> None:
    """Its consensus of best quality, and its confidence in it."""
    multiannotator = pytest.importorskip("cleanlab.multiannotator", reason="cleanlab is not installed")
    votes, truth = crowd(300, 12, 4, 3, seed=4)
    predicted = _predicted(truth, 4)
    fusion = make_fuser("cleanlab_crowdlab", {"item_prior": predicted})(votes)
    wide = np.full((300, 12), np.nan)
    wide[votes.item, votes.annotator] = votes.label
    options = {"return_detailed_quality": False, "return_annotator_stats": False, "verbose": False}
    best = multiannotator.get_label_quality_multiannotator(wide, predicted, **options)["label_quality"]
    np.testing.assert_array_equal(fusion.label, best["consensus_label"])
    first = multiannotator.get_label_quality_multiannotator(
        wide, predicted, consensus_method="majority_vote", **options
    )["label_quality"]
    theirs = first["consensus_quality_score"].to_numpy()
    mine = fusion.posterior[np.arange(300), first["consensus_label"]]
    np.testing.assert_allclose(mine, theirs, atol=1e-9)
    assert accuracy(fusion.label, truth) > accuracy(make_fuser("majority")(votes).label, truth)


def test_crowdlab_counts_where_the_model_was_not_asked() -> None:
    pytest.importorskip("cleanlab.multiannotator", reason="cleanlab is not installed")
    votes, truth = crowd(300, 12, 4, 3, seed=4)
    predicted = _predicted(truth, 4)
    predicted[::3] = np.nan
    fusion = make_fuser("cleanlab_crowdlab", {"item_prior": predicted})(votes)
    plain = make_fuser("majority")(votes)
    np.testing.assert_allclose(fusion.posterior[::3], plain.posterior[::3], atol=1e-12)
    assert np.abs(fusion.posterior - plain.posterior)[1::3].max() > 0.1
    alone = make_fuser("cleanlab_crowdlab")(votes)
    assert "no predicted probabilities" in alone.reason
    assert "+majority/" in alone.method


def test_snorkel_leaves_the_generators_of_others_alone() -> None:
    pytest.importorskip("snorkel", reason="snorkel is not installed")
    import random

    import torch

    votes, truth = crowd(200, 6, 3, 4, seed=6)
    fuse = make_fuser("snorkel_label_model")
    before = random.getstate(), np.random.get_state()[1].tobytes(), torch.get_rng_state().tolist()
    first = fuse(votes)
    after = random.getstate(), np.random.get_state()[1].tobytes(), torch.get_rng_state().tolist()
    assert before == after
    assert accuracy(first.label, truth) > 0.7
    assert first.posterior.tobytes() == fuse(votes).posterior.tobytes()


def test_snorkel_with_two_annotators_counts_and_with_too_many_says_so() -> None:
    pytest.importorskip("snorkel", reason="snorkel is not installed")
    votes, _ = crowd(50, 2, 3, 2, seed=7)
    assert "2 annotators" in make_fuser("snorkel_label_model")(votes).reason
    many, _ = crowd(3000, 2100, 2, 3, seed=8)
    with pytest.raises(DataError, match="more than snorkel_label_model can hold"):
        make_fuser("snorkel_label_model")(many)


def test_mace_is_settled_by_its_seed() -> None:
    pytest.importorskip("crowdkit", reason="crowd-kit is not installed")
    votes, _ = crowd(80, 8, 3, 3, seed=5)
    one, again, other = (
        make_fuser("crowdkit_mace", {"seed": seed, "n_iter": 5})(votes).posterior for seed in (1, 1, 2)
    )
    assert one.tobytes() == again.tobytes()
    assert one.tobytes() != other.tobytes()
