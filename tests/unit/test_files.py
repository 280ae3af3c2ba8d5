"""Files are whole or not there, and digests notice every change."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from labelloop import files
from labelloop.errors import DamagedFileError, DiskError


def test_a_failed_write_leaves_what_was_there(tmp_path: Path) -> None:
    """An exception in the middle of a write changes nothing and leaves no temporary."""
    path = tmp_path / "table"
    files.write_text(path, "before")
    with pytest.raises(RuntimeError), files.atomic_path(path) as temporary:
        temporary.write_text("half of it")
        raise RuntimeError
    assert path.read_text() == "before"
    assert list(tmp_path.iterdir()) == [path]


def test_a_full_disk_is_said_and_loses_nothing(tmp_path: Path) -> None:
    """A full disk gives an error that names the file; the old content stays."""
    path = tmp_path / "table"
    files.write_text(path, "before")
    with pytest.raises(DiskError, match=r"table.*untouched"), files.atomic_path(path) as temporary:
        temporary.write_text("half")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    assert path.read_text() == "before"
    assert list(tmp_path.iterdir()) == [path]


def test_a_really_full_disk_is_said_and_loses_nothing(tmp_path: Path) -> None:
    """A process whose files may not grow any further gets the same error from a real write."""
    path = tmp_path / "table"
    files.write_text(path, "before")
    code = (
        "import resource, signal, sys; from pathlib import Path; from labelloop import files\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))\n"
        "files.write_bytes(Path(sys.argv[1]), b'x' * 100_000)\n"
    )
    run = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=False)
    assert "DiskError" in run.stderr and "untouched" in run.stderr
    assert path.read_text() == "before"
    assert list(tmp_path.iterdir()) == [path]


def test_killed_writers_never_leave_half_a_file(tmp_path: Path) -> None:
    """kill -9 at random moments of rewriting: a reader sees one version whole, never a mixture."""
    path = tmp_path / "table"
    code = (
        "import sys; from pathlib import Path; from labelloop import files\n"
        "n = 0\n"
        "while True:\n"
        "    n += 1; files.write_bytes(Path(sys.argv[1]), str(n % 10).encode() * 50_000)\n"
    )
    for turn in range(5):
        writer = subprocess.Popen([sys.executable, "-c", code, str(path)])
        deadline = time.monotonic() + 20
        while not path.exists() and time.monotonic() < deadline:
            time.sleep(0.01)
        time.sleep(0.05 + 0.013 * turn)
        writer.kill()
        writer.wait()
        content = path.read_bytes()
        assert len(content) == 50_000 and len(set(content)) == 1


def test_a_folder_is_replaced_as_a_whole(tmp_path: Path) -> None:
    """Replacing a folder leaves no file of the old one."""
    folder = tmp_path / "model"
    for name in ("old", "new"):
        with files.atomic_path(folder) as temporary:
            temporary.mkdir()
            (temporary / name).write_text(name)
    assert [path.name for path in folder.iterdir()] == ["new"]
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


def test_a_torn_last_line_is_dropped_and_cut_off(tmp_path: Path) -> None:
    """A line without its end was never acknowledged: readers leave it out, the next append replaces it."""
    path = tmp_path / "pushed.jsonl"
    files.append_line(path, {"n": 1})
    with path.open("a") as stream:
        stream.write('{"n": 2')
    assert files.read_lines(path) == [{"n": 1}]
    files.append_line(path, {"n": 3})
    assert files.read_lines(path) == [{"n": 1}, {"n": 3}]


def test_a_damaged_line_is_named(tmp_path: Path) -> None:
    """A whole line that is not JSON is damage, told with its number."""
    path = tmp_path / "pushed.jsonl"
    path.write_text('{"n": 1}\nnonsense\n')
    with pytest.raises(DamagedFileError, match="line 2"):
        files.read_lines(path)


def test_the_digest_of_a_folder_sees_names_and_contents(tmp_path: Path) -> None:
    """Renaming a file, or moving a byte from one to another, changes the digest."""
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "a").write_text("xy")
    (folder / "b").write_text("z")
    first = files.digest(folder)
    (folder / "a").write_text("x")
    (folder / "b").write_text("yz")
    assert files.digest(folder) != first
    (folder / "b").rename(folder / "c")
    (folder / "c").write_text("z")
    (folder / "a").write_text("xy")
    assert files.digest(folder) != first
