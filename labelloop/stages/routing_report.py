"""Who was asked how much, and why, for the round's report: nobody is routed away without a word."""

from __future__ import annotations

from typing import Any

MOST_PEOPLE = 30


def routing_sentences(picked: dict[str, Any], reasked: int) -> str:
    """For report.md; empty where anybody may answer and nobody is asked again.

    Args:
        picked: selection.json.
        reasked: questions that were put again.
    """
    again = f"{reasked} questions were put again to whom they had been put before." if reasked else ""
    if "routing" not in picked:
        return f"\n\n{again}" if again else ""
    answers, people = picked["routing"]["answers"], picked["routing"]["people"]
    said = [f"{answers['skill']} answers were asked for by skill", f"{answers['explore']} of people by lot"]
    if answers["expert"]:
        said.append(f"{answers['expert']} of experts")
    most = sorted(people, key=lambda name: (-people[name]["answers"], name))
    each = [f"{name} {people[name]['answers']} ({people[name]['proven']:.2f})" for name in most[:MOST_PEOPLE]]
    more = f", and {len(most) - MOST_PEOPLE} more" if len(most) > MOST_PEOPLE else ""
    left = picked["routing"]["without_anybody"]
    missing = f" For {left} nobody was left." if left else ""
    return (
        f"\n\n{', '.join(said)}. Asked of each (in brackets the chance of a right answer that is proven): "
        f"{', '.join(each)}{more}.{missing} {again}".rstrip()
    )
