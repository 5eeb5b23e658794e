"""nsmodel: a formal model checker of Linux namespace semantics."""

__version__ = "0.1.0"
