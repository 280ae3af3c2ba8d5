"""The Prefect UI in a real browser: forms are filled in, runs end, and what they made can be seen.

Screenshots are kept in the test's temporary folder.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import live_prefect
import pytest
import yaml
from browser import chromium
from live_prefect import PrefectServer, wait_until
from prefect_page import FOLDER, Page

pytestmark = pytest.mark.live


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrefectServer]:
    with live_prefect.prefect_server(tmp_path_factory.mktemp("prefect-ui")) as server:
        yield server


SLOWED = 4
"""How many times slower than it is the browser is while the form is filled in."""


def test_a_campaign_is_launched_by_its_form(server: PrefectServer, tmp_path: Path) -> None:
    """Typed in, in a slow browser; the run ends, params.yaml says what was typed, its artifacts show."""
    served = live_prefect.make(tmp_path / "served", campaign={"name": "form"})
    server.call("deploy", served)
    new = tmp_path / "new"
    with live_prefect.worker(server), chromium() as browser:
        page = Page(browser, server, tmp_path)
        page.open(f"/deployments/deployment/{server.deployment('active-learning/form')['id']}")
        page.page.get_by_role("button", name="Run", exact=True).click()
        page.page.get_by_text("Custom run").click()
        page.slow_down(SLOWED)
        page.fill({FOLDER: str(new)})
        page.page.get_by_role("button", name="CampaignSettings").click()
        page.fill(
            {
                "Name of the campaign; part of": "from-the-form",
                "auto (by the kind of input)": "logistic",
                "New items a round, control arm included": "20",
                "Items in the test set when none is given": "40",
                "Rounds at most, r000 included": "2",
                FOLDER: str(new),
            }
        )
        page.slow_down(1)
        page.show("1-form")
        page.page.get_by_role("button", name="Submit").click()
        run = wait_until(lambda: server.runs("active-learning/form"), 180, "a run")[0]
        ended = server.ended(run["id"], 240)
        assert (ended["state_name"], ended["name"]) == ("Stopped", "new: active learning"), ended["state"]

        page.open(f"/runs/flow-run/{run['id']}")
        page.page.get_by_text("Stopped").first.wait_for()
        page.page.get_by_text("Subflow Runs", exact=True).click()
        page.page.get_by_text("new: r001").first.wait_for()
        page.show("2-run")
        page.open(f"/artifacts/artifact/{_newest(server, 'from-the-form-learning-curve-picture')}")
        picture = page.page.locator("img[src^='data:image/png']").first
        picture.wait_for()
        assert picture.evaluate("image => image.naturalWidth") > 300
        page.show("3-learning-curve")
        page.open(f"/artifacts/artifact/{_newest(server, 'from-the-form-round-report')}")
        page.page.get_by_text("accuracy").first.wait_for()
        page.show("4-report")
    settings = yaml.safe_load((new / "params.yaml").read_text())
    assert settings["campaign"]["name"] == "from-the-form"
    assert (settings["acquisition"]["batch_size"], settings["stopping"]["max_rounds"]) == (20, 2)
    assert (new / "rounds" / "r001" / "manifest.json").exists()


def test_a_batch_is_approved_by_its_form(server: PrefectServer, tmp_path: Path) -> None:
    """The page shows what would be asked; a click, a name, and it is pushed."""
    campaign = live_prefect.make(
        tmp_path / "campaign", campaign={"name": "gate"}, annotation={"approval": True}
    )
    server.call("deploy", campaign)
    with live_prefect.worker(server), chromium() as browser:
        server.start("advance/gate")
        run = wait_until(lambda: server.runs("approve/gate"), 180, "a run of approve")[0]
        wait_until(lambda: server.run(run["id"])["state_name"] == "Suspended", 60, "a form")
        page = Page(browser, server, tmp_path)
        page.open(f"/runs/flow-run/{run['id']}")
        page.page.get_by_role("button", name="Resume").click()
        page.page.get_by_text("shall people be asked?").first.wait_for()
        page.page.get_by_text("0.90 USD").first.wait_for()
        page.fill({"Who decides; kept with the round": "eva"})
        page.show("1-form")
        page.page.get_by_role("button", name="Submit").click()
        wait_until((campaign / "rounds" / "r000" / "tasks.parquet").exists, 60, "a push")
        assert server.ended(run["id"])["state_name"] == "Approved"
        page.open(f"/runs/flow-run/{run['id']}")
        page.page.get_by_text("Approved").first.wait_for()
        page.show("2-run")
    word = json.loads((campaign / "rounds" / "r000" / "approved.json").read_text())
    assert (word["approved"], word["by"]) == (True, "eva")


def _newest(server: PrefectServer, key: str) -> str:
    """The last artifact with this key."""
    found = server.ask("artifacts", artifacts={"key": {"any_": [key]}}, sort="CREATED_DESC")
    return str(found[0]["id"])
