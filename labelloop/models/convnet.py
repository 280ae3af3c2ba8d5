"""A small convolutional network for images, made for tens to thousands of labels."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from labelloop.errors import DataError
from labelloop.models.convnet_layers import build_network, flip_and_shift, without_units
from labelloop.models.options import check_choice, check_number
from labelloop.models.principal_components import PrincipalComponents, principal_components
from labelloop.models.probabilities import probabilities_of, require_fitted
from labelloop.models.seeding import derive_seed
from labelloop.models.storage import made_again, read_arrays, save_settings, write_arrays
from labelloop.models.torch_training import Training, pick_device, train_network
from labelloop.models.training_rows import training_rows

if TYPE_CHECKING:
    import torch

_COMPONENTS = "components.safetensors"
_NETWORK = "network.safetensors"
_BLOCK_IMAGES = 256


class ConvNet:
    """Two or three blocks of convolution and pooling, one hidden layer, and the classes.

    Args:
        n_classes: number of classes.
        seed: of the initial weights, the order of rows, dropout and augmentation.
        width: channels of the first block; each further block has twice as many.
        hidden: units of the hidden layer, and columns of the embedding once trained.
        epochs: passes over the labeled images.
        min_steps: updates at least, for when there are few labels.
        learning_rate: highest step of AdamW.
        weight_decay: of AdamW.
        batch_size: images an update.
        dropout: share of features left out at random in training, before the hidden layer.
        augment: flip images left to right and shift them by up to an eighth, in training. Off by default:
            a flipped digit is another digit.
        embedding_size: columns of the embedding before training.
        device: auto (a GPU where there is one), cpu or cuda.

    The embedding is the hidden layer; before any training, principal components of the pixels.
    """

    def __init__(
        self,
        *,
        n_classes: int,
        seed: int,
        width: int = 32,
        hidden: int = 128,
        epochs: int = 20,
        min_steps: int = 150,
        learning_rate: float = 2e-3,
        weight_decay: float = 0.01,
        batch_size: int = 32,
        dropout: float = 0.5,
        augment: bool = False,
        embedding_size: int = 64,
        device: str = "auto",
    ) -> None:
        for name, value in {"width": width, "hidden": hidden, "embedding_size": embedding_size}.items():
            check_number(name, value, least=1, whole=True)
        check_number("dropout", dropout, least=0, below=1)
        check_choice("augment", augment, (True, False))
        self._training = Training(epochs, min_steps, learning_rate, weight_decay, batch_size, device)
        self.n_classes = n_classes
        self.seed = seed
        self.options: dict[str, Any] = {
            "width": width, "hidden": hidden, "epochs": epochs, "min_steps": min_steps,
            "learning_rate": learning_rate, "weight_decay": weight_decay, "batch_size": batch_size,
            "dropout": dropout, "augment": augment, "embedding_size": embedding_size, "device": device,
        }  # fmt: skip
        self._components: PrincipalComponents | None = None
        self._present: np.ndarray | None = None
        self._shape: tuple[int, int, int] = (0, 0, 0)
        self._network: torch.nn.Module | None = None

    @property
    def fitted(self) -> bool:
        """Whether it has been trained."""
        return self._present is not None

    def observe(self, shards: Iterable[np.ndarray]) -> None:
        """Learn the principal components of the pool's pixels."""
        seed = derive_seed(self.seed, "convnet/components")
        self._components = principal_components(shards, self.options["embedding_size"], seed)

    def fit(self, inputs: np.ndarray, targets: np.ndarray, sample_weight: np.ndarray | None = None) -> Self:
        """Train from scratch."""
        (self._network,) = self._train(inputs, targets, sample_weight, cycles=1)
        return self

    def snapshots(
        self, inputs: np.ndarray, targets: np.ndarray, sample_weight: np.ndarray | None, count: int
    ) -> list[Self]:
        """Train one network in `count` cycles; learners as they are at the end of each. See `committee`."""
        networks = self._train(inputs, targets, sample_weight, cycles=count)
        return [self._with(network) for network in networks]

    def thinned(self, seeds: Sequence[int]) -> list[Self]:
        """The trained network without a part `dropout` of what its hidden layer sees, a draw each seed."""
        from torch import nn

        require_fitted(self._present)
        assert isinstance(self._network, nn.Sequential)
        network = self._network.cpu()
        return [self._with(without_units(network, self.options["dropout"], seed)) for seed in seeds]

    def _train(
        self, inputs: np.ndarray, targets: np.ndarray, sample_weight: np.ndarray | None, cycles: int
    ) -> list[torch.nn.Module]:
        rows = training_rows(inputs, targets, sample_weight, self.n_classes)
        self._present, self._shape = rows.present, _shape_of(rows.inputs)
        return train_network(
            lambda: self._build(self._shape, len(rows.present), rows.inputs),
            rows,
            self._training,
            derive_seed(self.seed, "convnet"),
            flip_and_shift if self.options["augment"] else None,
            cycles=cycles,
        )

    def _with(self, network: torch.nn.Module) -> Self:
        member = copy.copy(self)
        member._network = network
        return member

    def predict_proba(self, inputs: np.ndarray) -> np.ndarray:
        """Shape (n, n_classes), float32."""
        present = require_fitted(self._present)
        network, device = self._on_device(inputs)

        def score(rows: np.ndarray, out: np.ndarray) -> None:
            out[:] = _run(network, rows, device)

        return probabilities_of(inputs, lambda: score, present, self.n_classes, block_rows=_BLOCK_IMAGES)

    def embed(self, inputs: np.ndarray) -> np.ndarray:
        """Shape (n, hidden), float32; untrained, (n, embedding_size)."""
        if self._present is None:
            if self._components is None:
                raise DataError("this learner has seen no image yet; call observe or fit first")
            return self._components.embed(inputs)
        network, device = self._on_device(inputs)
        result = np.empty((len(inputs), self.options["hidden"]), dtype=np.float32)
        for start in range(0, len(inputs), _BLOCK_IMAGES):
            rows = inputs[start : start + _BLOCK_IMAGES]
            result[start : start + len(rows)] = _run(network[:-1], rows, device)  # type: ignore[index]
        return result

    def save(self, folder: Path) -> None:
        """Write settings.json, components.safetensors and network.safetensors."""
        save_settings(self, folder, shape=list(self._shape))
        if self._components is not None:
            arrays = {"mean": self._components.mean, "directions": self._components.directions}
            write_arrays(folder / _COMPONENTS, arrays)
        if self._network is not None and self._present is not None:
            weights = {name: tensor.numpy() for name, tensor in self._network.state_dict().items()}
            write_arrays(folder / _NETWORK, {"present": self._present, **weights})

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what `save` wrote."""
        learner, settings = made_again(cls, folder, "shape")
        if (folder / _COMPONENTS).exists():
            arrays = read_arrays(folder / _COMPONENTS, ("mean", "directions"))
            learner._components = PrincipalComponents(arrays["mean"], arrays["directions"])
        if (folder / _NETWORK).exists():
            import torch

            arrays = read_arrays(folder / _NETWORK, ("present",))
            learner._present = arrays.pop("present")
            height, width, channels = settings["shape"]
            learner._shape = (height, width, channels)
            with torch.random.fork_rng(devices=[]):
                network = learner._build(learner._shape, len(learner._present), None)
            network.load_state_dict({name: torch.from_numpy(array) for name, array in arrays.items()})
            learner._network = network.eval()
        return learner

    def _build(
        self, shape: tuple[int, int, int], n_targets: int, images: np.ndarray | None
    ) -> torch.nn.Module:
        return build_network(
            shape,
            n_targets,
            width=self.options["width"],
            hidden=self.options["hidden"],
            dropout=self.options["dropout"],
            images=images,
        )

    def _on_device(self, inputs: np.ndarray) -> tuple[torch.nn.Module, torch.device]:
        assert self._network is not None
        if len(inputs) and _shape_of(inputs) != self._shape:
            raise DataError(f"images are {_shape_of(inputs)} (height, width, channels), but this model was "
                            f"trained on {self._shape}")  # fmt: skip
        device = pick_device(self.options["device"])
        return self._network.to(device), device


def _shape_of(images: np.ndarray) -> tuple[int, int, int]:
    if images.ndim not in (3, 4) or images.dtype != np.uint8:
        raise DataError(f"expected uint8 images of shape (n, height, width[, channels]), not {images.dtype} "
                        f"of shape {images.shape}")  # fmt: skip
    height, width = images.shape[1:3]
    return height, width, images.shape[3] if images.ndim == 4 else 1


def _run(network: torch.nn.Module, rows: np.ndarray, device: torch.device) -> np.ndarray:
    import torch

    with torch.inference_mode():
        # A copy, because torch takes no read-only memory.
        scores: np.ndarray = network(torch.from_numpy(np.array(rows)).to(device)).cpu().numpy()
    return scores
