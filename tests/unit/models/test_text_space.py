"""What is learned from a pool of texts without labels."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pytest

from labelloop.errors import DataError
from labelloop.models import make_learner
from labelloop.models.tfidf import TextSpace, learn_text_space
from labelloop.models.vocabulary import TermCounter

TEXTS = np.array(["Red apple", "green apple pie", "red car", "fast red car", "a b"], dtype=object)


def learn(
    shards: Iterable[np.ndarray], min_df: int = 1, max_features: int = 100, ngrams: int = 1
) -> TextSpace:
    return learn_text_space(shards, ngrams=ngrams, min_df=min_df, max_features=max_features, size=3, seed=0)


def test_terms_are_in_alphabetical_order_and_lower_case() -> None:
    assert learn([TEXTS]).vocabulary.terms == ["a", "apple", "b", "car", "fast", "green", "pie", "red"]


def test_the_most_frequent_terms_stay_and_equals_go_by_the_alphabet() -> None:
    assert learn([TEXTS], max_features=2).vocabulary.terms == ["apple", "red"]


def test_pairs_of_words_are_terms_too() -> None:
    assert "red car" in learn([TEXTS], ngrams=2, min_df=2).vocabulary.terms


def test_a_pool_without_repeats_keeps_all_of_its_terms() -> None:
    assert learn([np.array(["one two", "three"], dtype=object)], min_df=2).vocabulary.terms == [
        "one",
        "three",
        "two",
    ]


def test_what_is_learned_does_not_depend_on_the_cut_into_shards() -> None:
    whole, cut = learn([TEXTS]), learn(iter([TEXTS[:1], TEXTS[1:1], TEXTS[1:]]))
    assert whole.vocabulary.terms == cut.vocabulary.terms
    assert (whole.vocabulary.idf == cut.vocabulary.idf).all()
    assert (whole.directions == cut.directions).all()


def test_a_term_of_every_text_is_worth_least() -> None:
    space = learn([np.array(["common rare", "common", "common"], dtype=object)])
    assert space.vocabulary.idf == pytest.approx([1.0, np.log(4 / 2) + 1])


def test_rows_are_of_unit_length_and_a_text_of_unknown_words_is_zero() -> None:
    rows = learn([TEXTS]).rows(np.array(["red red car", "xyz"], dtype=object)).toarray()
    assert np.linalg.norm(rows, axis=1) == pytest.approx([1, 0])


def test_a_repeated_word_counts_by_its_logarithm() -> None:
    space = learn([TEXTS])
    row = space.rows(np.array(["red red red apple"], dtype=object)).toarray()[0]
    red, apple = (space.vocabulary.terms.index(term) for term in ("red", "apple"))
    idf = space.vocabulary.idf
    assert row[red] / row[apple] == pytest.approx((1 + np.log(3)) * idf[red] / idf[apple], rel=1e-5)


def test_texts_that_share_words_lie_closer() -> None:
    points = learn([TEXTS]).embed(TEXTS)
    assert points[2] @ points[3] > points[1] @ points[3] + 0.3


def test_a_pool_without_a_word_is_refused() -> None:
    with pytest.raises(DataError, match="holds a word"):
        learn([np.array(["", "!?"], dtype=object)])
    with pytest.raises(DataError, match="pool is empty"):
        learn([])


def test_counting_forgets_rare_terms_but_keeps_frequent_ones_within_its_bound() -> None:
    counter = TermCounter(str.split, most_terms=1000)
    counter.add(f"often rare{number}" for number in range(20_000))
    terms = counter.vocabulary(min_df=1, max_features=10**6).terms
    assert "often" in terms
    assert len(terms) < 5200


def test_words_of_no_labeled_text_still_count_by_their_company() -> None:
    """`fruit` is in no labeled text, but in the pool it goes with `apple`."""
    pool = np.array(["apple fruit", "fruit juice apple", "fruit apple pie", "car engine", "engine oil car",
                     "wheel engine car"] * 3, dtype=object)  # fmt: skip
    guesses = {}
    for lsa_weight in (0.0, 4.0):
        options = {"lsa_weight": lsa_weight, "embedding_size": 2}
        learner = make_learner("tfidf_logistic", n_classes=2, seed=0, options=options, input_kind="text")
        learner.observe([pool])
        learner.fit(np.array(["apple", "car"], dtype=object), np.array([0, 1]))
        guesses[lsa_weight] = learner.predict_proba(np.array(["fruit"], dtype=object))[0, 0]
    assert guesses[0.0] == pytest.approx(0.5)
    assert guesses[4.0] > 0.8
