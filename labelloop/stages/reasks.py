"""Hidden re-asks: questions that somebody has answered before, put to them again among the others.

They tell how often people agree with themselves. The first answer stays the one that labels rest on: the
second is given by somebody who may remember, and were it to count, being asked again would change labels that
nothing is wrong with. It is kept as a vote with the action `reasked`, and it is paid.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd

from labelloop import files, tables
from labelloop.asking import known_people
from labelloop.campaign import CampaignSettings
from labelloop.fusion.coding import standing_votes
from labelloop.ledger import round_name, round_number
from labelloop.stages.people import annotation_of
from labelloop.stages.runner import Round
from labelloop.workspace import Workspace

SEED = 13
"""Tells this draw from the others of a round."""
UNTIL = "reask_until"
"""Key of what `reask_until` gives, in the `round` part of the round's settings."""


def reask_until(workspace: Workspace, settings: CampaignSettings, round_id: str) -> str | None:
    """Until when something must have been answered to be asked again in a round; None where nothing is yet.

    That is when the round closed that lies `quality.reask_after` rounds back. It is looked up once, when the
    round opens, so that no stage depends on a round before the previous one.
    """
    number = round_number(round_id) - settings.quality.reask_after
    if not settings.quality.reask_share or number < 0:
        return None
    at: str = files.read_json(workspace.round(round_name(number)).closed)["at"]
    return at


def choose_reasks(current: Round, asked_for: int, busy: Collection[str]) -> pd.DataFrame:
    """Who is asked again about what: whoever was asked again least comes first, the items by lot.

    Args:
        asked_for: answers that the round asks for besides.
        busy: items that the round asks of others.

    Returns:
        Rows of `tables.ROUTING`, each item once; empty where nobody has answered long enough ago.
    """
    wanted = math.floor(current.settings.quality.reask_share * asked_for + 1e-9)
    until = current.about.get(UNTIL)
    if not wanted or until is None:
        return tables.ROUTING.empty()
    votes = tables.VOTES.read(current.previous.collected)
    again = votes[votes["action"] == tables.REASKED]
    old = standing_votes(votes) if len(votes) else votes
    old = old[old["answered_at"] <= pd.Timestamp(datetime.fromisoformat(until))]
    old = old[~old["item"].isin(set(busy) | set(again["item"]))]
    annotation = annotation_of(current)
    people = known_people(annotation) or frozenset()
    left = {str(name): sorted(items) for name, items in old.groupby("annotator")["item"] if name in people}
    before = again["annotator"].value_counts()
    times = {name: int(before.get(name, 0)) for name in left}
    quotas = {name: annotation.routing.quota_of(name) for name in left}
    return _drawn(left, times, quotas, wanted, [current.about["seed"], SEED])


def _drawn(
    left: dict[str, list[str]],
    times: Mapping[str, int],
    quotas: Mapping[str, int | None],
    wanted: int,
    seed: list[int],
) -> pd.DataFrame:
    """Rows of `tables.ROUTING`.

    Args:
        left: items that each may be asked again, by name.
        times: how often each was asked again before.
        quotas: answers that each may be asked for now; None without a limit.
    """
    random = np.random.default_rng(seed)
    lot = dict(zip(sorted(left), random.permutation(len(left)), strict=True))
    given = dict.fromkeys(left, 0)
    taken: set[str] = set()
    rows: list[dict[str, Any]] = []
    while len(rows) < wanted and left:
        who = min(left, key=lambda name: (times[name] + given[name], lot[name]))
        items = [item for item in left[who] if item not in taken]
        if not items or given[who] == quotas[who]:
            del left[who]
            continue
        item = items[random.integers(len(items))]
        rows.append({"item": item, "annotator": who, "why": tables.REASK, "chance": 1 / len(items)})
        taken.add(item)
        given[who] += 1
    return pd.DataFrame(rows, columns=list(tables.ROUTING.columns))
