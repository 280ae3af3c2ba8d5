"""Pictures that people are shown: decoding image files, and pixels as a small PNG within the payload."""

from __future__ import annotations

import base64
import struct
import zlib
from pathlib import Path
from typing import BinaryIO

import numpy as np

from labelloop.errors import DataError

ENDINGS = (".png", ".jpg", ".jpeg")


def decode(path: Path | BinaryIO, mode: str) -> np.ndarray:
    """Pixels of an image file, the right way up (EXIF), at its full size.

    Args:
        path: a PNG or JPEG file, or what one holds.
        mode: `L` for shape (height, width), `RGB` for shape (height, width, 3).

    Returns:
        uint8.

    Raises:
        DataError: the file cannot be read as an image.
    """
    from PIL import Image, ImageOps

    try:
        with Image.open(path) as opened:
            image = ImageOps.exif_transpose(opened)
            if image.mode.startswith("I"):
                # Pillow cuts 16-bit greys off at 255, which turns most of them white.
                image = Image.fromarray(
                    (np.asarray(image).astype(np.int64) >> 8).clip(0, 255).astype(np.uint8)
                )
            return np.asarray(image.convert(mode), dtype=np.uint8)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        name = f"image {path}" if isinstance(path, Path) else "an image"
        raise DataError(f"{name} cannot be read: {error}") from None


def resized(pixels: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Pixels resized to `size` (height, width), bilinear, averaging where it gets smaller."""
    from PIL import Image

    height, width = size
    if pixels.shape[:2] == (height, width):
        return pixels
    return np.asarray(
        Image.fromarray(pixels).resize((width, height), Image.Resampling.BILINEAR), dtype=np.uint8
    )


def png_uri(pixels: np.ndarray) -> str:
    """Pixels as a `data:` address of a PNG, which every labeling tool can show; see `png`."""
    return "data:image/png;base64," + base64.b64encode(png(pixels)).decode()


def png(pixels: np.ndarray) -> bytes:
    """Pixels as what a PNG file holds.

    Args:
        pixels: shape (height, width) or (height, width, 1) grey, (height, width, 3) RGB or (..., 4) RGBA;
            uint8.
    """
    if pixels.ndim == 3 and pixels.shape[2] == 1:
        pixels = pixels[:, :, 0]
    colour_type = 0 if pixels.ndim == 2 else {3: 2, 4: 6}[pixels.shape[2]]
    height, width = pixels.shape[:2]
    lines = np.ascontiguousarray(pixels).reshape(height, -1)
    filtered = np.hstack([np.zeros((height, 1), dtype=np.uint8), lines]).tobytes()
    header = struct.pack(">IIBBBBB", width, height, 8, colour_type, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        _chunk(kind, body)
        for kind, body in ((b"IHDR", header), (b"IDAT", zlib.compress(filtered)), (b"IEND", b""))
    )


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
