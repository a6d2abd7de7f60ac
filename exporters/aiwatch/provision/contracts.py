"""What the parts of the configuration half promise each other."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from aiwatch.catalogue.model import Catalogue

Tree = Mapping[str, str]
"""Paths relative to the project's root, with forward slashes, and the text of each file."""

Generator = Callable[[Catalogue], Tree]
"""A pure function: no reading, no writing, no clock; the same catalogue gives the same text."""
