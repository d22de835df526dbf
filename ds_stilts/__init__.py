"""Intermediate-task training (STILTs) for multilingual models: from a public checkpoint to a scored XTREME report."""

__version__ = "0.1.0"
