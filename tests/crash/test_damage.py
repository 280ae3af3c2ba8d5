"""A byte flipped in any file of a campaign is found, named, and makes nothing else change."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import campaigns
import pytest
from killing import Kill, command

PARTS = (
    "settings.yaml", "scores/scores.json", "scores/probabilities.npy", "batch.parquet", "asked.parquet",
    "pushed.jsonl", "tasks.parquet", "votes.parquet", "closed.json", "collected.parquet", "fused.parquet",
    "labels.parquet", "model/learner.json", "model/logistic.safetensors",
)  # fmt: skip
JUDGED = (
    "outcomes.parquet", "metrics.json", "savings.json", "stop_set.parquet", "stopping.json", "forecast.json",
    "per_class.csv", "confusion.csv", "learning_curve.csv", "report.md", "manifest.json",
)  # fmt: skip
NEEDED_NEXT = (
    "settings.yaml", "asked.parquet", "labels.parquet", "collected.parquet", "model/learner.json",
    "model/logistic.safetensors", "outcomes.parquet", "stop_set.parquet", "stopping.json", "forecast.json",
    "learning_curve.csv", "manifest.json",
)  # fmt: skip
"""Files of a closed round that the round after it reads."""
DERIVED = (
    "scores", "batch.parquet", "asked.parquet", "tasks.parquet", "collected.parquet", "fused.parquet",
    "labels.parquet", "model",
)  # fmt: skip
PLACES = (0.25, 0.5, 0.8)


@pytest.fixture(scope="module")
def before_evaluate(tmp_path_factory: pytest.TempPathFactory, before_second: Path) -> Path:
    """The second round is open and all but judged; not to be changed."""
    campaign = campaigns.copy(before_second, tmp_path_factory.mktemp("open") / "campaign")
    campaigns.killed(campaign, Kill("stage:evaluate", "before", "r001"))
    return campaign


@pytest.fixture(scope="module")
def before_third(tmp_path_factory: pytest.TempPathFactory, before_second: Path) -> Path:
    """Two rounds are closed; not to be changed."""
    campaign = campaigns.copy(before_second, tmp_path_factory.mktemp("closed") / "campaign")
    campaigns.killed(campaign, Kill("labelloop.loop:open_round", "before", "", 2))
    return campaign


def flip(path: Path, place: float) -> None:
    """Change one bit at a share of the file's length."""
    content = bytearray(path.read_bytes())
    content[int(len(content) * place)] ^= 1
    path.write_bytes(bytes(content))


def assert_named(output: str, name: str) -> None:
    """The error names the file, or the folder that is kept as a whole."""
    whole = name.partition("/")[0]
    assert "damaged" in output and f"rounds/r001/{whole}" in output.replace("\n", ""), output
    assert "Traceback" not in output


@pytest.mark.parametrize("name", PARTS)
def test_damage_to_the_open_round_stops_the_command(name: str, tmp_path: Path, before_evaluate: Path) -> None:
    """Every file of the open round is checked before anything is made of it."""
    campaign = campaigns.copy(before_evaluate, tmp_path / "campaign")
    path = campaign / "rounds" / "r001" / name
    whole = path.read_bytes()
    for place in PLACES:
        path.write_bytes(whole)
        flip(path, place)
        before = campaigns.contents(campaign, "rounds", "data")
        ended = command("run", "--plain", campaign)
        assert ended.code == 2, ended.output
        assert_named(ended.output, name)
        assert campaigns.contents(campaign, "rounds", "data") == before


@pytest.mark.parametrize("name", NEEDED_NEXT)
def test_damage_to_a_closed_round_stops_the_next(
    name: str, tmp_path: Path, before_third: Path, reference: dict[str, Any]
) -> None:
    """What a round needs of the one before is checked; once it is brought back the campaign ends as ever."""
    campaign = campaigns.copy(before_third, tmp_path / "campaign")
    flip(campaign / "rounds" / "r001" / name, 0.5)
    before = campaigns.contents(campaign, "rounds/r000", "rounds/r001", "data")
    ended = command("run", "--plain", campaign)
    assert ended.code == 2, ended.output
    assert_named(ended.output, name)
    assert campaigns.contents(campaign, "rounds/r000", "rounds/r001", "data") == before
    flip(campaign / "rounds" / "r001" / name, 0.5)
    campaigns.assert_same_end(campaigns.finished(campaign), reference)


def test_verify_finds_damage_to_any_file(tmp_path: Path, uninterrupted: Path) -> None:
    """`labelloop verify` names the one damaged file among all, and is content when none is."""
    from labelloop.verification import verify
    from labelloop.workspace import Workspace

    campaign = campaigns.copy(uninterrupted, tmp_path / "campaign")
    workspace = Workspace.at(campaign)
    assert (verify(workspace).damaged, verify(workspace).missing) == ({}, {})
    paths = [campaign / "rounds" / "r001" / name for name in (*PARTS, *JUDGED)]
    paths += [campaign / "rounds.yaml", campaign / "data" / "pool.parquet"]
    for path in paths:
        for place in PLACES:
            flip(path, place)
            name, found = path.relative_to(campaign).as_posix(), verify(workspace)
            assert any(name == bad or name.startswith(f"{bad}/") for bad in found.damaged), (name, found)
            flip(path, place)
    flip(campaign / "rounds" / "r000" / "report.md", 0.5)
    (campaign / "rounds" / "r001" / "fused.parquet").unlink()
    ended = command("verify", campaign)
    assert ended.code == 2
    assert "damaged: rounds/r000/report.md" in ended.output
    assert "missing: rounds/r001/fused.parquet" in ended.output


def test_verify_needs_no_receipts_for_what_manifests_name(tmp_path: Path, uninterrupted: Path) -> None:
    """On another machine, without receipts, the chain of manifests alone gives damage away."""
    from labelloop.verification import verify
    from labelloop.workspace import Workspace

    campaign = campaigns.copy(uninterrupted, tmp_path / "campaign")
    shutil.rmtree(campaign / ".labelloop")
    flip(campaign / "rounds" / "r000" / "votes.parquet", 0.5)
    flip(campaign / "rounds" / "r001" / "manifest.json", 0.5)
    assert {"rounds/r000/votes.parquet", "rounds/r001/manifest.json"} <= set(
        verify(Workspace.at(campaign)).damaged
    )


@pytest.mark.parametrize("name", DERIVED)
def test_a_deleted_file_is_made_again(
    name: str, tmp_path: Path, before_evaluate: Path, reference: dict[str, Any]
) -> None:
    """What is derived may be deleted: it comes back with the same bytes, and nobody is asked again."""
    campaign = campaigns.copy(before_evaluate, tmp_path / "campaign")
    path = campaign / "rounds" / "r001" / name
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    campaigns.assert_same_end(campaigns.finished(campaign), reference)


def test_damage_to_votes_is_found_while_people_still_answer(tmp_path: Path, before_second: Path) -> None:
    """The votes so far of a round that still waits have a digest of their own."""
    campaign = campaigns.copy(before_second, tmp_path / "campaign")
    campaigns.killed(campaign, Kill("labelloop.files:write_json", "after", "votes/r001.json", 2))
    path = campaign / "rounds" / "r001" / "votes.parquet"
    whole = path.read_bytes()
    for place in (0.02, 0.1, 0.2, 0.3, 0.4, 0.6, 0.8, 0.99):
        path.write_bytes(whole)
        flip(path, place)
        ended = command("run", "--plain", campaign)
        assert ended.code == 2, (place, ended.output)
        assert_named(ended.output, "votes.parquet")
