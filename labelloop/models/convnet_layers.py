"""The layers of the small convolutional network."""

from __future__ import annotations

import copy

import numpy as np
import torch
from torch import nn
from torch.nn import functional

_STEM_SIDE = 64
"""Larger images are first shrunk to about this side by a strided convolution."""

_FINAL_SIDE = 4
"""Blocks end, or the last map is averaged, at about this side: position still counts a little."""


class Pixels(nn.Module):
    """Turns uint8 images (n, h, w[, c]) into standardised float maps (n, c, h, w)."""

    mean: torch.Tensor
    scale: torch.Tensor

    def __init__(self, channels: int, images: np.ndarray | None) -> None:
        super().__init__()
        mean, scale = np.zeros(channels), np.ones(channels)
        if images is not None:
            pixels = images.reshape(-1, channels)
            mean = pixels.mean(axis=0, dtype=np.float64)
            scale = np.maximum(pixels.std(axis=0, dtype=np.float64), 1.0)
        self.register_buffer("mean", torch.tensor(mean, dtype=torch.float32).view(1, -1, 1, 1))
        self.register_buffer("scale", torch.tensor(scale, dtype=torch.float32).view(1, -1, 1, 1))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        maps = images.unsqueeze(1) if images.dim() == 3 else images.permute(0, 3, 1, 2)
        standardised = (maps.float() - self.mean) / self.scale
        return standardised.contiguous(memory_format=torch.channels_last)


class AverageTo(nn.Module):
    """Averages maps down to at most `side` by `side`, in equal windows.

    Not torch's adaptive pooling: its gradient is not deterministic on a GPU.
    """

    def __init__(self, side: int) -> None:
        super().__init__()
        self.side = side

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        window = [max(1, -(-size // self.side)) for size in maps.shape[-2:]]
        return functional.avg_pool2d(maps, window)


def build_network(
    shape: tuple[int, int, int],
    n_targets: int,
    *,
    width: int,
    hidden: int,
    dropout: float,
    images: np.ndarray | None,
) -> nn.Sequential:
    """Build the network; without its last layer it is the embedding.

    Args:
        shape: height, width and channels of the images.
        n_targets: classes to tell apart.
        images: training images, for the mean and spread of each channel; None when weights are loaded.
    """
    height, breadth, channels = shape
    stride = max(1, min(height, breadth) // _STEM_SIDE)
    layers: list[nn.Module] = [Pixels(channels, images)]
    before, side = channels, min(height, breadth) // stride
    for number in range(3):
        following = width * 2**number
        layers += _block(before, following, stride if number == 0 else 1, side >= _FINAL_SIDE)
        before, side = following, side // 2
        if side < _FINAL_SIDE:
            break
    layers.append(AverageTo(_FINAL_SIDE))
    with torch.random.fork_rng(devices=[]), torch.inference_mode():
        flat = nn.Sequential(*layers)(torch.zeros(1, height, breadth, channels)).numel()
    layers += [
        nn.Flatten(), nn.Dropout(dropout), nn.Linear(flat, hidden), nn.ReLU(), nn.Linear(hidden, n_targets),
    ]  # fmt: skip
    # On a CPU these small convolutions run twice as fast with the channels of a pixel side by side.
    network: nn.Sequential = nn.Sequential(*layers).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return network


def without_units(network: nn.Sequential, left_out: float, seed: int) -> nn.Sequential:
    """A copy of the network for which dropout has fallen once and for all, on the same units for every image.

    Args:
        left_out: share of the units; what is kept is scaled up, as in training.
    """
    thinned = copy.deepcopy(network)
    after = next(number for number, layer in enumerate(thinned) if isinstance(layer, nn.Dropout)) + 1
    weight: torch.Tensor = thinned[after].weight  # type: ignore[assignment]
    kept = np.random.default_rng(seed).random(weight.shape[1]) >= left_out
    with torch.no_grad():
        weight *= torch.from_numpy(kept.astype(np.float32) / np.float32(1 - left_out))
    return thinned


def flip_and_shift(images: torch.Tensor) -> torch.Tensor:
    """Flip each image left to right half of the time, and shift the batch by up to an eighth of its side.

    Args:
        images: shape (n, height, width[, channels]).
    """
    flipped = torch.rand(len(images)) < 0.5
    images = torch.where(
        flipped.to(images.device).view(-1, *[1] * (images.dim() - 1)), images.flip(2), images
    )
    reach = [max(1, side // 8) for side in images.shape[1:3]]
    moved = [int(torch.randint(-r, r + 1, (1,))) for r in reach]
    return torch.roll(images, moved, dims=(1, 2))


def _block(before: int, following: int, stride: int, pool: bool) -> list[nn.Module]:
    convolution = nn.Conv2d(before, following, 3, stride=stride, padding=1, bias=False)
    # Pooling comes before normalisation, which then has a quarter of the work. Group normalisation does not
    # look at the rest of the batch, so neither does a prediction, and it holds for batches of a few images.
    norm = nn.GroupNorm(8 if following % 8 == 0 else 1, following)
    pooling: list[nn.Module] = [nn.MaxPool2d(2)] if pool else []
    return [convolution, *pooling, norm, nn.ReLU()]
