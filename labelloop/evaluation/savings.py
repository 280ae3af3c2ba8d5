"""What the campaign saved against labeling at random, measured on the control arm.

The control arm is a plain random sample of the pool. The learner trained on halves of it shows what so many
random labels are worth; where the campaign's own curve reached that accuracy shows what the campaign paid for
the same. Halves, because two of them show how much luck is in the draw, and their mean has less of it; and
because fewer labels lie where curves are steep, so that numbers of labels can be told apart.

Whether anything is said is settled by numbers of labels, classes and test items alone, never by what was
measured: an interval that is told only where it came out well is wrong more often than it says. So an
interval may be wide, and an end may be open; that is then told.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from labelloop.evaluation.crossing import Crossing, Curve, find_crossing
from labelloop.evaluation.half_samples import HalfSamples
from labelloop.evaluation.savings_words import sentence

MEASURED = "measured"
TOO_LITTLE = "too little data yet"
FEWEST_LABELS = 30
FEWEST_LABELS_PER_CLASS = 3
FEWEST_TEST_ITEMS = 2


def fewest_labels(n_classes: int) -> int:
    """Control labels below which nothing is said: 30, or 3 a class where that is more."""
    return max(FEWEST_LABELS, FEWEST_LABELS_PER_CLASS * n_classes)


def measure_savings(
    campaign: Curve,
    control: HalfSamples | None,
    *,
    control_labels: int,
    n_classes: int,
    coverage: float = 0.95,
) -> dict[str, Any]:
    """Say how many labels the campaign needed for what half of the control arm reaches in the mean.

    Too little data is, by numbers of labels and test items alone:

    - fewer control labels than `fewest_labels`;
    - half of them fewer than the campaign's curve begins with, so that no saving could be seen;
    - a campaign's curve of one point, or fewer than two test items that were judged in every round.

    Args:
        campaign: all labels of the campaign, one point a round, with what its first labels taught
            (`labelloop.evaluation.beginning`) among them; in any order.
        control: the same learner trained on halves of the control arm, on the same test items; None where
            there are too few labels or test items for it. The arm may have grown since.
        control_labels: labels of the whole control arm now.
        n_classes: of the campaign.
        coverage: of the interval.

    Returns:
        status ('measured' or 'too little data yet'), sentence (for people), control_labels (m, of half of the
        control arm; of all of it where nothing was measured), control_accuracy, campaign_labels (L), ratio
        (L / m) with ratio_low and ratio_high, saved (m - L) with saved_low and saved_high, coverage,
        more_control_labels (that it takes). What is not known is None. Where something was measured, an end
        that is None is open: without ratio_low and saved_high the campaign may have been there before the
        first of its labels that were looked at; without ratio_high and saved_low it may not be there yet.
        Without campaign_labels its curve lies above, or below, what random labels reached.
    """
    needed = fewest_labels(n_classes)
    if control_labels < needed:
        why = (f"the control arm has {control_labels} labels, and with {n_classes} classes it takes at least "
               f"{needed}")  # fmt: skip
        return _too_little(control_labels, needed - control_labels, why)
    if control is None or control.items < FEWEST_TEST_ITEMS:
        why = f"fewer than {FEWEST_TEST_ITEMS} test items were judged in every round"
        return _too_little(control_labels, None, why)
    campaign = _ordered(campaign)
    if len(campaign.labels) < 2:
        why = "the campaign's learning curve has fewer than two points; the next round adds one"
        return _too_little(control_labels, None, why)
    m, first = control.labels, int(campaign.labels[0])
    if control_labels // 2 < first:
        why = (f"half of the control arm is {control_labels // 2} labels, fewer than the {first} that the "
               "campaign's curve begins with")  # fmt: skip
        return _too_little(control_labels, 2 * first - control_labels, why)
    found = find_crossing(campaign, control, coverage)
    return {
        "status": MEASURED,
        "sentence": sentence(control, control_labels, found, campaign, coverage),
        "control_labels": m,
        "control_accuracy": control.accuracy,
        "campaign_labels": found.middle,
        **_by_random(found, m),
        "coverage": coverage,
        "more_control_labels": 0,
    }


def _by_random(found: Crossing, m: int) -> dict[str, float | None]:
    """The labels as parts of the random ones, and how many fewer they are."""
    ratio = [None if labels is None else labels / m for labels in (found.middle, found.low, found.high)]
    saved = [None if labels is None else m - labels for labels in (found.middle, found.high, found.low)]
    return dict(zip(("ratio", "ratio_low", "ratio_high"), ratio, strict=True)) | dict(
        zip(("saved", "saved_low", "saved_high"), saved, strict=True)
    )


def _ordered(curve: Curve) -> Curve:
    """By labels; of several points with the same number of labels the last one given."""
    values, position = np.unique(curve.labels[::-1], return_index=True)
    return Curve(values.astype(np.float64), curve.correct[::-1][position])


def _too_little(labels: int, more: int | None, why: str) -> dict[str, Any]:
    advice = f"; {more} more control labels are needed" if more else ""
    unknown = ("control_accuracy", "campaign_labels", "ratio", "ratio_low", "ratio_high")
    return {
        "status": TOO_LITTLE,
        "sentence": f"Too little data yet to say what was saved: {why}{advice}.",
        "control_labels": labels,
        **dict.fromkeys((*unknown, "saved", "saved_low", "saved_high", "coverage")),
        "more_control_labels": more,
    }
