"""labelloop: active-learning campaigns with people in them."""

__version__ = "0.1.0"
