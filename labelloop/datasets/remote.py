"""Pools on object storage: a file behind a URL is copied once, and read like any other from there on.

Whatever fsspec knows is read: `s3://`, `gs://`, `abfs://`, `https://` ... What a URL needs beside itself
(keys, tokens, an endpoint) comes from where its library looks for it: the environment or its own files, never
from params.yaml. The copy lies in the campaign's `.labelloop/remote/`, with what the storage said of the file
then (size, ETag, time); when that changes, it is copied again. `prepare` digests the copy like a file of this
machine, so data that changed under a running campaign is refused.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from labelloop import files
from labelloop.errors import DataError, DiskError

_EXTRAS = {
    "s3": "s3",
    "s3a": "s3",
    "gs": "gcs",
    "gcs": "gcs",
    "abfs": "azure",
    "abfss": "azure",
    "az": "azure",
}
_STATE = ("size", "ETag", "etag", "LastModified", "last_modified", "mtime", "created", "updated", "md5Hash")
"""What storages say of a file that changes when its content does."""
_SECRETS = ("key", "secret", "token", "sig", "signature", "credential", "password")


def is_remote(written: str) -> bool:
    """Whether a path is a URL."""
    return "://" in written


def fetch(url: str, root: Path, setting: str) -> Path:
    """The local copy of the file behind `url`, made or renewed where needed.

    Args:
        url: of one file.
        root: the campaign's folder.
        setting: the field of `dataset` that names it, for messages.

    Returns:
        A path that ends in the URL's own file name.

    Raises:
        DataError: the URL carries a secret, nothing is there, it is a folder, the package for this kind of
            storage is missing, or the storage does not answer.
    """
    _refuse_secrets(url, setting)
    system, path = _opened(url, setting)
    if "file" in _protocols(system):
        local = Path(path)
        if local.is_file():
            return local
        raise DataError(f"dataset.{setting}: {url!r} is no file of this machine (looked for {local})")
    state = _state(system, path, url, setting)
    folder = root / ".labelloop" / "remote" / hashlib.sha256(url.encode()).hexdigest()[:16]
    copy = folder / Path(urlsplit(url).path or path).name
    about = folder / "state.json"
    if copy.exists() and about.exists() and files.read_json(about) == state:
        return copy
    about.unlink(missing_ok=True)
    with files.atomic_path(copy) as temporary, _told(url, setting):
        system.get_file(path, str(temporary))
        size = temporary.stat().st_size
        if str(size) != state.get("size", str(size)):
            raise DataError(
                f"dataset.{setting}: {url!r} broke off after {size} of {state['size']} bytes; run the same "
                "command again"
            )
    files.write_json(about, state)
    return copy


def place_copy(copy: Path, scratch: Path) -> None:
    """Make `scratch` the same file as `copy`, without a second copy where the file system can."""
    scratch.unlink(missing_ok=True)
    try:
        os.link(copy, scratch)
    except OSError:
        shutil.copyfile(copy, scratch)


def _refuse_secrets(url: str, setting: str) -> None:
    parts = urlsplit(url)
    named = [name for name, _ in parse_qsl(parts.query) if any(word in name.lower() for word in _SECRETS)]
    if parts.password or (parts.username and parts.scheme not in ("abfs", "abfss", "az", "wasb", "wasbs")):
        named.append("a user or password before the @")
    if named:
        # The secret itself is not repeated: messages end up in logs.
        raise DataError(
            f"dataset.{setting}: the URL on {parts.hostname or parts.scheme} carries {named[0]}. params.yaml "
            "is committed, so secrets have no place in it; put them into the environment (for S3 "
            "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY) or the storage's own configuration"
        )


def _opened(url: str, setting: str) -> tuple[Any, str]:
    from fsspec.core import url_to_fs

    scheme = urlsplit(url).scheme
    try:
        system, path = url_to_fs(url, use_listings_cache=False)
    except ImportError as error:
        extra = _EXTRAS.get(scheme)
        install = f"pip install -c constraints.txt -e '.[{extra}]'" if extra else str(error)
        raise DataError(
            f"dataset.{setting}: {url!r} needs a package for {scheme}:// that is not installed; {install}"
        ) from error
    except ValueError as error:
        raise DataError(
            f"dataset.{setting}: {url!r}: {error}. Known are the protocols of fsspec, such as s3, gs, abfs "
            "and https; a path of this machine has no '://'"
        ) from error
    return system, path


def _protocols(system: Any) -> tuple[str, ...]:
    protocol = system.protocol
    return (protocol,) if isinstance(protocol, str) else tuple(protocol)


def _state(system: Any, path: str, url: str, setting: str) -> dict[str, str]:
    with _told(url, setting):
        info = system.info(path)
    if info.get("type") == "directory":
        raise DataError(
            f"dataset.{setting}: {url!r} is a folder; name one file: a table, a .npy or a .npz. Images on "
            "object storage are best packed into a .npz, or copied to this machine"
        )
    return {name: str(info[name]) for name in _STATE if info.get(name) is not None}


@contextlib.contextmanager
def _told(url: str, setting: str) -> Iterator[None]:
    """Turn what storages raise into a message; each library has errors of its own."""
    try:
        yield
    except (DataError, DiskError):
        raise
    except FileNotFoundError as error:
        raise DataError(f"dataset.{setting}: nothing is at {url!r}; check bucket and path") from error
    except PermissionError as error:
        raise DataError(
            f"dataset.{setting}: {url!r} may not be read ({error}); give this machine the right to, in the "
            "environment or the storage's own configuration"
        ) from error
    except Exception as error:
        raise DataError(
            f"dataset.{setting}: {url!r} could not be read: {type(error).__name__}: {error}"
        ) from error
