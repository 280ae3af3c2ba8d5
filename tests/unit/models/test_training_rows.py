"""What is accepted as labeled rows."""

from __future__ import annotations

import numpy as np
import pytest

from labelloop.errors import DataError
from labelloop.models.training_rows import training_rows

ROWS = np.arange(8, dtype=np.float32).reshape(4, 2)


def test_rows_that_weigh_nothing_and_their_classes_are_gone() -> None:
    rows = training_rows(ROWS, np.array([5, 2, 9, 5]), np.array([1.0, 2.0, 0.0, 3.0]), 10)
    assert rows.present.tolist() == [2, 5]
    assert rows.targets.tolist() == [1, 0, 1]
    assert rows.weight.tolist() == [1, 2, 3]
    assert (rows.inputs == ROWS[[0, 1, 3]]).all()


@pytest.mark.parametrize(
    ("targets", "weight", "says"),
    [
        ([0, 1, 2], None, "4 training rows have 3 labels"),
        ([0, 1, 2, 3], None, "training row 3 is 3; class codes are 0 to 2"),
        ([0, -1, 2, 1], None, "training row 1 is -1"),
        ([0.0, 1.0, 2.0, 1.0], None, "whole numbers"),
        ([0, 1, 2, 1], [1, 1, -1, 1], "weight of training row 2 is -1.0"),
        ([0, 1, 2, 1], [1, np.nan, 1, 1], "weight of training row 1 is nan"),
        ([0, 1, 2, 1], [1, 1], "one a row"),
    ],
)
def test_what_is_wrong_is_named(targets: list[float], weight: list[float] | None, says: str) -> None:
    with pytest.raises(DataError, match=says):
        training_rows(ROWS, np.array(targets), None if weight is None else np.array(weight), 3)
