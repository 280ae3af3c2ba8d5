"""What passes by itself is tried again; what does not fails at once and says why."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import flow_campaigns
import pytest

from flows import advance as advancing
from labelloop import outages, stages
from labelloop.errors import CampaignBusyError, DataError, LabelloopError, ToolError, UnreachableError
from labelloop.loop import Stopped
from labelloop.workspace import Workspace
from tasks.collect import collect
from tasks.outside import RETRIED

pytestmark = pytest.mark.prefect


class Weather:
    """Stands in for the stage `collect`: raises the errors given, one a call, then works."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *errors: LabelloopError) -> None:
        self.errors, self.calls = list(errors), 0
        self.collect = stages.FUNCTIONS["collect"]
        monkeypatch.setitem(stages.FUNCTIONS, "collect", self)
        # The same policy without the seconds.
        impatient = collect.with_options(retry_delay_seconds=[0.05] * 4)
        monkeypatch.setitem(advancing.STEPS, "collect", impatient)

    def __call__(self, current: Any) -> Any:
        self.calls += 1
        if self.errors:
            raise self.errors.pop(0)
        return self.collect(current)


def test_a_tool_that_comes_back_is_asked_again(
    server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The flow goes on as if nothing had been."""
    campaign = flow_campaigns.make(tmp_path / "weather", stopping={"max_rounds": 1})
    weather = Weather(monkeypatch, UnreachableError("no answer"), UnreachableError("no answer"))
    while not isinstance(outcome := advancing.advance(str(campaign)), Stopped):
        pass
    assert outcome.rule == "max_rounds"
    assert weather.calls >= 3
    runs = flow_campaigns.ask(
        server, "task_runs", task_runs={"name": {"any_": ["collect r000"]}},
        flow_runs={"name": {"any_": ["weather: r000"]}}, sort="EXPECTED_START_TIME_ASC",
    )  # fmt: skip
    assert runs[0]["run_count"] == 3


def test_a_tool_that_stays_away_fails_the_run_with_its_words(
    server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After five tries; the campaign is free for the next driver, which goes on."""
    campaign = flow_campaigns.make(tmp_path / "away", stopping={"max_rounds": 1})
    weather = Weather(monkeypatch, *[UnreachableError("the tool is on holiday")] * 5)
    state = advancing.advance(str(campaign), return_state=True)
    assert state.is_failed()
    assert "UnreachableError: the tool is on holiday" in str(state.message)
    assert weather.calls == 5
    while not isinstance(advancing.advance(str(campaign)), Stopped):
        pass


def test_a_mistake_in_the_data_is_not_tried_again(
    server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would still be there; the run fails at once and says what is wrong."""
    campaign = flow_campaigns.make(tmp_path / "mistake", stopping={"max_rounds": 1})
    weather = Weather(monkeypatch, DataError("column 'label' is not there"))
    with pytest.raises(DataError, match="column 'label' is not there"):
        advancing.advance(str(campaign))
    assert weather.calls == 1


def test_a_second_driver_is_told_who_holds_the_campaign(server: str, plain: Path) -> None:
    """Called by hand it is an error."""
    with (
        Workspace.at(plain).hold("the test"),
        pytest.raises(CampaignBusyError, match="held by `the test`"),
    ):
        advancing.advance(str(plain))


def test_a_scheduled_look_at_a_busy_campaign_is_no_failure(
    server: str, plain: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise every campaign that trains for an hour would raise an alarm every five minutes."""
    from prefect.runtime import deployment

    monkeypatch.setattr(deployment, "id", "the schedule's", raising=False)
    with Workspace.at(plain).hold("the test"):
        state = advancing.advance(str(plain), return_state=True)
    assert (state.is_completed(), state.name) == (True, "Busy")
    assert "held by `the test`" in str(state.message)


def test_the_patience_grows_and_varies() -> None:
    """Backoff and jitter, on every step that touches the outside world and on no other."""
    delays = RETRIED["retry_delay_seconds"](RETRIED["retries"])
    assert delays == sorted(set(delays))
    retried = {name for name, step in advancing.STEPS.items() if step.retries}  # type: ignore[attr-defined]
    assert retried == {"push", "collect", "track", "version", "finish"}
    assert all(advancing.STEPS[name].retry_jitter_factor > 0 for name in retried)  # type: ignore[attr-defined]


def test_a_scheduled_run_waits_out_an_outage(
    server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It ends well and says since when; one that comes too early asks nothing; a success clears it."""
    campaign = flow_campaigns.make(tmp_path / "outage", stopping={"max_rounds": 1})
    weather = Weather(monkeypatch, *[UnreachableError("no route to the tool")] * 5)
    monkeypatch.setattr(advancing, "_is_scheduled", lambda: True)
    for calls in (5, 5):
        state = advancing.advance(str(campaign), return_state=True)
        assert (state.is_completed(), state.name) == (True, "Waiting")
        assert "no route to the tool" in str(state.message)
        assert "next after" in str(state.message)
        assert weather.calls == calls
    outage = outages.read(Workspace.at(campaign))
    assert outage is not None
    assert outage.attempts == 1
    monkeypatch.setattr(outages.Outage, "is_due", lambda self, now: True)
    while advancing.advance(str(campaign), return_state=True).name != "Stopped":
        pass
    assert outages.read(Workspace.at(campaign)) is None


def test_a_run_by_hand_always_tries_and_fails_aloud(
    server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever clicked wants to know; the attempt is noted all the same."""
    campaign = flow_campaigns.make(tmp_path / "by-hand", stopping={"max_rounds": 1})
    weather = Weather(monkeypatch, *[UnreachableError("no route to the tool")] * 10)
    for attempts in (1, 2):
        assert advancing.advance(str(campaign), return_state=True).is_failed()
        outage = outages.read(Workspace.at(campaign))
        assert outage is not None
        assert outage.attempts == attempts
    assert weather.calls == 10


def test_a_wrong_token_is_no_outage(server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It does not pass by itself: the scheduled run fails and says what to do."""
    campaign = flow_campaigns.make(tmp_path / "token", stopping={"max_rounds": 1})
    Weather(monkeypatch, *[ToolError("put a valid token into LABEL_STUDIO_API_KEY")] * 5)
    monkeypatch.setattr(advancing, "_is_scheduled", lambda: True)
    state = advancing.advance(str(campaign), return_state=True)
    assert state.is_failed()
    assert "LABEL_STUDIO_API_KEY" in str(state.message)
    assert outages.read(Workspace.at(campaign)) is None
