"""People in a real browser: they log in, open the queue, and answer by clicking."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from live_server import missing

SECONDS = 60_000
"""Milliseconds that a page may take, on a busy machine."""

STILL_FRAMES = 10
"""Frames of a page in which nothing changes, before it counts as settled. Frames and not seconds: a page that
is slow also draws late."""

IS_STILL = """([look, selector, frames]) => {
    const controls = [...document.querySelectorAll(selector)];
    const shown = JSON.stringify(controls.map(one => [one.name, one.value, one.checked, one.disabled]));
    const before = window.labelloopLook;
    const still = before?.look === look && before.shown === shown ? before.still + 1 : 0;
    window.labelloopLook = {look, shown, still};
    return controls.length > 0 && still >= frames;
}"""


def wait_until_still(page: Any, selector: str) -> None:
    """Wait until there are such controls, and what they show has come to rest."""
    page.wait_for_function(IS_STILL, arg=[uuid.uuid4().hex, selector, STILL_FRAMES], polling="raf")


@contextlib.contextmanager
def chromium() -> Iterator[Any]:
    """Debian's Chromium without a window; CHROMIUM names another one.

    Of a test's own: as long as it lives, its event loop is this thread's, and Prefect could not run here.
    """
    path = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        missing("there is no Chromium; install Debian's package chromium, or set CHROMIUM")
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        missing("the package playwright is not installed; `make install` does it")
    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as running:
        browser = running.chromium.launch(executable_path=path, args=arguments)
        try:
            yield browser
        finally:
            browser.close()


class PageAnnotator:
    """One account in a browser of its own, and everything its pages were told."""

    def __init__(self, browser: Any, url: str, login: str, password: str) -> None:
        self.url, self.login = url, login
        self.page = browser.new_context(viewport={"width": 1280, "height": 900}).new_page()
        self.page.set_default_timeout(SECONDS)
        self.replies: list[Any] = []
        """What the server sent to this person's pages, parsed."""
        self.dealt: list[dict[str, Any]] = []
        """Tasks, as the queue dealt them."""
        self.clicked: dict[int, str | None] = {}
        """What was answered, by task; None for a skip."""
        self.page.on("response", self._note)
        self.page.goto(f"{url}/user/login/")
        self.page.fill("#email", login)
        self.page.fill("#password", password)
        self.page.click("button[type=submit]")
        self.page.wait_for_url(lambda address: "/user/login" not in address)

    def open_queue(self, project: int) -> dict[str, Any] | None:
        """Go to the project's page and click "Label All Tasks"; the task that the queue deals first."""
        self.page.goto(f"{self.url}/projects/{project}/data")
        button = self.page.get_by_role("button", name="Label All Tasks")
        return self._dealt_after(button.click)

    def follow_link(self, project: int) -> dict[str, Any] | None:
        """Open the queue by the link that annotators are given."""
        return self._dealt_after(lambda: self.page.goto(f"{self.url}/projects/{project}/data?labeling=1"))

    def answer(self, value: str) -> dict[str, Any] | None:
        """Choose, submit, and wait for the next task; None when the queue is empty."""
        self.clicked[self.task["id"]] = value
        self.page.locator(f".lsf-choice__item input[name={json.dumps(value)}]").check()
        return self.submit()

    def submit(self) -> dict[str, Any] | None:
        """Submit what is chosen."""
        self.clicked.setdefault(self.task["id"], next(iter(self.checked()), None))
        button = self.page.get_by_test_id("bottombar-submit-button")
        return self._dealt_after(button.click)

    def skip(self) -> dict[str, Any] | None:
        self.clicked[self.task["id"]] = None
        return self._dealt_after(lambda: self.page.get_by_test_id("bottombar-skip-button").click())

    def look_at(self, project: int, task: int) -> None:
        """Open a task in the data manager, where the queue leads nobody."""
        with self.page.expect_response(lambda reply: f"/api/tasks/{task}" in reply.url):
            self.page.goto(f"{self.url}/projects/{project}/data?task={task}")
        self.page.wait_for_load_state("networkidle")

    @property
    def task(self) -> dict[str, Any]:
        return self.dealt[-1]

    def checked(self) -> list[str]:
        """The choices that the page shows as chosen."""
        wait_until_still(self.page, ".lsf-choice__item input")
        ticked = self.page.locator(".lsf-choice__item input:checked").all()
        return [str(choice.get_attribute("name")) for choice in ticked]

    def text(self) -> str:
        """All that the page says."""
        return str(self.page.locator("body").inner_text())

    def picture(self, path: Path) -> None:
        self.page.screenshot(path=path)

    def _dealt_after(self, action: Any) -> dict[str, Any] | None:
        with self.page.expect_response(_deals) as coming:
            action()
        reply = coming.value
        if reply.status == 404:
            self.page.get_by_text("No More Tasks Left in Queue").wait_for()
            return None
        assert reply.status == 200, reply.text()
        task = dict(reply.json())
        self.dealt.append(task)
        number = self.page.locator(".lsf-current-task__task-id", has_text=re.compile(rf"^{task['id']}\d+ of"))
        number.wait_for()
        # The task before, or this one without what is chosen beforehand, may still be what is drawn.
        wait_until_still(self.page, ".lsf-choice__item input")
        return task

    def _note(self, response: Any) -> None:
        if "/api/" in response.url:
            # A reply to a page that was left has no body any more.
            with contextlib.suppress(Exception):
                self.replies.append(json.loads(response.text()))


def _deals(response: Any) -> bool:
    return "id=next_task" in response.url


def answered_by(content: object) -> Iterator[int]:
    """The accounts of every annotation anywhere in a reply."""
    if isinstance(content, dict):
        if "completed_by" in content and "result" in content:
            who = content["completed_by"]
            yield who["id"] if isinstance(who, dict) else who
        for value in content.values():
            yield from answered_by(value)
    elif isinstance(content, list):
        for value in content:
            yield from answered_by(value)
