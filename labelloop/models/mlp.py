"""A multilayer perceptron on standardised features."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from labelloop.models.options import check_number
from labelloop.models.probabilities import (
    BLOCK_ROWS,
    Score,
    add_to_rows,
    probabilities_of,
    require_fitted,
    workers_for,
)
from labelloop.models.seeding import derive_seed
from labelloop.models.standardisation import (
    Standardisation,
    as_features,
    check_finite,
    require_standardisation,
    standardisation_of,
)
from labelloop.models.storage import made_again, read_arrays, save_settings, write_arrays
from labelloop.models.torch_training import Training, train_network
from labelloop.models.training_rows import TrainingRows, training_rows

if TYPE_CHECKING:
    import torch

_ARRAYS = "mlp.safetensors"


class Mlp:
    """Fully connected layers with ReLU, on features or on images as flat pixels in [0, 1].

    Trained with torch; asked with plain matrix products on the CPU, where scoring a pool is bound by them.

    Args:
        n_classes: number of classes.
        seed: of the initial weights, the order of rows and dropout.
        hidden: width of the hidden layer, or a list of widths.
        epochs: passes over the labeled rows.
        min_steps: updates at least, for when there are few labels.
        learning_rate: highest step of AdamW.
        weight_decay: of AdamW.
        batch_size: rows an update.
        dropout: share of hidden units left out at random in training.
        device: where it is trained: auto (a GPU where there is one), cpu or cuda.

    The embedding is the last hidden layer; before any training, the standardised features.
    """

    def __init__(
        self,
        *,
        n_classes: int,
        seed: int,
        hidden: int | Sequence[int] = 256,
        epochs: int = 60,
        min_steps: int = 300,
        learning_rate: float = 2e-3,
        weight_decay: float = 0.01,
        batch_size: int = 64,
        dropout: float = 0.2,
        device: str = "auto",
    ) -> None:
        widths = [hidden] if isinstance(hidden, int) else list(hidden)
        for width in widths or [0]:
            check_number("hidden", width, least=1, whole=True)
        check_number("dropout", dropout, least=0, below=1)
        self._training = Training(epochs, min_steps, learning_rate, weight_decay, batch_size, device)
        self.n_classes = n_classes
        self.seed = seed
        self.options: dict[str, Any] = {
            "hidden": widths, "epochs": epochs, "min_steps": min_steps, "learning_rate": learning_rate,
            "weight_decay": weight_decay, "batch_size": batch_size, "dropout": dropout, "device": device,
        }  # fmt: skip
        self._observed = False
        self._standardisation: Standardisation | None = None
        self._present: np.ndarray | None = None
        self._layers: list[tuple[np.ndarray, np.ndarray]] = []

    @property
    def fitted(self) -> bool:
        """Whether it has been trained."""
        return self._present is not None

    def observe(self, shards: Iterable[np.ndarray]) -> None:
        """Learn each feature's mean and spread from the pool."""
        self._standardisation = standardisation_of(shards)
        self._observed = True

    def fit(self, inputs: np.ndarray, targets: np.ndarray, sample_weight: np.ndarray | None = None) -> Self:
        """Train from scratch; without a pool observed, the scale comes from the training rows."""
        (network,) = self._train(inputs, targets, sample_weight, cycles=1)
        self._take(network)
        return self

    def snapshots(
        self, inputs: np.ndarray, targets: np.ndarray, sample_weight: np.ndarray | None, count: int
    ) -> list[Self]:
        """Train one network in `count` cycles; learners as they are at the end of each. See `committee`."""
        members = []
        for network in self._train(inputs, targets, sample_weight, cycles=count):
            members.append(copy.copy(self))
            members[-1]._take(network)
        return members

    def thinned(self, seeds: Sequence[int]) -> list[Self]:
        """The trained network without a part `dropout` of its hidden units, drawn from each seed."""
        require_fitted(self._present)
        return [self._thinned(np.random.default_rng(seed)) for seed in seeds]

    def _train(
        self, inputs: np.ndarray, targets: np.ndarray, sample_weight: np.ndarray | None, cycles: int
    ) -> list[torch.nn.Module]:
        rows = training_rows(inputs, targets, sample_weight, self.n_classes)
        features = as_features(rows.inputs)
        check_finite(features)
        if self._standardisation is None or not self._observed:
            self._standardisation = standardisation_of([features])
        standardised = self._standardisation.apply(features)
        self._present = rows.present
        return train_network(
            lambda: self._network(standardised.shape[1], len(rows.present)),
            TrainingRows(standardised, rows.present, rows.targets, rows.weight),
            self._training,
            derive_seed(self.seed, "mlp"),
            cycles=cycles,
        )

    def _take(self, network: torch.nn.Module) -> None:
        """Take over a trained network's weights."""
        parameters = [parameter.detach().numpy() for parameter in network.parameters()]
        self._layers = [
            (np.ascontiguousarray(weights.T), bias)
            for weights, bias in zip(parameters[::2], parameters[1::2], strict=True)
        ]

    def _thinned(self, random: np.random.Generator) -> Self:
        """What is kept is scaled up, as in training, so that the next layer gets the same on average."""
        member, left_out = copy.copy(self), self.options["dropout"]
        member._layers = self._layers[:1]
        for weights, bias in self._layers[1:]:
            kept = (random.random(len(weights)) >= left_out) / np.float32(1 - left_out)
            member._layers.append((np.ascontiguousarray(weights * kept[:, None], dtype=np.float32), bias))
        return member

    def predict_proba(self, inputs: np.ndarray) -> np.ndarray:
        """Shape (n, n_classes), float32."""
        present = require_fitted(self._present)
        weights, bias = self._layers[-1]
        block = min(BLOCK_ROWS, len(inputs))
        biases = np.tile(bias, block)

        def make_score() -> Score:
            hidden = self._hidden_layers(block)

            def score(rows: np.ndarray, out: np.ndarray) -> None:
                np.matmul(hidden(rows), weights, out=out)
                add_to_rows(out, biases)

            return score

        workers = workers_for(sum(weights.size for weights, _ in self._layers))
        return probabilities_of(inputs, make_score, present, self.n_classes, workers=workers)

    def embed(self, inputs: np.ndarray) -> np.ndarray:
        """Shape (n, width of the last hidden layer), float32; untrained, (n, d) standardised features."""
        if self._present is None:
            return require_standardisation(self._standardisation).apply(as_features(inputs))
        hidden = self._hidden_layers(min(BLOCK_ROWS, len(inputs)))
        result = np.empty((len(inputs), len(self._layers[-1][0])), dtype=np.float32)
        for start in range(0, len(inputs), BLOCK_ROWS):
            result[start : start + BLOCK_ROWS] = hidden(inputs[start : start + BLOCK_ROWS])
        return result

    def embedding_columns(self) -> Standardisation | None:
        """What `embed` does to each column; None once it is trained."""
        return self._standardisation if self._present is None else None

    def _network(self, d: int, n_targets: int) -> torch.nn.Module:
        from torch import nn

        layers: list[nn.Module] = []
        width = d
        for following in self.options["hidden"]:
            layers += [nn.Linear(width, following), nn.ReLU(), nn.Dropout(self.options["dropout"])]
            width = following
        return nn.Sequential(*layers, nn.Linear(width, n_targets))

    def _hidden_layers(self, block: int) -> Callable[[np.ndarray], np.ndarray]:
        """The function from at most `block` rows to the last hidden layer; it reuses its memory."""
        first = require_standardisation(self._standardisation).fold(*self._layers[0])
        further = [(weights, bias) for weights, bias in self._layers[1:-1]]
        memory = [np.empty((block, len(bias)), dtype=np.float32) for _, bias in self._layers[:-1]]
        biases = [np.tile(bias, block) for bias in (first.intercept, *(bias for _, bias in further))]

        def hidden(rows: np.ndarray) -> np.ndarray:
            out = memory[0][: len(rows)]
            first.into(as_features(rows), out)
            add_to_rows(out, biases[0])
            np.maximum(out, 0, out=out)
            for (weights, _), target, repeated in zip(further, memory[1:], biases[1:], strict=True):
                before, out = out, target[: len(rows)]
                np.matmul(before, weights, out=out)
                add_to_rows(out, repeated)
                np.maximum(out, 0, out=out)
            return out

        return hidden

    def save(self, folder: Path) -> None:
        """Write settings.json and mlp.safetensors."""
        save_settings(self, folder, observed=self._observed)
        arrays: dict[str, np.ndarray] = {}
        if self._standardisation is not None:
            arrays |= {"mean": self._standardisation.mean, "scale": self._standardisation.scale}
        if self._present is not None:
            arrays["present"] = self._present
            for number, (weights, bias) in enumerate(self._layers):
                arrays |= {f"weights_{number}": weights, f"bias_{number}": bias}
        write_arrays(folder / _ARRAYS, arrays)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what `save` wrote."""
        learner, settings = made_again(cls, folder, "observed")
        arrays = read_arrays(folder / _ARRAYS)
        learner._observed = settings["observed"]
        if "mean" in arrays:
            learner._standardisation = Standardisation(arrays["mean"], arrays["scale"])
        if "present" in arrays:
            learner._present = arrays["present"]
            learner._layers = [
                (arrays[f"weights_{number}"], arrays[f"bias_{number}"])
                for number in range(len(settings["options"]["hidden"]) + 1)
            ]
        return learner
