"""The measured savings in a few words: what was compared, how surely it is known, and what follows."""

from __future__ import annotations

from labelloop.evaluation.crossing import Crossing, Curve
from labelloop.evaluation.half_samples import HalfSamples


def sentence(
    control: HalfSamples, control_labels: int, found: Crossing, campaign: Curve, coverage: float
) -> str:
    """What half of the control arm's labels reach, with how many the campaign got there, and what that saves.

    Args:
        control: what the halves reach.
        control_labels: that the control arm has now; the halves may be of fewer.
        found: labels of the campaign for the same.
        campaign: its learning curve, by labels.
    """
    m, reached = control.labels, control.accuracy
    half = "half of the control arm" + (
        "" if control.sample == control_labels else f" when it had {control.sample}"
    )
    first, last = campaign.labels[0], campaign.labels[-1]
    if found.middle is not None:
        got = f"the campaign reached that with about {found.middle:.0f}"
    elif found.above:
        got = f"the campaign was above that with its first {first:.0f}"
    else:
        got = f"the campaign is below that with {last:.0f}"
    interval = f"{coverage:.0%} interval: {_interval(found, first, last)}"
    return f"{m} random labels ({half}) reach {reached:.1%}; {got} ({interval}). {_verdict(m, found)}"


def _interval(found: Crossing, first: float, last: float) -> str:
    if found.low is None and found.high is None:
        return f"anything, from fewer than {first:.0f} to more than {last:.0f}"
    if found.low is None:
        return f"at most {found.high:.0f}"
    if found.high is None:
        return f"more than {found.low:.0f}"
    return f"{found.low:.0f} to {found.high:.0f}"


def _verdict(m: int, found: Crossing) -> str:
    """What follows from both ends of the interval; less than half a label is nothing."""
    if found.high is not None and m - found.high >= 0.5:
        saved = _between(m - found.high, None if found.low is None else m - found.low, "{:.0f}")
        share = _between(1 - found.high / m, None if found.low is None else 1 - found.low / m, "{:.0%}")
        return f"So {saved} labels are saved, {share} of what random labeling needs."
    if found.low is not None and found.low - m >= 0.5:
        more = _between(found.low - m, None if found.high is None else found.high - m, "{:.0f}")
        return f"So the campaign needs {more} labels more than random labeling."
    return "So nothing is surely saved yet: the difference may be chance."


def _between(least: float, most: float | None, form: str) -> str:
    if most is None:
        return f"at least {form.format(least)}"
    return f"{form.format(least)} to {form.format(most)}"
