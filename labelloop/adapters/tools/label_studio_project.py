"""The campaign's project on a Label Studio server: made once, found again by its description."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any

from labelloop import files
from labelloop.adapters.tools.base import Project
from labelloop.adapters.tools.label_studio_config import label_config, updated_config
from labelloop.adapters.tools.label_studio_server import LostReplyError, NotThereError, Server
from labelloop.adapters.tools.project_file import as_written, read_project
from labelloop.errors import ToolError

if TYPE_CHECKING:
    from label_studio_sdk.client import LabelStudio
    from label_studio_sdk.projects.client_ext import ProjectExt

IN_TURN = "Sequential sampling"
LEAST_CERTAIN_FIRST = "Uncertainty sampling"
"""By the predictions' score, as long as their version is the project's; else the server draws at random."""

RECENT = 60.0
"""Seconds for which a push takes the project as it last was: it is many calls, and each would ask anew."""

LOOK_AFTER = 2.0
"""Seconds that a request may go on in the network or the server after its connection has broken."""


class LabelStudioProject:
    """The project that carries the campaign's name in its description."""

    def __init__(
        self, server: Server, path: Path, campaign: str, overlap: int, prelabels: str = "hidden"
    ) -> None:
        """Remember in `path` which project it is; nothing is asked yet.

        Args:
            prelabels: annotation.prelabels.
        """
        self._server, self._path, self._campaign = server, path, campaign
        self._overlap, self._prelabels = overlap, prelabels
        self._id: int | None = None
        self._seen: tuple[float, ProjectExt] | None = None
        self._made_at: str | None = None
        """When the server made the project; None where it does not tell."""

    @property
    def id(self) -> int:
        """The project's id.

        Raises:
            ToolError: the server has no project of this campaign.
        """
        if self._id is None:
            self._id = self._find()
        if self._id is None:
            raise ToolError(f"Label Studio at {self._server.url} has no project whose description says "
                            f"'{self._marker}'; it must be created before tasks are pushed")  # fmt: skip
        return self._id

    def exists(self) -> bool:
        """Whether the server has the project.

        Raises:
            ToolError: it had one and it was deleted, or several carry the campaign's name.
        """
        if self._id is None:
            self._id = self._find()
        return self._id is not None

    @property
    def shown(self) -> Project:
        """What the project was created for."""
        return read_project(self._path.with_name("schema.json"))

    def content(self) -> ProjectExt:
        """The project as the server tells it now."""
        number = self.id
        content = self._server.read(lambda client: client.projects.get(number))
        self._seen = (monotonic(), content)
        return content

    def recent(self) -> ProjectExt:
        """The project as the server told it not long ago; what was changed from here since is in it."""
        if self._seen is None or monotonic() - self._seen[0] > RECENT:
            return self.content()
        return self._seen[1]

    def create(self, project: Project) -> None:
        """Make the project, or adopt the one that is there and bring its question up to date.

        Raises:
            ToolError: what is there does not fit; says how to put it right.
        """
        if project.campaign != self._campaign:
            raise ToolError(f"this is campaign '{self._campaign}', but the project is to be made for "
                            f"'{project.campaign}'; use another folder for it")  # fmt: skip
        config = label_config(project)
        known = self._known()
        written: str | None = known.get("config")
        there = self._find()
        is_new = there is None
        if there is None:
            there = self._make(config)
        else:
            self._id = there
            content = self.content()
            change = updated_config(str(content.label_config or ""), project, written)
            if change is not None:
                self._update(label_config=change)
            elif written is not None:
                config = written
            self._adjust(content)
        self._id = there
        files.write_json(self._path.with_name("schema.json"), as_written(project))
        self.keep_notes_apart(is_new=is_new)
        which = {"url": self._server.url, "id": there, "made_at": self._made_at}
        files.write_json(self._path, {**known, **which, "config": config})
        if known.get("model_version"):
            self._use(known["model_version"])  # a push may have been cut off before it was told

    def keep_notes_apart(self, *, is_new: bool = False) -> None:
        """Move away what polls have noted of an earlier project of this id, if there is any.

        A server whose data were deleted gives the same ids again.

        Args:
            is_new: whether the project was made just now, so that no note can be about it.
        """
        folder = self._path.with_name(f"project-{self.id}")
        path = folder / "made.json"
        noted = files.read_json(path).get("at") if path.exists() else None
        is_other = noted is not None and self._made_at is not None and noted != self._made_at
        if folder.exists() and (is_new or is_other):
            old = 1
            while folder.with_name(f"{folder.name}-old-{old}").exists():
                old += 1
            folder.rename(folder.with_name(f"{folder.name}-old-{old}"))
            noted = None
        if noted is None and self._made_at is not None:
            files.write_json(path, {"at": self._made_at})

    def intend(self, model_version: str) -> None:
        """Write down which model's predictions are about to be pushed."""
        if self._known().get("model_version") != model_version:
            files.write_json(self._path, self._known() | {"model_version": model_version})

    def announce(self, model_version: str) -> None:
        """Let the queue deal the tasks that this model is least certain of first.

        The server orders by predictions only while the project's model version is theirs. A person's choice
        of another order than the usual one stays.
        """
        self._use(model_version)

    def _use(self, model_version: str) -> None:
        content = self.content()
        change: dict[str, Any] = {}
        if content.model_version != model_version:
            change["model_version"] = model_version
        if content.sampling == IN_TURN and self._prelabels != "none":
            change["sampling"] = LEAST_CERTAIN_FIRST
        if change and content.total_predictions_number:
            self._update(**change)

    def _adjust(self, content: ProjectExt) -> None:
        shown = self._prelabels == "shown"
        if bool(content.show_collab_predictions) != shown:
            # Hiding them makes the server forget the model version: whoever pushes next announces it again.
            self._update(show_collab_predictions=shown)
        if content.maximum_annotations != self._overlap and content.task_number == 0:
            # Later the server would change the tasks that are there along with the project.
            self._update(maximum_annotations=self._overlap)
        if self._prelabels == "none" and content.sampling == LEAST_CERTAIN_FIRST:
            self._update(sampling=IN_TURN)

    def _update(self, **change: Any) -> None:
        number = self.id
        self._seen = None
        self._server.read(lambda client: client.projects.update(number, **change))

    @property
    def _marker(self) -> str:
        return f"labelloop campaign: {self._campaign}"

    def _known(self) -> dict[str, Any]:
        return dict(files.read_json(self._path)) if self._path.exists() else {}

    def _find(self) -> int | None:
        """The project that is remembered, or else the one whose description names the campaign.

        Raises:
            ToolError: the remembered one was deleted or is another campaign's, or several carry the name.
        """
        known = self._known()
        if known.get("url") == self._server.url:
            number = int(known["id"])
            self._made_at = self._check_remembered(number, known.get("made_at"))
            return number
        found = [(number, at) for number, text, at in self._projects() if self._marker in _lines(text)]
        if len(found) > 1:
            numbers = [number for number, _ in found]
            raise ToolError(f"the projects {numbers} of Label Studio at {self._server.url} all have "
                            f"'{self._marker}' in their description; take it out of all but one")  # fmt: skip
        if not found:
            return None
        number, self._made_at = found[0]
        return number

    def _check_remembered(self, number: int, made_at: str | None) -> str | None:
        """When the server made the project, after making sure that it is the one that is remembered.

        Ids begin anew when a server's data are deleted: then another project may have this one.
        """
        again = (
            f"to ask the open round again in a new project, delete {self._path} and the round's pushed.jsonl"
        )

        def told(client: LabelStudio) -> tuple[object, str | None]:
            project = client.projects.get(number)
            return project.description, _instant(project.created_at)

        try:
            description, at = self._server.read(told)
        except NotThereError:
            raise ToolError(
                f"project {number} of campaign '{self._campaign}' was deleted from Label Studio at "
                f"{self._server.url}. What was collected is safe. Restore the project from the server's "
                f"backup; or, {again}"
            ) from None
        if self._marker not in _lines(description):
            raise ToolError(
                f"project {number} of Label Studio at {self._server.url} is not known as campaign "
                f"'{self._campaign}' any more: its description does not say '{self._marker}'. Nothing was "
                "pushed to it or read from it; what was collected is safe. If it is the campaign's project, "
                "put that line back in its description. If the server's data were deleted and this is "
                f"another's project, restore them from a backup; or, {again}"
            )
        if made_at is not None and at is not None and at != made_at:
            raise ToolError(
                f"project {number} of Label Studio at {self._server.url} was made on {at}, but the one that "
                f"campaign '{self._campaign}' works in was made on {made_at}: the server's data are gone. "
                f"What was collected is safe. Restore them from a backup; or, {again}"
            )
        return at

    def _projects(self) -> list[tuple[int, object, str | None]]:
        """Ids and descriptions of all projects, and when they were made."""

        def listed(client: LabelStudio) -> list[tuple[int, object, str | None]]:
            projects: Iterable[Any] = client.projects.list(include="id,description,created_at", page_size=100)
            return [(int(one.id), one.description, _instant(one.created_at)) for one in projects]

        return self._server.read(listed)

    def _make(self, config: str) -> int:
        """A new project, once: a lost reply is followed by a look, when what was on its way has arrived."""
        try:
            return self._make_once(config)
        except LostReplyError:
            self._server.pause(LOOK_AFTER)
            there = self._find()
            return self._make_once(config) if there is None else there

    def _make_once(self, config: str) -> int:
        made = self._server.add(
            lambda client: client.projects.create(
                title=f"labelloop {self._campaign}"[:50],
                description=self._marker,
                label_config=config,
                maximum_annotations=self._overlap,
                skip_queue="REQUEUE_FOR_OTHERS",
                sampling=IN_TURN,
                show_skip_button=True,
                enable_empty_annotation=False,
                show_collab_predictions=self._prelabels == "shown",
                show_annotation_history=False,
            )
        )
        self._made_at = _instant(made.created_at)
        return int(made.id or 0)


def _lines(text: object) -> list[str]:
    return [line.strip() for line in str(text or "").splitlines()]


def _instant(at: object) -> str | None:
    """To the second: databases differ in what they keep of a fraction."""
    if not isinstance(at, datetime):
        return None
    return (at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)).isoformat(timespec="seconds")
