"""One training loop for every network: small data, the same bytes every time.

AdamW (Loshchilov and Hutter, 2019, Decoupled weight decay regularization) under a cosine schedule with a
short warm-up. Random numbers come from a generator that is set for the run and put back afterwards.
"""

from __future__ import annotations

import contextlib
import copy
import math
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from labelloop.errors import SettingsError
from labelloop.models.options import check_choice, check_number
from labelloop.models.training_rows import TrainingRows

if TYPE_CHECKING:
    import torch

DEVICES = ("auto", "cpu", "cuda")

THREADS = 1
"""Training threads. Fixed, because gradients are summed in an order that depends on their number; one,
because small batches gain little from more, and lose much where other processes want the cores too."""

_WARM_UP = 0.1
_LARGEST_GRADIENT = 5.0


@dataclass(frozen=True)
class Training:
    """How long and how a network is trained."""

    epochs: int
    min_steps: int
    """Updates at least: a handful of labels is gone through more often than `epochs`."""
    learning_rate: float
    weight_decay: float
    batch_size: int
    device: str

    def __post_init__(self) -> None:
        check_number("epochs", self.epochs, least=1, whole=True)
        check_number("min_steps", self.min_steps, least=1, whole=True)
        check_number("learning_rate", self.learning_rate, above=0)
        check_number("weight_decay", self.weight_decay, least=0)
        check_number("batch_size", self.batch_size, least=1, whole=True)
        check_choice("device", self.device, DEVICES)


def pick_device(name: str) -> torch.device:
    """The device that `name` (auto, cpu or cuda) stands for on this machine.

    Raises:
        SettingsError: cuda is asked for and there is none.
    """
    import torch

    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    if name == "cuda" and not torch.cuda.is_available():
        raise SettingsError("model.options.device is 'cuda', but no GPU is there; set it to auto or cpu")
    return torch.device(name)


@contextlib.contextmanager
def reproducible(seed: int, device: torch.device) -> Iterator[None]:
    """Run with deterministic algorithms, a fixed number of threads and seeded generators; then put back."""
    import torch

    if device.type == "cuda":
        # The linear algebra of CUDA is only deterministic with a workspace of fixed size.
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    threads = torch.get_num_threads()
    deterministic = torch.are_deterministic_algorithms_enabled()
    warn_only = torch.is_deterministic_algorithms_warn_only_enabled()
    with torch.random.fork_rng(devices=[0] if device.type == "cuda" else []):
        torch.default_generator.manual_seed(seed)
        if device.type == "cuda":
            torch.cuda.manual_seed(seed)
        torch.set_num_threads(THREADS)
        torch.use_deterministic_algorithms(True)
        try:
            yield
        finally:
            torch.set_num_threads(threads)
            torch.use_deterministic_algorithms(deterministic, warn_only=warn_only)


def train_network(
    build: Callable[[], torch.nn.Module],
    rows: TrainingRows,
    training: Training,
    seed: int,
    augment: Callable[[torch.Tensor], torch.Tensor] | None = None,
    *,
    cycles: int = 1,
) -> list[torch.nn.Module]:
    """Build a network and train it to tell the classes of `rows` apart.

    Args:
        build: makes the network; its initial weights come from torch's generator, which is seeded.
        rows: the network is called with batches of `rows.inputs` and answers with scores of
            `len(rows.present)` classes.
        augment: changes a batch of inputs before the network sees it.
        cycles: times that the rate falls to 0 and starts again, within the same number of updates.

    Returns:
        The network at the end of each cycle, on the CPU, for evaluation.
    """
    import torch
    from torch.nn.functional import cross_entropy

    device = pick_device(training.device)
    with reproducible(seed, device):
        network = build().to(device).train()
        inputs = torch.from_numpy(np.array(rows.inputs)).to(device)
        targets = torch.from_numpy(rows.targets).to(device)
        # Mean 1, so that the learning rate means the same whatever unit the weights are in.
        weight = torch.from_numpy((rows.weight / rows.weight.mean()).astype(np.float32)).to(device)
        optimiser = torch.optim.AdamW(
            network.parameters(), lr=training.learning_rate, weight_decay=training.weight_decay
        )
        steps = max(training.min_steps, training.epochs * math.ceil(len(targets) / training.batch_size))
        cycle = math.ceil(steps / cycles)
        schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda step: _rate(step % cycle, cycle))
        ends = []
        for done, picked in enumerate(_batches(len(targets), training.batch_size, cycle * cycles), start=1):
            batch = inputs[picked.to(device)]
            if augment is not None:
                batch = augment(batch)
            losses = cross_entropy(network(batch), targets[picked.to(device)], reduction="none")
            optimiser.zero_grad()
            (losses * weight[picked.to(device)]).mean().backward()
            torch.nn.utils.clip_grad_norm_(network.parameters(), _LARGEST_GRADIENT)
            optimiser.step()
            schedule.step()
            if done % cycle == 0:
                ends.append(copy.deepcopy(network).cpu().eval())
        return ends


def _rate(step: int, steps: int) -> float:
    warm_up = max(1, int(steps * _WARM_UP))
    if step < warm_up:
        return (step + 1) / warm_up
    return 0.5 * (1 + math.cos(math.pi * (step - warm_up) / max(1, steps - warm_up)))


def _batches(n: int, size: int, steps: int) -> Iterator[torch.Tensor]:
    import torch

    done = 0
    while done < steps:
        order = torch.randperm(n)
        for start in range(0, n, size):
            if done == steps:
                return
            yield order[start : start + size]
            done += 1
