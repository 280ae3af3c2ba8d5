"""Accounts on a Label Studio server of this machine: a manager, and three annotators by invitation.

The annotators are plain members, made through the page that an invitation leads to, as people would make
them; so they are no administrators of the server, and no password stands in a command line.
"""

from __future__ import annotations

import http.cookiejar
import json
import os
import secrets
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any

ANNOTATORS = ("ada", "ben", "cy")

SECONDS = 60.0
"""For one reply of the server."""


def read_accounts(path: Path) -> dict[str, Any]:
    """Logins as they are in `path`, or new ones: made up once, kept, for the owner's eyes only."""
    if path.exists():
        return dict(json.loads(path.read_text(encoding="utf-8")))
    return {
        "url": "",
        "manager": {**_login("manager"), "token": secrets.token_hex(20)},
        "annotators": [_login(name) for name in ANNOTATORS],
    }


def write_accounts(path: Path, accounts: dict[str, Any]) -> None:
    """Write them whole or not at all, readable by the owner alone."""
    new = path.with_name(f"{path.name}.new")
    new.unlink(missing_ok=True)
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as stream:
        json.dump(accounts, stream, indent=2)
    new.replace(path)


def add_annotators(accounts: dict[str, Any]) -> None:
    """Sign up the annotators that the server does not have yet, and note everybody's token."""
    url, token = accounts["url"], accounts["manager"]["token"]
    there = {user["email"] for user in _ask(f"{url}/api/users/", token)}
    invitation = None
    for person in accounts["annotators"]:
        session = Session(url)
        if person["login"] in there:
            if person.get("token"):
                continue
            session.log_in(person["login"], person["password"])
        else:
            invitation = invitation or str(_ask(f"{url}/api/invite", token)["invite_url"])
            session.sign_up(invitation, person["login"], person["password"])
            session.rename(person["name"].capitalize())
        person["token"] = session.get("/api/current-user/token")["token"]


class Session:
    """A browser's session without a browser: cookies, and forms with their CSRF token."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._cookies = http.cookiejar.CookieJar()
        self._opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(self._cookies))

    def log_in(self, login: str, password: str) -> None:
        self._form("/user/login/", {"email": login, "password": password, "persist_session": "on"})

    def sign_up(self, invitation: str, login: str, password: str) -> None:
        self._form(invitation, {"email": login, "password": password})

    def rename(self, name: str) -> None:
        user = self.get("/api/current-user/whoami")
        self.send("PATCH", f"/api/users/{user['id']}/", {"first_name": name})

    def get(self, path: str) -> Any:
        return json.loads(self._open(urllib.request.Request(self.url + path)))

    def send(self, method: str, path: str, body: object) -> Any:
        content = json.dumps(body).encode()
        headers = {"Content-Type": "application/json", "X-CSRFToken": self._cookie("csrftoken")}
        return json.loads(
            self._open(urllib.request.Request(self.url + path, content, headers, method=method))
        )

    def _form(self, path: str, fields: dict[str, str]) -> None:
        """Send a form of one of the server's pages.

        Raises:
            SystemExit: the page refused it; it shows the form again instead of opening a session.
        """
        address = self.url + path
        self._open(urllib.request.Request(address))
        content = urllib.parse.urlencode(
            {**fields, "csrfmiddlewaretoken": self._cookie("csrftoken")}
        ).encode()
        self._open(urllib.request.Request(address, content, {"Referer": address}))
        if not self._cookie("sessionid"):
            raise SystemExit(f"{self.url}{path.partition('?')[0]} refuses {fields['email']}; if its password "
                             "was changed by hand, put it into accounts.json")  # fmt: skip

    def _open(self, request: urllib.request.Request) -> bytes:
        with self._opener.open(request, timeout=SECONDS) as reply:
            return bytes(reply.read())

    def _cookie(self, name: str) -> str:
        return next((cookie.value or "" for cookie in self._cookies if cookie.name == name), "")


def _ask(address: str, token: str) -> Any:
    request = urllib.request.Request(address, headers={"Authorization": f"Token {token}"})
    try:
        with urllib.request.urlopen(request, timeout=SECONDS) as reply:
            return json.load(reply)
    except urllib.error.HTTPError as error:
        raise SystemExit(f"{address} answers {error.code}; if the server's data was replaced, move "
                         "accounts.json away as well") from None  # fmt: skip


def _login(name: str) -> dict[str, str]:
    # Hex digits: nothing that a shell, a form or a person could take for something else.
    return {"name": name, "login": f"{name}@localhost.local", "password": secrets.token_hex(8)}
