"""What somebody may have meant: hints for names that are not known."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence

LIKENESS = 0.5
"""Of two names, as difflib counts it, from which on one may be meant by the other."""

LEAST_BEGINNING = 3
"""Characters from which on the beginning of a name may stand for it."""

MOST_NAMES, MOST_CLASSES = 30, 20
"""Names, and classes, that a message lists."""


def nearest(name: object, known: Iterable[str]) -> str | None:
    """The one known name that begins with this one, else that spelled most like it; None where none is."""
    known = list(known)
    longer = [one for one in known if len(str(name)) >= LEAST_BEGINNING and one.startswith(str(name))]
    if len(longer) == 1:
        return longer[0]
    near = difflib.get_close_matches(str(name), known, n=1, cutoff=LIKENESS)
    return near[0] if near else None


def did_you_mean(name: object, known: Iterable[str], *, otherwise: str = "", then: str = "") -> str:
    """The nearest known name as a question, for the end of a message.

    Args:
        otherwise: said where no name is near.
        then: said after it in any case.
    """
    near = nearest(name, known)
    hint = otherwise if near is None else f"did you mean {near!r}?"
    return " ".join(part for part in (hint, then) if part)


def there_is(name: object, known: Iterable[str]) -> str:
    """The nearest known name as a question, or else which names there are."""
    names = list(known)
    listed = ", ".join(repr(one) for one in names[:MOST_NAMES]) or "none"
    return did_you_mean(name, names, otherwise=f"there is: {listed}")


def not_a_class(value: object, classes: Sequence[str]) -> str:
    """That a value is none of the classes, and which one it may be."""
    listed = f"classes: {', '.join(classes[:MOST_CLASSES])}"
    hint = did_you_mean(value, classes, otherwise=listed)
    return f"{value!r} is not one of the {len(classes)} classes; {hint}"
