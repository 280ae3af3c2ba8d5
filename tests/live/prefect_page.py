"""A page of the Prefect UI in a browser: its forms, and screenshots of it."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from browser import wait_until_still
from live_prefect import PrefectServer

PATIENCE = 60_000
"""Milliseconds that a page may take, on a busy machine."""

FOLDER = "the campaign's folder; made if it is not there"
"""How the form describes the flow's first parameter."""

CONTROLS = ".schema-form-property :is(input, textarea)"


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
