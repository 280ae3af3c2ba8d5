"""A learner that uses the unlabeled pool, round any other, behind a gate.

What the pool adds is judged anew at every fit, on the labeled rows alone (`pool_gate`); where it does not
help, the fit is the plain one. The result predicts for any item. Pseudo-labels exist only inside a fit;
what is kept of them is their number by class, and how sure they were.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Self

import numpy as np

from labelloop import files
from labelloop.errors import DamagedFileError, SettingsError
from labelloop.models.base import Learner
from labelloop.models.co_training import co_train
from labelloop.models.graph_smoothing import SmoothedPool, smooth
from labelloop.models.pool_gate import PLAIN, Verdict, judge
from labelloop.models.pool_space import Projection, graph_of, join, project
from labelloop.models.pseudo_labels import PseudoLabels, Taught
from labelloop.models.self_training import self_train
from labelloop.models.standardisation import Standardisation, embedding_columns
from labelloop.models.storage import read_arrays, read_settings, write_arrays
from labelloop.models.views import TwoViews
from labelloop.one_thread import one_thread
from labelloop.settings.pool import DEFAULT, PoolOptions

CANDIDATES = {
    "graph": ("graph",),
    "self_training": ("self_training",),
    "co_training": ("co_training",),
    "either": ("graph", "self_training"),
}
"""What each value of `model.pool` tries beside the plain fit; what `auto` stands for says `pool_choice`."""

EARLIER = {"auto": "either"}
"""What values of `model.pool` were called in earlier versions, by what those wrote."""

VERDICT = "pool.json"
_ARRAYS = "pool.safetensors"


def show_pool(learner: object, read: Callable[[np.ndarray], np.ndarray], rows: np.ndarray) -> None:
    """Show a learner that uses the pool `model.pool_options.sample` random items of it.

    Any other learner is left as it is. A smaller sample is the beginning of a larger one.

    Args:
        read: inputs of rows of the pool.
        rows: shape (n,), int64, ascending: rows that may be seen, which those of the test set may not.
    """
    if isinstance(learner, PoolLearner):
        drawn = np.random.default_rng(learner.seed).permutation(rows)[: learner.pool_options.sample]
        order = np.argsort(drawn, kind="stable")
        inputs = read(drawn[order])
        learner.see_pool(inputs[np.argsort(order, kind="stable")])


def without_pool(learner: Any) -> Any:
    """The learner inside one that uses the pool, untrained; any other as it is."""
    return learner._untrained if isinstance(learner, PoolLearner) else learner


class PoolLearner:
    """Round `base`, which is observed already or will be.

    Args:
        base: the learner, untrained.
        pool: a key of `CANDIDATES`.
        seed: of the gate's folds.
        views: columns of the two views; only for co_training.
        options: `model.pool_options`.
    """

    def __init__(
        self,
        base: Learner,
        *,
        pool: str,
        seed: int,
        views: TwoViews | None = None,
        options: PoolOptions = DEFAULT,
    ) -> None:
        if pool == "co_training" and views is None:
            raise SettingsError("model.pool co_training needs two views; give the columns of each")
        self.n_classes = base.n_classes
        self.pool = pool
        self.seed = seed
        self.views = views
        self.pool_options = options
        self._untrained = base
        self._fitted: Learner | None = None
        self._sample: np.ndarray | None = None
        self._points: np.ndarray | None = None
        self._projection: Projection | None = None
        self._smoothed: SmoothedPool | None = None
        self.verdict: Verdict | None = None
        self.shown = 0
        """Items of the pool that the fit was made with."""
        self.pseudo_labels: PseudoLabels | None = None
        """Of the fit that was taken; None where that has none by its nature."""

    @property
    def fitted(self) -> bool:
        """Whether it has been trained."""
        return self._fitted is not None

    def observe(self, shards: Iterable[np.ndarray]) -> None:
        """Let the base learner see the pool."""
        self._untrained.observe(shards)

    def see_pool(self, inputs: np.ndarray) -> None:
        """Take a random sample of the unlabeled pool for the fits to come, all of what is given.

        Args:
            inputs: rows of the pool, in a random order, without items of the test set.
        """
        with one_thread():
            embedded = self._untrained.embed(inputs)
            self._projection = project(embedded)
            self._points = self._projection.apply(embedded)
        self._sample = inputs

    def fit(self, inputs: np.ndarray, targets: np.ndarray, sample_weight: np.ndarray | None = None) -> Self:
        """Train the plain fit and what the pool adds, and keep what cross-validation prefers."""
        plain = copy.deepcopy(self._untrained).fit(inputs, targets, sample_weight)
        self._fitted, self._smoothed, self.pseudo_labels = plain, None, None
        self.shown = 0 if self._sample is None else len(self._sample)
        if self._sample is None or self._points is None or self._projection is None:
            self.verdict = Verdict(PLAIN, {}, 0)
            return self
        weight = np.ones(len(targets)) if sample_weight is None else np.asarray(sample_weight, np.float64)
        used = np.flatnonzero(weight > 0)
        inputs, targets, weight = inputs[used], np.asarray(targets, dtype=np.int64)[used], weight[used]
        with one_thread():
            labeled = self._projection.apply(self._untrained.embed(inputs))

            def predict(kept: np.ndarray, held: np.ndarray) -> dict[str, np.ndarray]:
                first = copy.deepcopy(self._untrained).fit(inputs[kept], targets[kept], weight[kept])
                base = first.predict_proba(inputs[held])
                said = {PLAIN: base}
                if "graph" in CANDIDATES[self.pool]:
                    pool = self._smooth(first, inputs, labeled, kept, targets, weight)
                    said["graph"] = pool.predict(labeled[held], base, skip_same=True)
                if "self_training" in CANDIDATES[self.pool]:
                    taught = self._self_train(inputs[kept], targets[kept], weight[kept], first)
                    said["self_training"] = taught.learner.predict_proba(inputs[held])
                if "co_training" in CANDIDATES[self.pool]:
                    taught = self._co_train(inputs[kept], targets[kept], weight[kept], first)
                    said["co_training"] = taught.learner.predict_proba(inputs[held])
                return said

            self.verdict = judge(predict, targets, labeled, self.seed)
            if self.verdict.chosen == "graph":
                everything = np.arange(len(targets))
                self._smoothed = self._smooth(plain, inputs, labeled, everything, targets, weight)
            elif self.verdict.chosen == "self_training":
                self._take(self._self_train(inputs, targets, weight, plain))
            elif self.verdict.chosen == "co_training":
                self._take(self._co_train(inputs, targets, weight, plain))
        return self

    def predict_proba(self, inputs: np.ndarray) -> np.ndarray:
        """Shape (n, n_classes), float32, rows sum to 1."""
        base = self._now.predict_proba(inputs)
        if self._smoothed is None:
            return base
        assert self._projection is not None
        with one_thread():
            return self._smoothed.predict(self._projection.apply(self._untrained.embed(inputs)), base)

    def embed(self, inputs: np.ndarray) -> np.ndarray:
        """As the base learner."""
        return self._now.embed(inputs)

    def embedding_columns(self) -> Standardisation | None:
        """As the base learner."""
        return embedding_columns(self._now)

    def save(self, folder: Path) -> None:
        """Write the base learner untrained and trained, pool.json with the verdict, and the smoothed pool."""
        for name, learner in (("untrained", self._untrained), ("trained", self._fitted)):
            if learner is not None:
                (folder / name).mkdir()
                learner.save(folder / name)
        files.write_json(
            folder / VERDICT,
            {
                "pool": self.pool,
                "seed": self.seed,
                "options": self.pool_options.model_dump(mode="json"),
                **({} if self.views is None else {"views": [list(view) for view in self.views]}),
                **_described(self.verdict),
                "shown": self.shown,
                "pseudo_labels": self.pseudo_labels and self.pseudo_labels.described(),
            },
        )
        if self._smoothed is not None and self._projection is not None:
            write_arrays(
                folder / _ARRAYS,
                {
                    "mean": self._projection.mean,
                    "directions": self._projection.directions,
                    "points": self._smoothed.points,
                    "scales": self._smoothed.scales,
                    "probabilities": self._smoothed.probabilities,
                },
            )

    @classmethod
    def load_round(cls, folder: Path, base: type[Any]) -> Self:
        """Read what `save` wrote; `base` is the class of the base learner.

        Raises:
            DamagedFileError: a file is missing or damaged.
        """
        settings = read_settings(folder / VERDICT, ("pool", "seed", "chosen", "accuracy", "labels"))
        settings["pool"] = EARLIER.get(settings["pool"], settings["pool"])
        if settings["pool"] not in CANDIDATES:
            raise DamagedFileError(
                f"{folder / VERDICT} names the pool learner {settings['pool']!r}; there is only "
                f"{', '.join(CANDIDATES)}"
            )
        if settings["pool"] == "co_training":
            read_settings(folder / VERDICT, ("views",))
        views: TwoViews | None = None
        if "views" in settings:
            views = (tuple(settings["views"][0]), tuple(settings["views"][1]))
        # Models of earlier versions do not say; they were made with the defaults.
        options = PoolOptions.model_validate(settings.get("options", {}))
        learner = cls(
            base.load(folder / "untrained"),
            pool=settings["pool"],
            seed=settings["seed"],
            views=views,
            options=options,
        )
        if settings["chosen"] is None:
            return learner
        learner._fitted = base.load(folder / "trained")
        learner.verdict = Verdict(settings["chosen"], settings["accuracy"], settings["labels"])
        # Nor do they say how many items they were shown, and which pseudo-labels they were made with.
        learner.shown = settings.get("shown", 0)
        if settings.get("pseudo_labels"):
            learner.pseudo_labels = PseudoLabels.read(settings["pseudo_labels"])
        if settings["chosen"] == "graph":
            names = ("mean", "directions", "points", "scales", "probabilities")
            arrays = read_arrays(folder / _ARRAYS, names)
            learner._projection = Projection(arrays["mean"], arrays["directions"])
            learner._smoothed = SmoothedPool(
                arrays["points"], arrays["scales"], arrays["probabilities"], options.neighbours, options.share
            )
        return learner

    @property
    def _now(self) -> Learner:
        return self._untrained if self._fitted is None else self._fitted

    def _take(self, taught: Taught) -> None:
        self._fitted, self.pseudo_labels = taught.learner, taught.pseudo_labels

    def _smooth(
        self,
        base: Learner,
        inputs: np.ndarray,
        labeled: np.ndarray,
        kept: np.ndarray,
        targets: np.ndarray,
        weight: np.ndarray,
    ) -> SmoothedPool:
        """Smoothed probabilities with the labels of the rows `kept`; all labeled rows are points."""
        assert self._sample is not None
        assert self._points is not None
        points, where = join(self._points, labeled)
        said = base.predict_proba(self._sample)
        if len(points) > len(said):
            new = np.full(len(points) - len(said), -1, dtype=np.int64)
            new[where[where >= len(said)] - len(said)] = np.flatnonzero(where >= len(said))
            said = np.concatenate([said, base.predict_proba(inputs[new])])
        graph, options = graph_of(points, self.pool_options.neighbours), self.pool_options
        return smooth(
            graph, said, where[kept], targets[kept], weight[kept], alpha=options.alpha, share=options.share
        )

    def _self_train(
        self, inputs: np.ndarray, targets: np.ndarray, weight: np.ndarray, first: Learner
    ) -> Taught:
        assert self._sample is not None
        options = self.pool_options
        return self_train(
            self._untrained, inputs, targets, weight, self._sample,
            threshold=options.threshold, most=options.taught, first=first,
        )  # fmt: skip

    def _co_train(
        self, inputs: np.ndarray, targets: np.ndarray, weight: np.ndarray, first: Learner
    ) -> Taught:
        assert self._sample is not None
        assert self.views is not None
        views = (np.array(self.views[0]), np.array(self.views[1]))
        options = self.pool_options
        return co_train(
            self._untrained, inputs, targets, weight, self._sample, views,
            threshold=options.threshold, most=options.taught, first=first,
        )  # fmt: skip


def _described(verdict: Verdict | None) -> dict[str, Any]:
    if verdict is None:
        return {"chosen": None, "accuracy": {}, "labels": 0, "reason": "Not trained yet."}
    return {
        "chosen": verdict.chosen,
        "accuracy": verdict.accuracy,
        "labels": verdict.labels,
        "reason": verdict.reason,
    }
