"""Three people with accounts of their own work the queue through the web page."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import live_campaigns
import pytest
from browser import PageAnnotator, answered_by, chromium
from live_server import LiveServer

from labelloop import tables
from labelloop.workspace import Workspace

pytestmark = pytest.mark.live

PEOPLE = ("ada", "ben", "cy")


def test_three_people_label_a_campaign_by_clicking(
    live_server: LiveServer, labelloop: Any, tmp_path: Path
) -> None:
    """Each item gets exactly its number of different people, nobody sees another's answer, a skip goes on.

    The first round is opened by "Label All Tasks", the second by the link; `advance` takes both in.
    """
    root = live_campaigns.make(tmp_path / "campaign", labelloop, live_server)
    first = labelloop("advance", root, "--plain")
    assert first.code == 0, first
    project = live_server.project("live")
    assert project is not None
    with chromium() as browser:
        people = [PageAnnotator(browser, live_server.url, *live_server.logins[name]) for name in PEOPLE]
        work_together(people, [person.open_queue(project["id"]) for person in people], skip_one=True)
        check_everybody_was_asked(live_server, people)
        second = labelloop("advance", root, "--plain")
        assert second.code == 0 and Workspace.at(root).rounds()[-1].id == "r001", second
        r000 = {task for person in people for task in person.clicked}
        work_together(people, [person.follow_link(project["id"]) for person in people])
        assert {task for person in people for task in person.clicked} > r000
        check_everybody_was_asked(live_server, people)
        people[0].picture(tmp_path / "no_more_tasks.png")
        done = labelloop("advance", root, "--plain")
        assert done.code == 0 and "max_rounds" in done.out, done
        for person in people:
            check_blind(live_server, person)
        # The search finds what is there: outside the queue, a task's page does tell what others said.
        people[0].look_at(project["id"], people[0].task["id"])
        with pytest.raises(AssertionError):
            check_blind(live_server, people[0])
    check_votes(root, live_server, people)


def check_blind(server: LiveServer, person: PageAnnotator) -> None:
    """Nothing that this person's pages were sent or show is another's answer, or the model's."""
    users = {user["email"]: user["id"] for user in server.client().get("/api/users/").json()}
    told = {account for reply in person.replies for account in answered_by(reply)}
    assert told == {users[person.login]}
    assert all(not task["annotations"] and not task["predictions"] for task in person.dealt)
    others = set(users) - {person.login}
    assert not any(login in person.text() for login in others)


@pytest.mark.parametrize("prelabels", ["shown", "hidden"])
def test_the_page_shows_prelabels_only_when_told_to(
    live_server: LiveServer, labelloop: Any, tmp_path: Path, prelabels: str
) -> None:
    """Shown, they are chosen beforehand, but never on the control arm; the vote says which one was there."""
    root = live_campaigns.make(
        tmp_path / "campaign",
        labelloop,
        live_server,
        annotation={"overlap": 1, "test_overlap": 1, "prelabels": prelabels},
        acquisition={"batch_size": 10, "control_share": 0.3},
    )
    assert labelloop("advance", root, "--plain").code == 0
    live_server.work_queue("ben", "live", lambda data: str(len(data["image"]) % 3))
    said = labelloop("advance", root, "--plain")
    assert said.code == 0, said
    workspace = Workspace.at(root)
    batch = tables.BATCH.read(workspace.round("r001").batch)
    project = live_server.project("live")
    assert project is not None
    chosen: dict[int, list[str]] = {}
    with chromium() as browser:
        person = PageAnnotator(browser, live_server.url, *live_server.logins["ada"])
        task = person.follow_link(project["id"])
        while task is not None:
            chosen[task["id"]] = before = person.checked()
            person.picture(tmp_path / f"{prelabels}_{task['id']}.png")
            # Every other time they take what is there, else they know better.
            agree = bool(before) and len(chosen) % 2 == 0
            other = str((int(before[0]) + 1) % 10) if before else "7"
            task = person.submit() if agree else person.answer(other)
    assert len(chosen) == len(batch) == 10
    if prelabels == "hidden":
        assert not any(chosen.values())
        assert not any(task["predictions"] for task in person.dealt)
        return
    assert sum(map(bool, chosen.values())) == (batch["arm"] == "strategy").sum() == 7
    assert labelloop("advance", root, "--plain").code == 0
    votes = tables.VOTES.read(workspace.round("r001").collected)
    votes = votes[votes["round"] == "r001"].set_index("item")
    arms = batch.set_index("item")["arm"]
    told = votes["prelabel"].dropna()
    assert set(told.index) == set(arms.index[arms == "strategy"])
    by_task = {int(ref.rpartition("=")[2]): value for ref, value in votes[["tool_ref", "prelabel"]].values}
    assert all(([by_task[number]] if known else []) == known for number, known in chosen.items())
    assert 0 < (votes["value"] == votes["prelabel"]).sum() < 7


def work_together(people: list[PageAnnotator], tasks: list[Any], *, skip_one: bool = False) -> None:
    """Everybody has a task open; in turn each answers theirs and gets the next, until nobody has one."""
    open_tasks = dict(zip(people, tasks, strict=True))
    while any(open_tasks.values()):
        for person, task in list(open_tasks.items()):
            if task is None:
                continue
            assert person.checked() == [], "a choice was made before the person made one"
            if skip_one and task["overlap"] == 2:
                skip_one = False
                open_tasks[person] = person.skip()
            else:
                open_tasks[person] = person.answer(str((task["id"] + people.index(person)) % 10))
    # What others passed on, or had open while this person's queue was empty, comes after a new look.
    waiting = [person.follow_link(person.task["project"]) for person in people]
    if any(waiting):
        work_together(people, waiting)


def check_everybody_was_asked(server: LiveServer, people: list[PageAnnotator]) -> None:
    for person in people:
        ids = [task["id"] for task in person.dealt]
        assert set(ids) == set(person.clicked)
        repeated = [task for task, times in Counter(ids).items() if times > 1]
        assert not repeated, f"{person.login} was dealt {repeated} twice"
    for task in server.tasks("live", fields="all"):
        gave = [a["completed_by"] for a in task["annotations"] if not a["was_cancelled"]]
        assert len(gave) == len(set(gave)) == task["overlap"], task
    skips = [t for t in server.tasks("live") if t["cancelled_annotations"]]
    assert len(skips) == 1


def check_votes(root: Path, server: LiveServer, people: list[PageAnnotator]) -> None:
    """The campaign has what was clicked, by whom, and nothing else."""
    votes = tables.VOTES.read(Workspace.at(root).rounds()[-1].collected)
    got = {
        (row.annotator, int(row.tool_ref.rpartition("=")[2])): row.value
        for row in votes.itertuples()
        if isinstance(row.value, str)
    }
    clicked = {(p.login, task): value for p in people for task, value in p.clicked.items() if value}
    assert got == clicked
