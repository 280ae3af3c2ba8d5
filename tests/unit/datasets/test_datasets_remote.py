"""Pools behind a URL: copied once, digested, and told well when they cannot be read."""

from __future__ import annotations

import io
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import fsspec
import numpy as np
import pytest

from labelloop.campaign import Dataset
from labelloop.datasets import remote, source_files
from labelloop.errors import DataError

FEATURES = np.arange(36).reshape(12, 3).astype(np.float32)
TABLE = "text,label\n" + "".join(f"text number {row},{'ab'[row % 2]}\n" for row in range(12))


@pytest.fixture
def bucket() -> Iterator[str]:
    """A bucket in this process's memory, and its URL."""
    system = fsspec.filesystem("memory")
    system.pipe("/bucket/pool.npy", npy(FEATURES))
    system.pipe("/bucket/labels.npy", npy(np.arange(12) % 2))
    system.pipe("/bucket/pool.csv", TABLE.encode())
    yield "memory://bucket"
    system.rm("/bucket", recursive=True)


def npy(array: np.ndarray) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


def arrays(bucket: str) -> dict[str, str]:
    return {"kind": "arrays", "path": f"{bucket}/pool.npy", "labels_path": f"{bucket}/labels.npy"}


def test_arrays_of_a_bucket_are_in_the_prepared_data(run, root, bucket):
    """Not in the copy, which other machines do not have: whoever pulls data/ has the pool."""
    result = run(**arrays(bucket))
    fsspec.filesystem("memory").rm("/bucket/pool.npy")
    assert result.prepared.pool.inputs(np.array([7, 2])).tolist() == [[21, 22, 23], [6, 7, 8]]
    assert result.prepared.pool.ids[3] == "pool-00000003"
    assert (result.out / "pool.npy").read_bytes() == npy(FEATURES)
    fsspec.filesystem("memory").pipe("/bucket/pool.npy", npy(FEATURES))


def test_a_url_gives_the_same_data_as_a_path(run, root, bucket, write):
    """Byte by byte, but for the path to the campaign's root."""
    write("pool.csv", TABLE)
    settings = {"kind": "table", "text_columns": ["text"], "label_column": "label"}
    near = run(**settings, path="pool.csv", out="near")
    far = run(**settings, path=f"{bucket}/pool.csv", out="far")
    names = sorted(path.name for path in near.out.iterdir())
    assert names == sorted(path.name for path in far.out.iterdir())
    for name in names:
        if name != "dataset.json":
            assert (near.out / name).read_bytes() == (far.out / name).read_bytes()


def test_a_file_is_copied_once_until_it_changes(root, bucket, monkeypatch):
    """A second look asks the storage only whether it is still the same."""
    fetched = []
    system = type(fsspec.filesystem("memory"))
    get = system.get_file
    monkeypatch.setattr(system, "get_file", lambda *words, **more: (fetched.append(1), get(*words, **more)))
    url = f"{bucket}/pool.csv"
    first = remote.fetch(url, root, "path")
    assert remote.fetch(url, root, "path") == first
    assert len(fetched) == 1
    fsspec.filesystem("memory").pipe("/bucket/pool.csv", TABLE.replace("number", "item").encode())
    assert "item" in remote.fetch(url, root, "path").read_text()
    assert len(fetched) == 2


def test_a_copy_that_broke_off_is_no_copy(root, bucket, monkeypatch):
    """Nothing is left of it, and the next call gets the whole file."""
    system = type(fsspec.filesystem("memory"))
    with monkeypatch.context() as patch:
        patch.setattr(system, "get_file", lambda self, path, to, **_: Path(to).write_bytes(b"half"))
        with pytest.raises(DataError, match="broke off after 4 of"):
            remote.fetch(f"{bucket}/pool.csv", root, "path")
    assert [path for path in (root / ".labelloop").rglob("*") if path.is_file()] == []
    assert remote.fetch(f"{bucket}/pool.csv", root, "path").read_text() == TABLE


def test_sources_are_the_copies_so_that_their_change_is_noticed(root, bucket):
    """`prepare` digests them."""
    sources = source_files(Dataset(**arrays(bucket)), root)
    assert [path.name for path in sources] == ["pool.npy", "labels.npy"]
    assert sources[0].read_bytes() == npy(FEATURES)


def test_a_file_url_is_read_where_it_lies(root, write):
    """This machine's own file needs no copy."""
    path = write("pool.csv", TABLE)
    assert remote.fetch(path.as_uri(), root, "path") == path
    with pytest.raises(DataError, match="no file of this machine"):
        remote.fetch(path.with_name("other.csv").as_uri(), root, "path")


def test_http_is_read_from_a_server(run, root, tmp_path):
    """A real connection, on loopback."""
    served = tmp_path / "served"
    served.mkdir()
    (served / "pool.npy").write_bytes(npy(FEATURES))
    quiet = type("Quiet", (SimpleHTTPRequestHandler,), {"log_message": lambda *_: None})
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(quiet, directory=str(served))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}"
        result = run(kind="arrays", path=f"{url}/pool.npy", classes=("a", "b"))
        assert result.prepared.pool.inputs(slice(1, 2)).tolist() == [[3, 4, 5]]
        with pytest.raises(DataError, match=r"nothing is at 'http://127.*other\.npy'"):
            remote.fetch(f"{url}/other.npy", root, "path")
        server.shutdown()


@pytest.mark.parametrize(("scheme", "extra"), [("s3", "s3"), ("gs", "gcs"), ("abfs", "azure")])
def test_a_missing_package_is_named(scheme, extra, root, monkeypatch):
    """With what to install."""
    import fsspec.core

    def missing(url, **_):
        raise ImportError("Install it")

    monkeypatch.setattr(fsspec.core, "url_to_fs", missing)
    with pytest.raises(DataError, match=rf"for {scheme}:// that is not installed.*'\.\[{extra}\]'"):
        remote.fetch(f"{scheme}://bucket/pool.npy", root, "path")


@pytest.mark.parametrize(
    "url",
    [
        "https://ann:hunter2@host/pool.npy",
        "https://host/pool.npy?X-Amz-Signature=hunter2",
        "https://host/pool.npy?sv=1&sig=hunter2",
        "s3://AKIA:hunter2@bucket/pool.npy",
    ],
)
def test_a_secret_in_a_url_is_refused_and_not_repeated(url, root):
    """params.yaml is committed; a message ends up in logs."""
    with pytest.raises(DataError, match="secrets have no place") as told:
        remote.fetch(url, root, "path")
    assert "hunter2" not in str(told.value)


def test_what_cannot_be_read_is_told(run, root, bucket):
    """Unknown protocols, folders, images."""
    with pytest.raises(DataError, match="nosuch"):
        remote.fetch("nosuch://x/pool.npy", root, "path")
    with pytest.raises(DataError, match="is a folder"):
        remote.fetch(bucket, root, "test_path")
    with pytest.raises(DataError, match="images are read from this machine"):
        run(kind="images", path=f"{bucket}/pictures", label_column="folder")
