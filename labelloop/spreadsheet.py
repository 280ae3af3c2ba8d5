"""Cells that people open in a spreadsheet: none is taken for a formula, and each can be read back."""

from __future__ import annotations

FORMULA = ("=", "+", "-", "@", "\t", "\r")


def plain(text: str) -> str:
    """Text that no spreadsheet takes for a formula: an apostrophe before what would be one, or look so."""
    return f"'{text}" if text.lstrip("'").startswith(FORMULA) else text


def unplain(text: str) -> str:
    """What `plain` was given."""
    return text[1:] if text.startswith("'") and text.lstrip("'").startswith(FORMULA) else text
