"""Search for secrets in everything that a campaign leaves behind: as it is, unpacked, and in encodings."""

from __future__ import annotations

import base64
import gzip
import sqlite3
import subprocess
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pandas as pd


def parts_of(*secrets: str) -> set[str]:
    """Secrets, their halves, and what encodings make of them."""
    needles = set(secrets)
    for secret in secrets:
        half = len(secret) // 2
        needles |= {secret[:half], secret[half:]}
        needles |= {base64.b64encode(secret.encode()[n:]).decode()[4:24] for n in range(3)}
        needles.add(secret.encode().hex())
    return needles


def found(content: bytes, needles: set[str]) -> list[str]:
    return [needle for needle in needles if needle.encode() in content]


def kept(root: Path) -> Iterator[tuple[str, bytes]]:
    """Everything that a campaign keeps, but .env: files as they are and unpacked, and git's objects."""
    yield from kept_files(root)
    batch = ["git", "-C", str(root), "cat-file", "--batch-all-objects", "--batch"]
    for number, content in enumerate(
        subprocess.run(batch, capture_output=True, check=True).stdout.split(b"\n")
    ):
        yield f"git object, line {number}", content


def kept_files(root: Path) -> Iterator[tuple[str, bytes]]:
    """Every file of a folder, but its .env, as it is and unpacked."""
    for path in sorted(root.rglob("*")):
        if path.is_file() and path != root / ".env":
            name = str(path.relative_to(root))
            yield name, path.read_bytes()
            yield from unpacked(name, path)


def unpacked(name: str, path: Path) -> Iterator[tuple[str, bytes]]:
    """What a packed file holds; a database's text also where it runs over two pages."""
    start = path.read_bytes()[:16]
    if start.startswith(b"PAR1"):
        frame = pd.read_parquet(path)
        yield name, frame.to_csv(index=False).encode() + str(frame.attrs).encode()
    elif start.startswith(b"SQLite format 3"):
        with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as database:
            yield name, "\n".join(database.iterdump()).encode()
    elif start.startswith(b"\x1f\x8b"):
        yield name, gzip.decompress(path.read_bytes())
    elif zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            for member in archive.namelist():
                yield f"{name}/{member}", archive.read(member)
