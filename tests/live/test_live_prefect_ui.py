"""The Prefect UI in a real browser: forms are filled in, runs end, and what they made can be seen.

Screenshots are kept in the test's temporary folder.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import live_prefect
import pytest
import yaml
from browser import chromium, wait_until_still
from live_prefect import PrefectServer, wait_until

pytestmark = pytest.mark.live

FOLDER = "the campaign's folder; made if it is not there"

PATIENCE = 60_000
"""Milliseconds that a page may take, on a busy machine."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrefectServer]:
    with live_prefect.prefect_server(tmp_path_factory.mktemp("prefect-ui")) as server:
        yield server


CONTROLS = ".schema-form-property :is(input, textarea)"

SLOWED = 4
"""How many times slower than it is the browser is while the form is filled in."""


class Page:
    """A browser's page on the server, that keeps screenshots."""

    def __init__(self, browser: Any, server: PrefectServer, folder: Path) -> None:
        self.page = browser.new_context(viewport={"width": 1400, "height": 1000}).new_page()
        self.page.set_default_timeout(PATIENCE)
        self._server, self._folder = server, folder

    def open(self, path: str) -> None:
        self.page.goto(f"{self._server.url}{path}")

    def show(self, name: str) -> None:
        self.page.screenshot(path=self._folder / f"{name}.png", full_page=True)

    def field(self, description: str) -> Any:
        """The innermost part of a form that is described so."""
        return self.page.locator(".schema-form-property", has=self.page.get_by_text(description)).last

    def control(self, description: str) -> Any:
        """Where one types what is described so."""
        return self.field(description).locator("textarea, input").first

    def settle(self) -> None:
        """Wait until the form has its defaults and has taken in what was typed.

        Prefect's form hands a change up through each level of nested settings after a pause of 10 ms and some
        promises, and then shows all levels again with what the top knows; so do the defaults, field by field,
        once a part is unfolded. A control that is filled in before that has come to rest may be set back.
        """
        wait_until_still(self.page, CONTROLS)

    def slow_down(self, times: float) -> None:
        """Let the browser compute so many times slower, as on a busy machine."""
        devtools = self.page.context.new_cdp_session(self.page)
        devtools.send("Emulation.setCPUThrottlingRate", {"rate": times})

    def fill(self, answers: dict[str, str]) -> None:
        """Type the answers, by their descriptions, until the form has kept them all."""
        self.control(next(iter(answers))).wait_for()
        self.settle()
        end = time.monotonic() + PATIENCE / 1000
        while missing := {
            what: value for what, value in answers.items() if self.control(what).input_value() != value
        }:
            assert time.monotonic() < end, f"the form does not keep {missing}"
            for what, value in missing.items():
                self.control(what).fill(value)
                self.settle()


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
        run = wait_until(lambda: server.runs("active-learning/form"), 60, "a run")[0]
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
        run = wait_until(lambda: server.runs("approve/gate"), 60, "a run of approve")[0]
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
