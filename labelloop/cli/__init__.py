"""The command `labelloop`: one file a subject; what a command does is elsewhere."""

from labelloop.cli.app import app, main

__all__ = ["app", "main"]
