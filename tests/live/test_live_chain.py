"""From a form in the Prefect UI to answers by clicking, to the next batch: real servers, a real browser."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import live_campaigns
import live_prefect
import pytest
from browser import PageAnnotator, chromium
from live_prefect import PrefectServer, wait_until
from live_server import LiveServer
from prefect_page import FOLDER, Page

from labelloop import tables, waking
from labelloop.workspace import Workspace

pytestmark = [pytest.mark.live, pytest.mark.slow]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrefectServer]:
    with live_prefect.prefect_server(tmp_path_factory.mktemp("prefect-chain")) as server:
        yield server


def test_from_the_form_to_the_next_batch(
    live_server: LiveServer, server: PrefectServer, tmp_path: Path
) -> None:
    """Launched by its form, pushed, answered by clicking, taken in by the deployed `advance`, asked on.

    There is no schedule: the webhook that Label Studio sends is what starts `advance`.
    """
    live_server.delete_projects()
    campaign = live_prefect.make(
        tmp_path / "campaign", campaign={"name": "chain"}, acquisition={"batch_size": 4},
        annotation={"tool": "label_studio"}, evaluation={"test_size": 3},
    )  # fmt: skip
    live_campaigns.write_env(campaign, live_server.url, live_server.token)
    server.call("deploy", campaign)
    workspace = Workspace.at(campaign)
    with live_prefect.worker(server), chromium() as browser:
        page = Page(browser, server, tmp_path)
        run = launch(page, server, campaign)
        ended = server.ended(run["id"], 240)
        assert ended["state_name"] == "Waiting", ended["state"]
        page.open(f"/runs/flow-run/{run['id']}")
        page.page.get_by_text("Waiting").first.wait_for()
        page.show("2-run")
        project = live_server.project("chain")
        first = {task["id"] for task in live_server.tasks("chain")}
        assert project is not None and len(first) == 7

        with live_prefect.receiver(server, campaign):
            wait_until(lambda: hooks_of(live_server, project["id"]), 90, "a webhook")
            person = PageAnnotator(browser, live_server.url, *live_server.logins["ada"])
            task = person.open_queue(project["id"])
            person.picture(tmp_path / "3-first-task.png")
            while task is not None:
                task = person.answer(str(task["id"] % 10))
            person.picture(tmp_path / "4-no-more.png")
            assert set(person.clicked) == first
            wait_until(workspace.round("r001").tasks.exists, 180, "the next batch")
            wait_until(lambda: not waking.is_pending(workspace), 90, "the end of the run")
            task = person.follow_link(project["id"])
            person.picture(tmp_path / "5-next-batch.png")
        looks = [server.ended(run["id"]) for run in server.runs("advance/chain")]
        # On a slow machine the event is repeated, and the run that it starts cancelled.
        went_through = [run for run in looks if run["state_name"] == "Waiting"]
        page.open(f"/runs/flow-run/{went_through[-1]['id']}")
        page.page.get_by_text("Waiting").first.wait_for()
        page.show("6-advance")
    assert task is not None and task["id"] not in first
    assert {one["created_by"]["type"] for one in looks} == {"AUTOMATION"}
    votes = tables.VOTES.read(workspace.round("r000").collected)
    got = {int(row.tool_ref.rpartition("=")[2]): row.value for row in votes.itertuples()}
    assert got == {number: value for number, value in person.clicked.items() if number in first}
    assert set(votes["annotator"]) == {person.login}


def launch(page: Page, server: PrefectServer, campaign: Path) -> dict[str, Any]:
    """Fill in the form of `active-learning`; the run that it starts."""
    page.open(f"/deployments/deployment/{server.deployment('active-learning/chain')['id']}")
    page.page.get_by_role("button", name="Run", exact=True).click()
    page.page.get_by_text("Custom run").click()
    page.fill({FOLDER: str(campaign)})
    page.show("1-form")
    deployment = {"id": {"any_": [server.deployment("active-learning/chain")["id"]]}}
    for again in range(4):
        # As a person would: what a busy server, or a form that is still being laid out, has not taken.
        page.page.get_by_role("button", name="Submit").click()
        with contextlib.suppress(AssertionError):
            wait_until(lambda: server.ask("flow_runs", deployments=deployment), 45, "a run")
            break
        page.show(f"1-not-taken-{again}")
    return dict(wait_until(lambda: server.runs("active-learning/chain"), 180, "a run")[0])


def hooks_of(live_server: LiveServer, project: int) -> list[Any]:
    return list(live_server.client().get("/api/webhooks/", params={"project": project}).json())
