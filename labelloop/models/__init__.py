"""Learners: what is trained, what picks, what is shipped. `base.py` says what one must be able to do."""

from labelloop.models.pool_choice import choose_pool
from labelloop.models.pool_learner import show_pool, without_pool
from labelloop.models.registry import make_learner, resolve_model_name
from labelloop.models.saving import load_learner, same_learner, save_learner

__all__ = [
    "choose_pool", "load_learner", "make_learner", "resolve_model_name", "same_learner", "save_learner",
    "show_pool", "without_pool",
]  # fmt: skip
