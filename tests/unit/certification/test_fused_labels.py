"""Certificates for labels by votes: what they are proven on, and how often they are wrong."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest

from labelloop import files
from labelloop.certification.certificate import FORMAT, read_sealed
from labelloop.certification.fused_labels import certify_fused, gap_told, read_without_gap
from labelloop.certification.model_labels import Issued
from labelloop.errors import DamagedFileError

TARGET, DELTA, LOOKS = 0.05, 0.1, 3
N = 600


def certify(confidence: np.ndarray, right: np.ndarray, kept: np.ndarray, **changed: Any) -> Issued:
    about: dict[str, Any] = {
        "target": TARGET, "delta": DELTA, "now": datetime(2026, 1, 1, tzinfo=UTC), "days": 30.0,
        "audit_delta": 0.05, "classes": ["a", "b"], "method": "one_coin/1", "scorer": "abc", "verdicts": [],
        "blind": 0,
    }  # fmt: skip
    return certify_fused(confidence, right, kept, **(about | changed))


def labels(rng: np.random.Generator, n: int, error: float) -> tuple[np.ndarray, np.ndarray]:
    """Confidences, and whether labels are right; `error` of them are wrong where they are surest."""
    confidence = rng.choice([0.6, 0.8, 0.9, 0.95, 0.99], size=n)
    return confidence, rng.random(n) > error + 0.3 * (0.99 - confidence)


def violations(runs: int, error: float, hardest_last: float = 0.0, harder: float = 0.0) -> float:
    """Share of campaigns of three rounds in which a certificate accepts more wrong labels than it says.

    Args:
        hardest_last: by how much more labels are wrong that stand at the end of the order, as if what is read
            were drawn from easier items than the rest.
        harder: by how much more labels are wrong with each round, as if a strategy asked about what is hard.
    """
    broken = 0
    for seed in range(runs):
        rng = np.random.default_rng(seed)
        confidence, right = labels(rng, N, error)
        right &= rng.random(N) > hardest_last * (np.arange(N) > 250)
        numbers = rng.integers(3, size=N)
        rounds = np.array([f"r{number:03d}" for number in numbers])
        right &= rng.random(N) >= harder * numbers
        for look, last in enumerate(("r000", "r001", "r002")):
            here = rounds <= last
            mine, read = np.flatnonzero(here), 80 * (look + 1)
            reviewed = np.arange(len(mine)) < read
            begun = read_without_gap(rounds[here].tolist(), reviewed)
            assert (begun.through, begun.read) == (last, read)
            issued = certify(confidence[here], right[mine[:read]], ~reviewed, delta=DELTA / LOOKS)
            if issued.certificate is not None:
                accepted = mine[~reviewed & (confidence[here] >= issued.certificate.threshold)]
                if (~right[accepted]).mean() > TARGET:
                    broken += 1
                    break
    return broken / runs


MANY = [pytest.param(error, 400, marks=pytest.mark.slow) for error in (0.0, 0.01, 0.02, 0.03)]


@pytest.mark.parametrize(("error", "runs"), [(0.01, 80), *MANY])
def test_more_than_the_target_is_wrong_no_more_often_than_promised(error: float, runs: int) -> None:
    """Over all certificates of a campaign; 2 standard errors are left to chance."""
    assert violations(runs, error) <= DELTA + 2 * np.sqrt(DELTA * (1 - DELTA) / runs)


@pytest.mark.parametrize("harder", [0.02, 0.15])
def test_a_strategy_that_asks_about_hard_items_alone_breaks_no_promise(harder: float) -> None:
    assert violations(80, 0.0, harder=harder) <= DELTA + 2 * np.sqrt(DELTA * (1 - DELTA) / 80)


def test_what_is_no_random_draw_of_the_labels_would_break_the_promise() -> None:
    """As gold from the whole pool would, where a strategy asks about harder items."""
    assert violations(40, 0.0, hardest_last=0.15) > 3 * DELTA


@pytest.mark.parametrize("seed", range(20))
def test_the_beginning_has_no_gap_and_is_the_longest_of_all_rounds(seed: int) -> None:
    rng = np.random.default_rng(seed)
    rounds = [f"r{number:03d}" for number in rng.integers(998, 1003, size=60)]
    reviewed = (rng.random(60) < 0.9) | (np.arange(60) < 10)
    found = read_without_gap(rounds, reviewed)

    def read(through: int) -> int:
        mine = [bool(done) for name, done in zip(rounds, reviewed, strict=True) if int(name[1:]) <= through]
        return [*mine, False].index(False)

    longest = max(read(through) for through in range(998, 1003))
    assert found.read == read(int(found.through[1:])) == longest
    assert all(read(later) < longest for later in range(int(found.through[1:]) + 1, 1003))


def test_labels_that_come_after_the_review_take_nothing_from_those_before() -> None:
    found = read_without_gap(["r000", "r001", "r000", "r000"], np.array([True, False, True, False]))
    assert (found.through, found.read) == ("r000", 2)
    assert read_without_gap([], np.zeros(0, dtype=bool)).read == 0


def test_too_few_reviews_cost_no_look_and_say_how_many_are_missing() -> None:
    least = 47  # of 500 labels; of labels without end it would be 45
    confidence, kept = np.full(500, 0.99), np.arange(500) >= least
    few = certify(confidence, np.ones(least - 5, dtype=bool), kept)
    assert few.certificate is None and not few.looked
    assert "`labelloop review --random 5` or more" in few.reason
    assert certify(confidence, np.ones(least, dtype=bool), kept).certificate is not None


def test_reviews_that_do_not_prove_it_say_how_many_more_would() -> None:
    right = np.ones(80, dtype=bool)
    right[[3, 40, 70]] = False
    refused = certify(np.full(500, 0.9), right, np.arange(500) >= 80)
    assert refused.looked and refused.certificate is None
    assert "About" in refused.reason and "more reviewed labels" in refused.reason


def test_errors_may_all_be_among_what_would_be_accepted() -> None:
    """Labels that wait at a gate, say, are of the stream and are not accepted: they may be the good ones."""
    right = np.ones(60, dtype=bool)
    confidence = np.full(1000, 0.9)
    some = np.arange(1000) >= 60
    assert certify(confidence, right, some).certificate is not None
    assert certify(confidence, right, some & (np.arange(1000) % 2 == 0)).certificate is None


def test_how_many_verdicts_were_blind_is_sealed() -> None:
    """Nobody may make a certificate look better founded than it is; those from before say nothing of it."""
    confidence = np.full(400, 0.95)
    made = certify(confidence, np.ones(200, dtype=bool), np.ones(400, dtype=bool), blind=3).certificate
    assert made is not None and made.blind == 3
    content = asdict(made) | {"format": FORMAT}
    assert read_sealed(content, "here") == made
    with pytest.raises(DamagedFileError, match="here is not what was issued"):
        read_sealed(content | {"blind": 200}, "here")
    earlier = {name: value for name, value in content.items() if name not in ("id", "digest", "blind")}
    digest = files.digest_of(earlier)
    assert read_sealed(earlier | {"id": f"c-{digest[:12]}", "digest": digest}, "here").blind is None


def test_verdicts_behind_a_gap_are_told_with_the_label_that_is_missing() -> None:
    """The gap is the first label without a verdict; where nothing was read behind it nothing is said."""
    items, rounds = ["e", "b", "d", "a", "c"], ["r000"] * 5
    reviewed = np.array([True, True, False, True, True])
    said = gap_told(items, reviewed, read_without_gap(rounds, reviewed), lambda _: "")
    assert "2 reviewed labels do not count" in said and "as long as d," in said
    for whole in (np.array([True, True, False, False, False]), np.ones(5, dtype=bool)):
        assert gap_told(items, whole, read_without_gap(rounds, whole), lambda _: "") == ""


def test_a_gap_whose_label_waits_at_a_gate_is_told_with_the_command_that_lists_it() -> None:
    """It may have a verdict, and no random draw offers it again."""
    items, rounds = ["e", "b", "d", "a"], ["r000"] * 4
    for reviewed in (np.array([True, True, False, True]), np.array([True, True, False, False])):
        said = gap_told(items, reviewed, read_without_gap(rounds, reviewed), {"d": "pair"}.__getitem__)
        assert "d, which comes" in said and "no verdict" not in said
        assert "waits at the gate 'pair': `labelloop review --gate 'pair'`" in said
    assert (
        gap_told(items, np.ones(4, dtype=bool), read_without_gap(rounds, np.ones(4, dtype=bool)), str) == ""
    )
