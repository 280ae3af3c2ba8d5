"""Personal access tokens of the manager's account on a live server."""

from __future__ import annotations

from live_server import LiveServer


def personal_token(live_server: LiveServer) -> str:
    """A new one; an account has one at a time."""
    both = {"api_tokens_enabled": True, "legacy_api_tokens_enabled": True}
    live_server.client().post("/api/jwt/settings", json=both).raise_for_status()
    revoke(live_server)
    return str(live_server.client().post("/api/token/", json={}).raise_for_status().json()["token"])


def revoke(live_server: LiveServer) -> None:
    for token in live_server.client().get("/api/token/").json():
        body = {"refresh": token["token"]}
        live_server.client().post("/api/token/blacklist/", json=body).raise_for_status()
